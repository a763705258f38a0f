"""What a deal is, and what was known of it when."""
