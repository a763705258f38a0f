"""The REST service and the deal desk."""
