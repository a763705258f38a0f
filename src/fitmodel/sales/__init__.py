"""Sales report: rep performance, reviews, commission, customer profile."""
