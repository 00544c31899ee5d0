"""How bad an advisory says it is: in its own words, or by the base score of its CVSS vector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LEVELS = ("critical", "high", "medium", "low", "unknown")
_WORDS = {"moderate": "medium", "unimportant": "low", "not yet assigned": "unknown", "end-of-life": "unknown"}
_BOUNDS = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"))
_IMPACT = {"H": 0.56, "L": 0.22, "N": 0.0}
_EXPLOIT = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
    "AC": {"L": 0.77, "H": 0.44},
    "UI": {"N": 0.85, "R": 0.62},
}
_RIGHTS = {"U": {"N": 0.85, "L": 0.62, "H": 0.27}, "C": {"N": 0.85, "L": 0.68, "H": 0.5}}


def severity_of(advisory: Mapping[str, Any], affected: Mapping[str, Any]) -> str:
    """Return one of `LEVELS`."""
    for place in (
        affected.get("ecosystem_specific"),
        affected.get("database_specific"),
        advisory.get("database_specific"),
    ):
        told = place or {}
        word = str(told.get("severity") or told.get("urgency") or "").lower()
        word = _WORDS.get(word, word)
        if word in LEVELS and word != "unknown":
            return word
    for each in advisory.get("severity", ()):
        if each.get("type") == "CVSS_V3":
            return level(base_score(str(each.get("score", ""))))
    return "unknown"


def level(score: float) -> str:
    """Return what a base score is called.

    >>> level(9.8), level(0.0)
    ('critical', 'unknown')
    """
    return next((name for bound, name in _BOUNDS if score >= bound), "unknown")


def base_score(vector: str) -> float:
    """Return the base score of a CVSS 3 vector, 0 to 10 (https://www.first.org/cvss/v3.1/specification-document).

    >>> base_score("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")
    9.8
    """
    told = dict(part.partition(":")[::2] for part in vector.split("/"))
    try:
        is_changed = told["S"] == "C"
        kept = (1 - _IMPACT[told["C"]]) * (1 - _IMPACT[told["I"]]) * (1 - _IMPACT[told["A"]])
        ease = 8.22 * _RIGHTS[told["S"]][told["PR"]]
        for name, weights in _EXPLOIT.items():
            ease *= weights[told[name]]
    except KeyError:
        return 0.0
    lost = 1 - kept
    impact = 7.52 * (lost - 0.029) - 3.25 * (lost - 0.02) ** 15 if is_changed else 6.42 * lost
    if impact <= 0:
        return 0.0
    return _rounded_up(min(1.08 * (impact + ease) if is_changed else impact + ease, 10.0))


def _rounded_up(score: float) -> float:
    whole = round(score * 100_000)
    return whole / 100_000 if whole % 10_000 == 0 else (whole // 10_000 + 1) / 10
