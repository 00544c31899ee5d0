"""How much is kept of each column while a table passes, so that memory does not grow with its rows."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

EXACT_VALUES = 6_000_000  # numbers of all columns together, 48 MB, beyond which quantiles are estimated
SAMPLE_CELLS = 4_000_000
SAMPLE_ROWS = 20_000
WIDE = 100  # columns, beyond which a piece of a file is too few rows to be read alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """For each column: numbers and different texts that are kept, width of a summary, hashes."""

    values: float = inf
    texts: float = inf
    width: int = 4096
    hashes: int = 1 << 62

    @property
    def is_exact(self) -> bool:
        """Whether all is kept."""
        return self.values == inf


def bounds_of(columns: int) -> Bounds:
    """Return the bounds of a table that passes in batches.

    >>> bounds_of(20).values, bounds_of(20).width, bounds_of(1000).width
    (300000, 4096, 1024)
    """
    each = max(1, columns)
    return Bounds(
        values=EXACT_VALUES // each,
        texts=max(2000, min(50_000, 2_000_000 // each)),
        width=4096 if each <= 100 else 1024,
        hashes=8192 if each <= 100 else 4096,
    )


def sample_rows(columns: int) -> int:
    """Return of how many rows pairs of columns are looked at.

    >>> sample_rows(20), sample_rows(1000)
    (20000, 4000)
    """
    return max(1000, min(SAMPLE_ROWS, SAMPLE_CELLS // max(1, columns)))
