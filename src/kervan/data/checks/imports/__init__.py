"""Checks that were written for other libraries, as ours, where they mean the same."""
