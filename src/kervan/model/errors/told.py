"""An error analysis in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kervan.model.errors.analysis import ErrorAnalysis


def told_in_short(errors: ErrorAnalysis) -> str:
    """Say where a model is worst, or that it is nowhere worse than elsewhere."""
    worst = errors.segments.worst
    if not errors.segments.tried:
        return f"too few rows to tell segments of {errors.segments.fewest} or more apart"
    if not worst:
        return f"no segment of {errors.segments.tried:,} that were tried is surely worse than the rest"
    times = f"loses {worst[0].loss / worst[0].rest:.1f} times as much" if worst[0].rest else "loses most"
    return f"worst where {worst[0]}: {times} as elsewhere ({worst[0].rows:,} rows)"
