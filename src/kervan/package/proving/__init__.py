"""The proof that what was written answers like the original, and what is built on it."""
