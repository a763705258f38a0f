"""From labelled deals to a fitted, calibrated scorecard."""
