"""How many deals it takes before something is concluded from their early-churn rate."""

from __future__ import annotations

MIN_DEALS = 20
"""Deals of one rep, group or value of an attribute; with fewer, nothing is reported or proposed."""
