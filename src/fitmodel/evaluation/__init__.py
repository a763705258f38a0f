"""How good the probabilities are, measured on deals not trained on."""
