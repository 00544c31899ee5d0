"""Places of Amazon Web Services: bodies of calls that people can read, and what sends them."""
