"""The metrics of a run as one hash, for the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from kervan.core.identity import sha256_parts
from kervan.store.tables import metrics, results

Rows = Sequence[sa.Row[tuple[Any, ...]]]

NONE = sha256_parts([])  # what a run without metrics has
_TABLES = (metrics, results)
_AT_ONCE = 200


def figures_of(connection: sa.Connection, runs: Sequence[str]) -> dict[str, str]:
    """Return a hash over all values of each run's metrics, and over those by which it is searched."""
    found: dict[str, list[list[sa.Row[tuple[Any, ...]]]]] = {run: [[], []] for run in runs}
    for place, table in enumerate(_TABLES):
        for row in connection.execute(sa.select(table).where(table.c.run.in_(runs))):
            found[row.run][place].append(row)
    return {run: _digest(*tables) for run, tables in found.items()}


def all_figures(connection: sa.Connection) -> dict[str, str]:
    """Return what `figures_of` gives for every run that has any."""
    runs = sorted({run for table in _TABLES for run in connection.scalars(sa.select(table.c.run).distinct())})
    return {
        run: digest
        for start in range(0, len(runs), _AT_ONCE)
        for run, digest in figures_of(connection, runs[start : start + _AT_ONCE]).items()
    }


def _digest(*tables: Rows) -> str:
    """Hash rows as Python writes them: JSON has no infinity, and databases sort texts as they like."""
    return sha256_parts(
        f"{number}{tuple(row)!r}" for number, rows in enumerate(tables) for row in sorted(rows, key=_place)
    )


def _place(row: sa.Row[tuple[Any, ...]]) -> tuple[str, int]:
    return row.name, getattr(row, "step", 0)
