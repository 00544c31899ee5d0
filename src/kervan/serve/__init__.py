"""One engine that answers, and the protocols that translate for it."""
