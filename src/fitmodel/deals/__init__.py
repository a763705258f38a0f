"""Deals: the contract, the history of outcomes, validation."""
