"""Logged instead of a copy of fitmodel by trainings of tests that do not need the copy."""
