"""Kervan carries one machine-learning model through its whole life."""
