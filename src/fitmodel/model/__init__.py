"""FitModel: predict, reasons, similar deals, counterfactuals."""
