"""Guess the meaning of a table's columns and rows, and list open questions."""
