"""Checks that the user writes as Python functions: `@kervan.check`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from kervan.core.checking import REJECT, STOP, Check
from kervan.core.errors import InvalidConfig
from kervan.core.telling import telling
from kervan.data.checks.query import places
from kervan.data.checks.rule import FoundRule, TableRule
from kervan.data.checks.usable import check_said, tolerated
from kervan.flow.fingerprint import fingerprint
from kervan.flow.loaded import load_marked

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from kervan.data.checks.rule import Rule

_SETTING = "[data] checks_from"


@dataclass(frozen=True, slots=True)
class OwnCheck:
    """A function that gets a table and says which rows are good; it can be called as before."""

    function: Callable[[Any], Any]
    check: Check

    def __call__(self, table: Any) -> Any:
        """Call the function."""
        return self.function(table)

    @property
    def name(self) -> str:
        """The name under which its findings are told."""
        return self.check.name

    @property
    def fingerprint(self) -> str:
        """A hash of its source, of what it uses, and of how it is judged."""
        return f"{self.check!r} {fingerprint(self.function)}"


@overload
def check(function: Callable[[Any], Any], /) -> OwnCheck: ...
@overload
def check(
    *, name: str = "", severity: str = STOP, at_least: float | str | None = None, why: str = ""
) -> Callable[[Callable[[Any], Any]], OwnCheck]: ...
def check(
    function: Callable[[Any], Any] | None = None,
    /,
    *,
    name: str = "",
    severity: str = STOP,
    at_least: float | str | None = None,
    why: str = "",
) -> Any:
    """Make a check of a function that gets a Polars frame.

    It returns a boolean about the whole table, a boolean series or expression that is true in good rows, or
    a frame of the failing rows. Without a `name` the function's is told, and its first line says why.

    >>> @check(severity="warn")
    ... def adults_work(table):
    ...     return table["age"] > 15
    >>> adults_work.name
    'adults work'
    """

    def wrap(function: Callable[[Any], Any]) -> OwnCheck:
        called = name or function.__name__.replace("_", " ").strip()
        reason = why or (inspect.getdoc(function) or "").partition("\n")[0]
        return OwnCheck(
            function, Check(name=called, severity=severity, at_least=at_least, why=reason, expression=called)
        )

    return wrap if function is None else wrap(function)


def load_checks(files: Sequence[str], folder: Path) -> tuple[OwnCheck, ...]:
    """Return the checks of some files, in the order in which they stand there.

    Raises `NotFound` without a file, and `InvalidConfig` for one that fails or has no check.
    """
    hint = "write `@kervan.check` above a function that gets a table"
    found = load_marked(files, folder, OwnCheck, setting=_SETTING, what="check", hint=hint)
    for each in found:
        check_said(each.check)
    return tuple(found)


def own_rule(own: OwnCheck, table: pl.DataFrame) -> Rule:
    """Ask a function about a table; what it raises is told with its file and line."""
    import polars as pl

    path = Path(inspect.getsourcefile(own.function) or "")
    with telling(path, f"the check {own.name!r} failed"):
        answer = own.function(table.clone())  # it may change its own
        if isinstance(answer, pl.Expr):
            answer = table.select(answer.alias("holds")).to_series()
    if isinstance(answer, bool) or type(answer).__name__ in {"bool", "bool_"}:
        return _about_table(own, holds=bool(answer))
    if isinstance(answer, pl.DataFrame):
        rows = places(table, answer)
        return _found(own, rows, answer.height if rows is None else len(rows))
    if isinstance(answer, pl.Series) and answer.dtype == pl.Boolean and len(answer) in {1, table.height}:
        if len(answer) == 1 != table.height:
            return _about_table(own, holds=bool(answer[0]))
        bad = (~answer.fill_null(value=True)).arg_true()
        return _found(own, bad, len(bad))
    what = f"{answer.dtype} of {len(answer):,}" if isinstance(answer, pl.Series) else type(answer).__name__
    raise InvalidConfig(
        f"{path.name}: the check {own.name!r} returned {what}",
        hint="return true or false, booleans with one for each row, or the failing rows",
    )


def _about_table(own: OwnCheck, *, holds: bool) -> TableRule:
    if own.check.severity == REJECT:
        raise InvalidConfig(
            f"{own.check.place}: it judges the table, so that it can reject no rows",
            hint="return booleans, one for each row",
        )
    told = "holds" if holds else "does not hold"
    return TableRule(rule="check", subject="", check=own.check, judge=lambda *_: (holds, told))


def _found(own: OwnCheck, rows: pl.Series | None, count: int) -> FoundRule:
    if rows is None and own.check.severity == REJECT:
        raise InvalidConfig(
            f"{own.check.place}: it does not return whole rows, so that nobody knows which to reject",
            hint="return the failing rows with all columns, or booleans",
        )
    return FoundRule(
        rule="check",
        subject="",
        check=own.check,
        count=count,
        told="",
        rows=rows,
        tolerated=tolerated(own.check),
    )
