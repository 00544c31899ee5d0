"""Images of packages: made, pushed and pulled without a daemon."""
