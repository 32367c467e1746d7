"""Results that are there already: found again, compared and reviewed."""
