"""A table taken through its steps, with what each of them changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Generic

from kervan.core import shaping
from kervan.core.errors import InvalidData
from kervan.core.nouns import Finding, Shaping, Verdict
from kervan.core.ports import ReadOptions
from kervan.data.names import check_unreserved
from kervan.data.pieces import Rows_co
from kervan.data.sources.plain import plain_types
from kervan.data.steps import across, columns, escape, parse, rows, window
from kervan.data.steps.remark import Read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    import polars as pl

    from kervan.data.steps.remark import Remark


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What a step may use besides its table: the tables that it joins, and where its functions lie.

    The values of columns in `hidden` are not shown.
    """

    folder: Path = Path()
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaped(Generic[Rows_co]):
    """The table that came out, what each step changed, and what was noticed."""

    table: Rows_co
    steps: tuple[Shaping, ...] = ()
    findings: tuple[Finding, ...] = ()


def shape(table: pl.DataFrame, steps: Iterable[shaping.TableStep], around: Around) -> Shaped[pl.DataFrame]:
    """Take a table through its steps, one after the other.

    Those that leave rows of the training part out are not among them: see `outliers.within`. Raises
    `InvalidConfig` that names the step which does not fit the table, and `InvalidData` that names row and
    column of what a step cannot read.
    """
    done: list[Stage] = []
    for stage in stages(steps):
        stage.begin(table.columns)
        after, remarks = VERBS[type(stage.step)](table, stage.step, stage.place, around)
        table = stage.passed(table.height, after, remarks)
        stage.check()
        done.append(stage)
    return Shaped(
        table=table,
        steps=tuple(stage.changed for stage in done),
        findings=tuple(finding for stage in done for finding in stage.findings),
    )


def stages(steps: Iterable[shaping.TableStep]) -> list[Stage]:
    """Return the steps that make the table, each with its place among all."""
    return [
        Stage(number, step) for number, step in enumerate(steps, 1) if not isinstance(step, shaping.Outliers)
    ]


class Stage:
    """What passes a step: the whole table, or its pieces one after the other."""

    def __init__(self, number: int, step: Any) -> None:
        self.step = step
        self._verb = shaping.verb_of(step)
        self.place = f"[[data.steps]] {number}, {self._verb}"
        self._columns: tuple[list[str], list[str]] = ([], [])
        self._before = 0
        self._after = 0
        self._remarks: list[Remark] = []

    def begin(self, columns: list[str]) -> None:
        """Say which columns come in."""
        self._columns = (columns, [])

    def passed(self, before: int, after: pl.DataFrame, remarks: list[Remark]) -> pl.DataFrame:
        """Count what became of some rows, and return them as a table can have them."""
        columns = self._columns[0]
        if not after.width:
            raise InvalidData(
                f"{self.place}: no column is left of {len(columns):,}", hint="leave the target at least"
            )
        check_unreserved(after.columns, self.place)
        plain = plain_types(
            after,
            self.place,
            ReadOptions(),
            hint="let the step make plain columns of it",
            start=self._after,
        )
        both = zip(self._remarks, remarks, strict=True)
        self._remarks = [one.and_in(other) for one, other in both] if self._remarks else remarks
        self._columns = (columns, plain.columns)
        self._before += before
        self._after += plain.height
        return plain

    def check(self) -> None:
        """Raise `InvalidData` if no row is left."""
        if not self._after:
            raise InvalidData(
                f"{self.place}: no row is left of {self._before:,}", hint="look at the step before"
            )

    @property
    def changed(self) -> Shaping:
        """What the step did to the table."""
        came, left = self._columns
        return Shaping(
            step=shaping.told(self.step),
            before=self._before,
            after=self._after,
            added=tuple(name for name in left if name not in came),
            removed=tuple(name for name in came if name not in left),
            written={each.column: each.written for each in self._remarks if isinstance(each, Read)},
        )

    @property
    def findings(self) -> list[Finding]:
        """What is worth knowing about the step."""
        return [
            Finding(
                rule=f"step_{self._verb}",
                subject="",
                verdict=Verdict.WARNED,
                message=f"{self.place}: {remark}",
            )
            for remark in self._remarks
            if str(remark)
        ]


# Each gives the table that comes out, and what is worth knowing about it.
VERBS: dict[type[Any], Callable[[Any, Any, str, Any], tuple[Any, list[Remark]]]] = {
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
    shaping.Window: window.window,
    shaping.Pivot: across.pivot,
    shaping.Unpivot: across.unpivot,
    shaping.Join: across.join,
    shaping.Sql: escape.query,
    shaping.Call: escape.call,
}
