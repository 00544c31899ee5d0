"""How good a table is, in one number with its parts, by a stated formula."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from kervan.core.nouns import Finding, Verdict
from kervan.data.checks.fresh import FRESH
from kervan.data.pieces import Chosen, Pieces, batches, column_of
from kervan.data.profile.hashes import HashSample
from kervan.data.profile.table import ROW_HASHES
from kervan.data.profile.twins import same
from kervan.data.protection.anonymity import Anonymity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kervan.data.pieces import Table

_MANY = 1000  # so many different texts are no categories whose spellings could be compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Parts from 0 to 1, and their mean times 100 as `score`.

    `completeness` is the share of cells that hold a value, `validity` that of the rows that keep every rule
    (those that were kept aside do not), `uniqueness` that of the rows that repeat no earlier one,
    `consistency` that of the texts that are spelled as most of their twins are, `timeliness` that of the
    rules about freshness that hold; None without such a rule.
    """

    score: float
    completeness: float
    validity: float
    uniqueness: float
    consistency: float
    timeliness: float | None = None

    @property
    def parts(self) -> dict[str, float]:
        """The parts that there are, by name."""
        names = ("completeness", "validity", "uniqueness", "consistency", "timeliness")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What validation counted: `failing` of `rows` rows broke a rule, `rejected` were kept aside.

    `reasons` counts the rejected rows by why they were, the most frequent first. `anonymity` says how well
    the rows that are kept hide among each other, where that was asked for. `newest` is the newest date of
    each column that has to be fresh.
    """

    rows: int
    failing: int
    rejected: int
    quality: Quality
    reasons: dict[str, int] = field(default_factory=dict)
    anonymity: Anonymity | None = None
    newest: dict[str, datetime | None] = field(default_factory=dict)


def quality_of(table: Table, findings: Iterable[Finding], *, valid: float) -> Quality:
    """Compute the score of a table of whose rows the share `valid` (0 to 1) keeps every rule."""
    cells = table.height * table.width
    missing = sum(sum(batch.null_count().row(0)) for batch in batches(table))
    timeless = Quality(
        score=0.0,
        completeness=1 - missing / cells if cells else 1.0,
        validity=valid,
        uniqueness=unique_share(table),
        consistency=consistency(table),
    )
    return timely(timeless, findings)


def timely(quality: Quality, findings: Iterable[Finding]) -> Quality:
    """Return how good a table is with its freshness as some findings say."""
    fresh = [each.verdict is Verdict.PASSED for each in findings if each.rule == FRESH]
    found = replace(quality, timeliness=sum(fresh) / len(fresh) if fresh else None)
    return replace(found, score=100 * sum(found.parts.values()) / len(found.parts))


def unique_share(table: Table) -> float:
    """Return the share of rows that repeat no earlier one, by 64 bits: ten times as fast as by values.

    Of a table in pieces with more than a million different rows it is an estimate.
    """
    if isinstance(table, Pieces | Chosen):
        seen = HashSample(ROW_HASHES, repeats=True)
        for batch in batches(table):
            seen.add(batch.hash_rows(seed=1).to_numpy())
        return 1 - seen.repeated / max(1, table.height)
    return float(table.hash_rows().n_unique() / max(1, table.height))


def consistency(table: Table) -> float:
    """Return the share of texts that are spelled as most of their twins; free texts have none.

    >>> import polars as pl
    >>> consistency(pl.DataFrame({"city": ["İzmir", "İzmir", "izmir", "Van"]}))
    0.75
    """
    import polars as pl

    total = odd = 0
    for name in (name for name, kind in table.schema.items() if kind == pl.String):
        counts = _spellings(table, name)
        if counts is None:
            continue
        twins: dict[str, list[int]] = {}
        for text, count in counts.items():
            twins.setdefault(same(text), []).append(count)
        total += counts.total()
        odd += sum(sum(each) - max(each) for each in twins.values())
    return 1 - odd / total if total else 1.0


def _spellings(table: Table, name: str) -> Counter[str] | None:
    """Count the texts of a column, None where they are too many."""
    counts: Counter[str] = Counter()
    for column in column_of(table, name):
        present = column.drop_nulls().alias("text")
        if present.n_unique() > _MANY:
            return None
        counts.update(dict(present.value_counts(name="count").iter_rows()))
        if len(counts) > _MANY:
            return None
    return counts
