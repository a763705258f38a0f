"""Codes of checks: what each means, and results for people and for CI."""
