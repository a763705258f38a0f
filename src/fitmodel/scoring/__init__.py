"""Batch scoring: files, databases, Spark."""
