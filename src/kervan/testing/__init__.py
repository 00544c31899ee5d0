"""Conformance suites that every adapter passes, ours and others'."""
