"""Features: expressions of a user, as layers of the neutral form over the encoded row."""
