"""What records runs elsewhere, on the lifecycle hooks."""
