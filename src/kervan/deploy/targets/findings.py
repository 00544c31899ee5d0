"""Findings of what a place would refuse, or does otherwise than a plan says."""

from __future__ import annotations

from kervan.core.nouns import Finding, Verdict


def failed(rule: str, subject: str, message: str, hint: str = "") -> Finding:
    """Return a finding that stops a release."""
    return Finding(rule=rule, subject=subject, verdict=Verdict.FAILED, message=message, hint=hint)


def warned(rule: str, subject: str, message: str, hint: str = "") -> Finding:
    """Return a finding that a release may go on with."""
    return Finding(rule=rule, subject=subject, verdict=Verdict.WARNED, message=message, hint=hint)
