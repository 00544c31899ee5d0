"""All checks put to a table: what was found, which rows stay, and which are kept aside."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic

from kervan.core.checking import REJECT
from kervan.core.errors import InvalidConfig, first_line
from kervan.core.nouns import Finding, Verdict
from kervan.data.checks.compiled import rules_of
from kervan.data.checks.fresh import FRESH
from kervan.data.checks.left import left_of
from kervan.data.checks.own import own_rule
from kervan.data.checks.rule import Asked, FoundRule, RowRule, TableRule, rows_of
from kervan.data.checks.told import reason_of, table_finding, told
from kervan.data.checks.typed import typed, typed_pieces, with_read
from kervan.data.checks.usable import columns_of, require_usable
from kervan.data.fits import held
from kervan.data.pieces import Pieces, Rows_co

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import polars as pl

    from kervan.core.config import DataSettings
    from kervan.data.checks.own import OwnCheck
    from kervan.data.checks.rule import Lookup, Rule

ROW, RULES, REASONS = "row", "rules", "reasons"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked(Generic[Rows_co]):
    """What became of a table: `table` are the rows that stay, `failing` counts all that broke a rule.

    `aside` are those that were kept aside, and `rejects` has a row for each of them: its number (from 1,
    without the header), its rules and reasons, in lists of the same length. `newest` is the newest date of
    each column that has to be fresh.
    """

    table: Rows_co
    rows: int
    failing: int
    findings: tuple[Finding, ...]
    rejects: pl.DataFrame
    aside: pl.DataFrame
    newest: Mapping[str, Any]

    @property
    def rejected(self) -> pl.Series:
        """The numbers of the rows that were kept aside."""
        return self.rejects[ROW]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What one rule found: the places of its failing rows, None where only their count is known."""

    rule: RowRule | FoundRule
    count: int
    rows: pl.Series | None


def run_checks(
    table: pl.DataFrame,
    settings: DataSettings,
    own: Sequence[OwnCheck] = (),
    *,
    lookup: Lookup | None = None,
    now: float | None = None,
) -> Checked[pl.DataFrame]:
    """Check a table, as it was read and before it is protected.

    There is a finding for each rule, also for those that hold. All rules that judge rows are asked in one
    pass; only those that some row breaks are asked for these rows. What one rule keeps aside breaks no other
    that stops or warns. Raises `InvalidConfig` for a check that
    cannot be used, before anything is found.
    """
    require_usable(settings.checks, table.schema, settings.target)
    at = time.time() if now is None else now
    frame = typed(table, settings.checks)
    asked = Asked(read=table, table=frame, settings=settings, lookup=lookup or _nowhere, now=at)
    found = _found(asked, (own_rule(each, frame) for each in own))
    return Checked(
        table=_whole(_left(table, found.rejects), _left(frame, found.rejects)),
        rows=table.height,
        failing=found.failing,
        findings=found.findings,
        rejects=found.rejects,
        aside=table[found.rejects[ROW] - 1],
        newest=found.newest,
    )


def check_pieces(
    table: Pieces,
    settings: DataSettings,
    own: Sequence[OwnCheck] = (),
    *,
    folder: Path,
    lookup: Lookup | None = None,
    now: float | None = None,
) -> Checked[Pieces]:
    """Check a table as `run_checks` does, in bounded memory; `folder` is a new one for the rows that stay.

    What needs all rows at once, such as a function of the user's, reads the columns that it needs, and is
    refused with `InvalidConfig` if they do not fit into memory. The rows kept aside are in memory.
    """
    require_usable(settings.checks, table.schema, settings.target)
    at = time.time() if now is None else now
    folder.mkdir(parents=True)
    frame = typed_pieces(table, settings.checks)
    asked = Asked(
        read=table,
        table=frame,
        settings=settings,
        lookup=lookup or _nowhere,
        now=at,
        folder=folder,
    )
    found = _found(asked, _own_rules(own, frame))
    left, aside = left_of(table, frame, found.rejects[ROW], folder / "left")
    return Checked(
        table=left,
        rows=table.height,
        failing=found.failing,
        findings=found.findings,
        rejects=found.rejects,
        aside=aside,
        newest=found.newest,
    )


def _own_rules(own: Sequence[OwnCheck], table: Pieces) -> Iterator[Rule]:
    """Ask functions about the whole table, if it fits into memory."""
    if own:
        hint = "write it as a check by `expression` or `sql`"
        whole = held(table, table.columns, f"the check {own[0].name!r}", hint=hint)
        yield from (own_rule(each, whole) for each in own)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    failing: int
    findings: tuple[Finding, ...]
    rejects: pl.DataFrame
    newest: Mapping[str, Any]


def _found(asked: Asked, own: Iterable[Rule]) -> _Found:
    """Put all rules to a table."""
    rules = [rule for check in asked.settings.checks for rule in rules_of(check, asked)]
    rules += own
    answers = list(_answers(asked, rules))
    outcomes = [_outcome(rule, rows) for rule, _, rows in answers if not isinstance(rule, TableRule)]
    rejects = _rejects(outcomes)
    left = iter([_without(each, rejects) for each in outcomes])
    findings = [
        table_finding(rule, figures) if isinstance(rule, TableRule) else _told(next(left), asked)
        for rule, figures, _ in answers
    ]
    return _Found(
        failing=_failing(outcomes),
        findings=tuple(findings),
        rejects=rejects,
        newest={rule.subject: figures[0] for rule, figures, _ in answers if rule.rule == FRESH},
    )


def _nowhere(location: str, *, whole: bool) -> pl.DataFrame:
    raise InvalidConfig(f"there is no table {location!r} to look into", hint="check with a project")


def _answers(
    asked: Asked, rules: Sequence[Rule]
) -> Iterable[tuple[Rule, tuple[object, ...], pl.Series | None]]:
    """Ask all rules at once, then those that are broken for their rows; piece by piece."""
    figures: list[list[tuple[object, ...]]] = [[] for _ in rules]
    broken: list[list[tuple[int, pl.Series]]] = [[] for _ in rules]
    for start, piece in with_read(asked, _named(asked, rules)):
        answered = _figures(piece, rules)
        for found, figure in zip(figures, answered, strict=True):
            found.append(figure)
        for place, rows in _broken(piece, rules, answered).items():
            broken[place].append((start, rows))
    for rule, found, pieces in zip(rules, figures, broken, strict=True):
        together = rule.together if isinstance(rule, TableRule) else sum
        total = tuple(together(each) for each in zip(*found, strict=True))
        yield rule, total, rows_of(pieces) if pieces else None


def _named(asked: Asked, rules: Sequence[Rule]) -> list[str]:
    """Return the columns that the rules read; all of a table in memory, where they cost nothing."""
    if not isinstance(asked.table, Pieces):
        return asked.table.columns
    named = {name for rule in rules for name in columns_of(rule.check)}
    named |= {name for rule in rules if not isinstance(rule, TableRule) for name in rule.shown}
    return [name for name in asked.table.columns if name in named]


def _figures(piece: pl.DataFrame, rules: Sequence[Rule]) -> list[tuple[object, ...]]:
    asks: list[tuple[pl.Expr, ...]] = [
        rule.asks if isinstance(rule, TableRule) else (rule.quick,) if isinstance(rule, RowRule) else ()
        for rule in rules
    ]
    flat = [each.alias(str(place)) for place, each in enumerate(each for group in asks for each in group)]
    figures = iter(_first_pass(piece, flat, rules) if flat else ())
    return [tuple(next(figures) for _ in group) for group in asks]


def _broken(
    piece: pl.DataFrame, rules: Sequence[Rule], figures: Sequence[tuple[object, ...]]
) -> dict[int, pl.Series]:
    """Return the places of the rows that break a rule, by the place of the rule."""
    import polars as pl

    bad = {
        str(place): rule.bad
        for place, (rule, figure) in enumerate(zip(rules, figures, strict=True))
        if isinstance(rule, RowRule) and figure[0]
    }
    if not bad:
        return {}
    masks = piece.lazy().select(
        pl.int_range(pl.len()).alias("\0row"), *(each.alias(name) for name, each in bad.items())
    )
    found = masks.collect()
    return {int(name): found[name].arg_true() for name in bad}


def _first_pass(table: pl.DataFrame, flat: Sequence[pl.Expr], rules: Sequence[Rule]) -> tuple[object, ...]:
    import polars as pl

    try:
        return table.lazy().select(flat).collect().row(0)
    except pl.exceptions.PolarsError:
        for rule in rules:
            _ask_alone(table, rule)
        raise


def _ask_alone(table: pl.DataFrame, rule: Rule) -> None:
    """Find out which rule it is that some values of the table cannot be asked."""
    import polars as pl

    try:
        if isinstance(rule, RowRule):
            table.select(rule.quick)
    except pl.exceptions.PolarsError as error:
        hint = "look at the values of its columns, or change the check"
        raise InvalidConfig(
            f"{rule.check.place} fails in some row: {first_line(error)}", hint=hint
        ) from error


def _outcome(rule: RowRule | FoundRule, rows: pl.Series | None) -> _Outcome:
    if isinstance(rule, FoundRule):
        return _Outcome(rule=rule, count=rule.count, rows=rule.rows)
    return _Outcome(rule=rule, count=0 if rows is None else len(rows), rows=rows)


def _without(outcome: _Outcome, rejects: pl.DataFrame) -> _Outcome:
    """Leave out the rows that another rule keeps aside: they are no reason to stop."""
    if outcome.rule.check.severity == REJECT or outcome.rows is None or not rejects.height:
        return outcome
    rows = outcome.rows.filter(~(outcome.rows + 1).is_in(rejects[ROW].to_list()))
    return replace(outcome, count=len(rows), rows=rows)


def _told(outcome: _Outcome, asked: Asked) -> Finding:
    return told(outcome.rule, asked, outcome.count, outcome.rows)


def _failing(outcomes: Iterable[_Outcome]) -> int:
    """Count the rows that break any rule."""
    import polars as pl

    found = [each.rows for each in outcomes if each.rows is not None and each.rule.rule != "missing_at_most"]
    return pl.concat([rows.cast(pl.UInt32).alias("row") for rows in found]).n_unique() if found else 0


def _rejects(outcomes: Iterable[_Outcome]) -> pl.DataFrame:
    import polars as pl

    found = [
        pl.DataFrame({ROW: each.rows.cast(pl.UInt32) + 1}).with_columns(
            pl.lit(each.rule.check.name or each.rule.rule).alias(RULES),
            pl.lit(reason_of(each.rule)).alias(REASONS),
        )
        for each in outcomes
        if each.rule.check.severity == REJECT and each.rows is not None and len(each.rows)
    ]
    if not found:
        kinds = {ROW: pl.UInt32(), RULES: pl.List(pl.String()), REASONS: pl.List(pl.String())}
        return pl.DataFrame(schema=kinds)
    return pl.concat(found).group_by(ROW, maintain_order=True).agg(RULES, REASONS).sort(ROW)


def _left(table: pl.DataFrame, rejects: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    if not rejects.height:
        return table
    gone = pl.Series([False]).new_from_index(0, table.height).scatter((rejects[ROW] - 1).to_list(), True)
    return table.filter(~gone)


def _whole(table: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """Take the typed columns, but for those whose type some value does not fit."""
    fitting = [
        column
        for column in frame.get_columns()
        if column.dtype != table[column.name].dtype and column.null_count() == table[column.name].null_count()
    ]
    return table.with_columns(fitting) if fitting else table


def reasons_of(checked: Checked[Any]) -> dict[str, int]:
    """Count the rejected rows by why they were, the most frequent first."""
    counts = checked.rejects[REASONS].explode().drop_nulls().value_counts(name="count")
    return dict(counts.sort("count", REASONS, descending=[True, False]).iter_rows())


def stopped(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that stop the run."""
    return [each for each in findings if each.verdict is Verdict.FAILED]
