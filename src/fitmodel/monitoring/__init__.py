"""Monitoring: decision log, drift, performance."""
