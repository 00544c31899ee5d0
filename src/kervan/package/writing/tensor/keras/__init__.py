"""Keras: a form as a model of its own layers and operations."""
