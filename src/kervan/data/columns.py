"""What the columns of a table are, and which of them a model takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kervan.core.checking import REJECT, STOP
from kervan.core.errors import InvalidConfig, InvalidData, did_you_mean
from kervan.core.nouns import Finding, Verdict
from kervan.core.schema import Column, Schema, Signature, Type, Unseen
from kervan.core.words import vocabulary
from kervan.data.checks.usable import require_usable
from kervan.data.looks import look_of
from kervan.data.pieces import column_of, kind_of
from kervan.data.seen import ignore_line, names_rows
from kervan.data.target import CLASSIFICATION
from kervan.flow.table import as_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from kervan.core.checking import Bound, Check
    from kervan.core.config import DataSettings
    from kervan.data.pieces import Table

# A text column is free text or an identifier, not a category, from so many different values on, or from
# fewer if these are more than half of the values that are there.
MANY_VALUES = 1000
SEVERAL_VALUES = 50
DISTINCT_SHARE = 0.5
_NUMBERS = {Type.INTEGER, Type.NUMBER}
FREE_TEXT = 0.5  # from this share of texts of several words on, a column is free text


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A column: what it is, whether a value is missing, and its texts, if no more than 1,000 differ."""

    name: str
    type: Type
    nullable: bool
    texts: frozenset[str]


def infer_schema(table: Table, settings: DataSettings) -> Schema:
    """Find out what each column is.

    A column may be missing where the table has a missing value. The checks of ranges and `allowed` become
    limits, unless they only warn, some rows may break them, or the column is protected; `allowed` also
    refuses unseen categories. Raises `InvalidConfig` where a check or unit names no column or does not fit.
    """
    for name in settings.units:
        if name not in table.columns and name not in settings.protect:
            hint = did_you_mean(name, table.columns)
            raise InvalidConfig(f"[data] units: the table has no column {name!r}", hint=hint)
    checks = [check for check in settings.checks if check.column and check.column not in settings.protect]
    require_usable(checks, table.schema, settings.target)
    stopping = [check for check in checks if _binds(check)]
    return Schema(
        tuple(
            _column(_seen(table, name), [check for check in stopping if check.column == name], settings)
            for name in table.columns
        )
    )


def unseen(table: Table, settings: DataSettings, texts: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the columns that no model of this table sees: protected ones, and texts that nobody counts."""
    import polars as pl

    listed = {check.column for check in settings.checks if check.allowed is not None}
    words = [
        name
        for name, kind in table.schema.items()
        if kind == pl.String
        and name not in {settings.target, *texts, *listed, *settings.protect}
        and _seen(table, name).type is Type.TEXT
    ]
    return (*settings.protect, *words)


def signature_of(
    table: pl.DataFrame, schema: Schema, target: str, task: str, texts: Sequence[str] = ()
) -> tuple[Signature, tuple[Finding, ...]]:
    """Return what a model of this table takes and gives, and which columns it leaves out and why.

    Inputs are all columns that are not constant, in the table's order; free texts only if `texts` names
    them: their words in this table are counted. Classes are sorted by code point. Raises `InvalidData` if
    no input is left, `InvalidConfig` for one of `texts` that is no column of texts.
    """
    _check_texts(texts, schema, target)
    findings: list[Finding] = []
    inputs: list[Column] = []
    for known in schema.without(target):
        column = _with_words(known, table[known.name]) if known.name in texts else known
        if reason := _unusable(column, table[column.name], is_text=column.name in texts):
            message = f"column {column.name!r} is no input of the model: {reason}"
            findings.append(
                Finding(rule="left_out", subject=column.name, verdict=Verdict.PASSED, message=message)
            )
        else:
            inputs.append(column)
    if not inputs:
        raise InvalidData(
            f"no column is left to predict {target!r} from: {'; '.join(each.message for each in findings)}",
            hint="add numeric or category columns",
        )
    signature = Signature(inputs=Schema(tuple(inputs)), output=_output(table[target], task))
    return signature, tuple(findings)


def _seen(table: Table, name: str) -> _Seen:
    import polars as pl

    texts: set[str] = set()
    rows = missing = 0
    for column in column_of(table, name):
        rows, missing = rows + len(column), missing + column.null_count()
        if column.dtype == pl.String and len(texts) <= MANY_VALUES:
            texts |= set(column.drop_nulls().unique().head(MANY_VALUES + 1))
    kind = _kind(name, kind_of(table, name), len(texts), rows - missing)
    return _Seen(name=name, type=kind, nullable=missing > 0, texts=frozenset(texts))


def _column(column: _Seen, checks: list[Check], settings: DataSettings) -> Column:
    lists = [set(check.allowed) for check in checks if check.allowed is not None]
    kind = column.type
    limits = [limit for check in checks for limit in _limits(check)] if kind in _NUMBERS else []
    if lists and kind is Type.TEXT:
        kind = Type.CATEGORY
    allowed: tuple[str, ...] = ()
    if kind is Type.CATEGORY:
        allowed = tuple(sorted(set.intersection(*lists) if lists else column.texts))
    return Column(
        name=column.name,
        type=kind,
        nullable=column.nullable,
        allowed=allowed,
        minimum=max((low for low, _ in limits if low is not None), default=None),
        maximum=min((high for _, high in limits if high is not None), default=None),
        unit=settings.units.get(column.name, ""),
        unseen=Unseen.REFUSE if lists and kind is Type.CATEGORY else Unseen.AS_MISSING,
    )


def _binds(check: Check) -> bool:
    """Say whether every row keeps a check, so that requests have to as well."""
    return check.severity == REJECT or (check.severity == STOP and check.at_least is None)


def _limits(check: Check) -> Iterator[tuple[float | None, float | None]]:
    """Yield the lowest and highest number that a check lets through; dates bind no request."""
    for low, high in (check.between or (None, None), (check.least, None), (None, check.most)):
        yield _number(low), _number(high)


def _number(bound: Bound | None) -> float | None:
    return float(bound) if isinstance(bound, int | float) else None


def type_of(column: pl.Series) -> Type:
    """Return what the values of a column are, or raise `InvalidData`."""
    import polars as pl

    present = column.drop_nulls()
    return _kind(
        column.name, column.dtype, present.n_unique() if column.dtype == pl.String else 0, len(present)
    )


def _kind(name: str, kind: pl.DataType, distinct: int, present: int) -> Type:
    import polars as pl

    if kind.is_integer():
        return Type.INTEGER
    if kind.is_float():
        return Type.NUMBER
    if kind == pl.Boolean:
        return Type.BOOLEAN
    if kind == pl.Date:
        return Type.DATE
    if isinstance(kind, pl.Datetime):
        return Type.DATETIME
    if kind != pl.String:
        raise InvalidData(
            f"column {name!r} holds {kind}, which is no type of a column here",
            hint="turn it into numbers, texts or dates, or leave it out: `[data] ignore`",
        )
    return type_of_texts(distinct, present)


def type_of_texts(distinct: int, present: int) -> Type:
    """Return whether texts are categories, by how many of those that are there differ."""
    mostly_distinct = distinct > SEVERAL_VALUES and distinct > DISTINCT_SHARE * present
    return Type.TEXT if distinct > MANY_VALUES or mostly_distinct else Type.CATEGORY


def _check_texts(texts: Sequence[str], schema: Schema, target: str) -> None:
    inputs = schema.without(target)
    for name in texts:
        if name not in inputs:
            raise InvalidConfig(
                f"[model] texts: there is no column {name!r} to learn from",
                hint=did_you_mean(name, inputs.names),
            )
        if inputs[name].type not in {Type.TEXT, Type.CATEGORY}:
            kind = inputs[name].type
            raise InvalidConfig(
                f"[model] texts: column {name!r} is {kind}, not a text", hint="leave it out there"
            )


def _with_words(column: Column, values: pl.Series) -> Column:
    counted = vocabulary(values.to_list())
    return replace(column, type=Type.TEXT, allowed=(), unseen=Unseen.AS_MISSING, words=counted)


def _unusable(column: Column, values: pl.Series, *, is_text: bool) -> str:
    if column.type is Type.TEXT and not column.words:
        return "no word of it is in two rows" if is_text else _too_many(values.drop_nulls())
    if values.null_count() == len(values):
        return "all values are missing"
    return "all values are equal" if values.n_unique() == 1 else ""


def _too_many(present: pl.Series) -> str:
    """Say what texts are that are too many to be categories."""
    if reason := names_rows(present):
        return f"it is an identifier: {reason}; `[data] {ignore_line(present.name)}` leaves it out"
    if like := look_of(present):
        return f"its texts look like {like}; a step that parses them may read them"
    if present.str.contains(r"\S\s+\S").mean() >= FREE_TEXT:  # type: ignore[operator]  # there are values
        return "it is free text; `texts` in [model] would count its words"
    many = f"its {present.n_unique():,} different texts are too many for categories"
    return f"{many}; `texts` in [model] would count their words"


def _output(target: pl.Series, task: str) -> Column:
    if task != CLASSIFICATION:
        return Column(name=target.name, type=Type.NUMBER)
    labels = as_texts(target.drop_nulls()).unique().to_list()
    return Column(name=target.name, type=Type.CATEGORY, allowed=tuple(sorted(labels)))
