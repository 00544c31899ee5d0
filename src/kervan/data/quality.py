"""How good a table is, in one number with its parts, by a stated formula."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kervan.core.nouns import Finding, Verdict
from kervan.data.profile.twins import same
from kervan.data.protection.anonymity import Anonymity
from kervan.flow.table import as_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import polars as pl

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
    the rows that are kept hide among each other, where that was asked for.
    """

    rows: int
    failing: int
    rejected: int
    quality: Quality
    reasons: dict[str, int] = field(default_factory=dict)
    anonymity: Anonymity | None = None


def quality_of(table: pl.DataFrame, findings: Iterable[Finding], *, valid: float, unique: float) -> Quality:
    """Compute the score of a table whose rows are `valid` and `unique` by such shares (0 to 1)."""
    cells = table.height * table.width
    missing = sum(column.null_count() for column in table.get_columns())
    fresh = [each.verdict is Verdict.PASSED for each in findings if each.rule == "newest_within"]
    parts = [
        1 - missing / cells if cells else 1.0,
        valid,
        unique,
        consistency([column for column in table.get_columns() if _is_text(column)]),
        *([sum(fresh) / len(fresh)] if fresh else []),
    ]
    return Quality(
        score=100 * sum(parts) / len(parts),
        completeness=parts[0],
        validity=valid,
        uniqueness=unique,
        consistency=parts[3],
        timeliness=parts[4] if fresh else None,
    )


def consistency(columns: Sequence[pl.Series]) -> float:
    """Return the share of texts that are spelled as most of their twins; free texts have none.

    >>> import polars as pl
    >>> consistency([pl.Series(["İzmir", "İzmir", "izmir", "Van"])])
    0.75
    """
    total = odd = 0
    for column in columns:
        present = column.drop_nulls()
        if present.n_unique() > _MANY:
            continue
        counts: dict[str, list[int]] = {}
        for text, count in as_texts(present).alias("text").value_counts(name="count").iter_rows():
            counts.setdefault(same(text), []).append(count)
        total += len(present)
        odd += sum(sum(each) - max(each) for each in counts.values())
    return 1 - odd / total if total else 1.0


def _is_text(column: pl.Series) -> bool:
    import polars as pl

    return column.dtype == pl.String
