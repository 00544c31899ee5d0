"""Spark: what it reads, and a session of it for proofs."""
