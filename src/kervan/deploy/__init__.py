"""How a package comes to answer real requests."""
