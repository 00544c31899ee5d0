"""Readers of fitted models, one file for each kind."""
