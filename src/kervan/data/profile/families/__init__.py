"""Which family of distributions a column's values come from."""
