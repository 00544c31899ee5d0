"""Readers of manifests: one for each form that was ever written, so that no package becomes unreadable."""
