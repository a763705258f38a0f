"""What happens after the model is in use."""
