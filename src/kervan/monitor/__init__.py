"""What production looks like, compared with training."""
