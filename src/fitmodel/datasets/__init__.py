"""Deals to try fitmodel on: simulated ones with known truth, and real ones."""
