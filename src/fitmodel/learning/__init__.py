"""Learning: from a training set to a fitted, calibrated scorecard."""
