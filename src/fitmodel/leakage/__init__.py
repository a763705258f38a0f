"""Leakage audit: attributes that reveal the outcome."""
