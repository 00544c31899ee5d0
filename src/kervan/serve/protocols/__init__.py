"""Protocols: bytes to rows and answers to bytes, without I/O."""
