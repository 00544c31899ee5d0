"""Tables of rows that nobody gave: they follow the distribution of a real table."""
