"""A dataset as other catalogues read it."""
