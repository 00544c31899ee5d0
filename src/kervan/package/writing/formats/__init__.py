"""Formats a model is written in."""
