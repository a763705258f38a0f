"""Pages and texts made from results: model card, sales report, briefs, monitoring, console."""
