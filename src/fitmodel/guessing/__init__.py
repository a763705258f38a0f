"""Guess what the columns and rows of a table mean, and say what is in doubt."""
