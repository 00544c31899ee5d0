"""What was measured, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kervan.core.releasing import Guard

    Pair = tuple[float | None, float | None]

_SUBJECTS = {
    "errors": "{} of the candidate's requests fail, {} of the stable version's",
    "refused": "{} of the candidate's requests are refused, {} of the stable version's",
    "p50": "half of the candidate's requests take up to {}, of the stable version's {}",
    "p90": "nine of ten of the candidate's requests take up to {}, of the stable version's {}",
    "p99": "99 of 100 of the candidate's requests take up to {}, of the stable version's {}",
    "cpu": "a row takes the candidate {} of processor time, the stable version {}",
    "memory": "a replica holds {} with the candidate, {} before",
    "quality": "the candidate's quality on the same rows is {}, the stable version's {}",
    "reward": "a request of the candidate brings {}, of the stable version {}",
}
_SHARES, _TIMES = {"errors", "refused", "outputs"}, {"p50", "p90", "p95", "p99", "cpu"}


def said(metric: str, figures: Pair, group: str = "") -> str:
    """Say how the candidate's figure stands beside the stable version's; `figures` has that first."""
    stable, candidate = (shown(metric, figure) for figure in figures)
    if metric == "outputs":
        return f"{candidate} of the candidate's answers are {group!r}, {stable} of the stable version's"
    return _SUBJECTS[metric].format(candidate, stable)


def guard_said(guard: Guard, figure: float | None, is_broken: bool) -> str:
    """Say whether a guard is kept."""
    kept = "is broken" if is_broken else "is kept so far"
    return f"{guard.text!r} {kept}: {guard.metric} is {shown(guard.metric, figure)}"


def shown(metric: str, figure: float | None) -> str:
    """Return a figure with its unit.

    >>> shown("errors", 0.0013), shown("p99", 0.0125), shown("memory", 3e8), shown("quality", None)
    ('0.13 %', '12.5 ms', '286 MB', 'unknown')
    """
    if figure is None:
        return "unknown"
    if metric in _SHARES:
        return f"{figure * 100:.2g} %" if figure < 0.1 else f"{figure * 100:.1f} %"
    if metric in _TIMES:
        return f"{figure:.3g} s" if figure >= 1 else f"{figure * 1e3:.3g} ms"
    if metric == "memory":
        return f"{figure / 2**20:,.0f} MB"
    return f"{figure:.4g}"
