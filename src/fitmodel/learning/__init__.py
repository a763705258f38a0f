"""From labelled deals to a fitted, calibrated book of tables."""
