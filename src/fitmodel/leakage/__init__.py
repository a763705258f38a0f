"""Audit of attributes that know the outcome."""
