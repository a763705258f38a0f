"""Evaluation of probabilities on deals not trained on."""
