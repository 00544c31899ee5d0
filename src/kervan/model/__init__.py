"""Candidates trained, compared, evaluated against a goal and accepted."""
