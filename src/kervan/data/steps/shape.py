"""A table taken through its steps, with what each of them changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.core import shaping
from kervan.core.errors import InvalidData
from kervan.core.nouns import Finding, Shaping, Verdict
from kervan.core.ports import ReadOptions
from kervan.data.names import check_unreserved
from kervan.data.sources.plain import plain_types
from kervan.data.steps import across, columns, escape, parse, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What a step may use besides its table: the tables that it joins, and where its functions lie.

    The values of columns in `hidden` are not shown.
    """

    folder: Path = Path()
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaped:
    """The table that came out, what each step changed, and what was noticed."""

    table: pl.DataFrame
    steps: tuple[Shaping, ...] = ()
    findings: tuple[Finding, ...] = ()


def shape(table: pl.DataFrame, steps: Iterable[shaping.TableStep], around: Around) -> Shaped:
    """Take a table through its steps, one after the other.

    Those that leave rows of the training part out are not among them: see `outliers.within`. Raises
    `InvalidConfig` that names the step which does not fit the table, and `InvalidData` that names row and
    column of what a step cannot read.
    """
    done: list[Shaping] = []
    findings: list[Finding] = []
    for number, step in enumerate(steps, 1):
        if isinstance(step, shaping.Outliers):
            continue
        verb = shaping.verb_of(step)  # type: ignore[arg-type]  # every table step is one of them
        place = f"[[data.steps]] {number}, {verb}"
        after, noticed = VERBS[type(step)](table, step, place, around)
        if not after.width:
            raise InvalidData(
                f"{place}: no column is left of {table.width:,}", hint="leave the target at least"
            )
        if not after.height:
            raise InvalidData(f"{place}: no row is left of {table.height:,}", hint="look at the step before")
        check_unreserved(after.columns, place)
        after = plain_types(after, place, ReadOptions(), hint="let the step make plain columns of it")
        findings += (_warned(verb, place, each) for each in noticed)
        done.append(_changed(step, table, after))
        table = after
    return Shaped(table=table, steps=tuple(done), findings=tuple(findings))


def _changed(step: Any, before: pl.DataFrame, after: pl.DataFrame) -> Shaping:
    return Shaping(
        step=shaping.told(step),
        before=before.height,
        after=after.height,
        added=tuple(name for name in after.columns if name not in before.columns),
        removed=tuple(name for name in before.columns if name not in after.columns),
    )


def _warned(verb: str, place: str, message: str) -> Finding:
    return Finding(rule=f"step_{verb}", subject="", verdict=Verdict.WARNED, message=f"{place}: {message}")


# Each gives the table that comes out, and what is worth knowing about it.
VERBS: dict[type[Any], Callable[[Any, Any, str, Any], tuple[Any, list[str]]]] = {
    shaping.Rename: columns.rename,
    shaping.Drop: columns.drop,
    shaping.Select: columns.select,
    shaping.Replace: columns.replace,
    shaping.Extract: columns.extract,
    shaping.Combine: columns.combine,
    shaping.Derive: columns.derive,
    shaping.Parse: parse.parse,
    shaping.Filter: rows.keep,
    shaping.Deduplicate: rows.deduplicate,
    shaping.Aggregate: across.aggregate,
    shaping.Pivot: across.pivot,
    shaping.Unpivot: across.unpivot,
    shaping.Join: across.join,
    shaping.Sql: escape.query,
    shaping.Call: escape.call,
}
