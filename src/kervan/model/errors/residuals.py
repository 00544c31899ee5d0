"""How far the answers of a regression are off, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.model.errors.held_out import HeldOut
    from kervan.model.formulas import Floats

_BARS = (8, 40)
_BANDS = 12
_DOTS = 300
_FEWEST = 10
_ENDS = (0.005, 0.995)  # what lies beyond would make all bars but one invisible
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Rows with alike answers: their mean answer, and five quantiles (5 to 95 %) of answer minus truth."""

    rows: int
    answer: float
    errors: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Residuals:
    """Answer minus truth: counts of equal bars from `low` to `high`, bands by answer, and some single rows.

    `outside` counts the rows beyond the bars. `dots` are (answer, error) of at most 300 rows.
    """

    low: float
    high: float
    counts: tuple[int, ...]
    outside: int
    bands: tuple[Band, ...]
    dots: tuple[tuple[float, float], ...]


def residuals(answered: HeldOut, *, seed: int = 0) -> Residuals:
    """Look at the errors of a regression."""
    answers = answered.values[:, 0]
    errors = answers - answered.truth
    low, high = map(float, np.quantile(errors, _ENDS))
    inside = errors[(errors >= low) & (errors <= high)]
    if low == high:
        low, high = low - 1, high + 1
    bars = int(np.clip(2 * len(inside) ** 0.5, *_BARS))
    counts, _ = np.histogram(inside, bins=bars, range=(low, high))
    drawn = np.random.default_rng(seed).permutation(len(errors))[:_DOTS]
    return Residuals(
        low=low,
        high=high,
        counts=tuple(counts.tolist()),
        outside=len(errors) - len(inside),
        bands=tuple(_bands(answers, errors)),
        dots=tuple(zip(answers[drawn].tolist(), errors[drawn].tolist(), strict=True)),
    )


def _bands(answers: Floats, errors: Floats) -> Iterator[Band]:
    """Part the rows by their answers into bands of about as many rows, of which none is tiny."""
    bands = max(1, min(_BANDS, len(answers) // _FEWEST))
    edges = np.unique(np.quantile(answers, np.linspace(0, 1, bands + 1)[1:-1]))
    places = np.searchsorted(edges, answers, "right")
    for place in np.unique(places):
        inside = places == place
        yield Band(
            rows=int(inside.sum()),
            answer=float(answers[inside].mean()),
            errors=tuple(np.quantile(errors[inside], _QUANTILES).tolist()),
        )
