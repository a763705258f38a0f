"""Many prospects at once: files."""
