"""Runs, registry and promotion: the only room that imports MLflow, and only when used."""
