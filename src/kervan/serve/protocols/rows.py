"""Rows as several protocols write them: lists in the model's order, single values, columns beside each other.

What cannot be a row is refused with its place; what a value may be is decided later, by `RowDecoder`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidInput, RefusedRow, TooManyRows
from kervan.core.reading import composed
from kervan.core.schema import Type
from kervan.serve.decode import MAX_ROWS, in_words

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from kervan.core.schema import Signature

_LONGEST_ID = 128  # letters of an id that a caller gives
_OF_ARRAYS = frozenset({int, float, type(None)})


def rows_of(values: Any, signature: Signature) -> list[dict[str, Any]]:
    """Return rows from a list of them: objects, lists in the model's order, or single values of one column.

    An object may hold such a list alone, under `features`. In a row of numbers alone, as arrays have them,
    0 and 1 are booleans where the model takes these.

    >>> from kervan.core.schema import Column, Schema, Signature, Type
    >>> inputs = Schema((Column(name="x", type=Type.NUMBER), Column(name="0", type=Type.NUMBER)))
    >>> signature = Signature(inputs=inputs, output=Column(name="y", type=Type.NUMBER))
    >>> rows_of([[1, 2], {"x": 1, "0": 2}, {"features": [1, 2]}], signature)
    [{'x': 1, '0': 2}, {'x': 1, '0': 2}, {'x': 1, '0': 2}]
    """
    if not isinstance(values, list):
        raise InvalidInput(f"the rows are {in_words(values)}, not a list", hint="send a list of rows")
    check_amount(len(values))
    names, booleans = signature.inputs.names, _booleans(signature)
    return [_with_booleans(_row(value, place, names), booleans) for place, value in enumerate(values)]


def in_order(values: Sequence[Any], place: int, names: Sequence[str]) -> dict[str, Any]:
    """Return a row from its values in the order of the names, or raise `RefusedRow` for another number."""
    if len(values) != len(names):
        shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
        raise RefusedRow(
            f"row {place} has {len(values)} values, {len(names)} are needed",
            row=place,
            field=names[len(values)] if len(values) < len(names) else "",
            hint=f"send them in this order, null where one is missing: {shown}",
        )
    return dict(zip(names, values, strict=True))


def from_columns(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return rows from the columns of a table, each a list of values or of lists of one value.

    >>> from_columns({"x": [1, 2], "0": [[3], [None]]})
    [{'x': 1, '0': 3}, {'x': 2, '0': None}]
    """
    lists = {}
    for name, values in columns.items():
        if not isinstance(values, list):
            raise RefusedRow(
                f"the column {name!r} is {in_words(values)}, not a list", field=name, hint="send a list"
            )
        check_amount(len(values))
        lists[name] = [single(value) for value in values]
    lengths = {name: len(values) for name, values in lists.items()}
    if len(set(lengths.values())) > 1:
        short = min(lengths, key=lambda name: lengths[name])
        raise RefusedRow(
            f"the columns have different numbers of rows: {_few(lengths)}",
            row=lengths[short],
            field=short,
            hint="send null where a value is missing",
        )
    return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]


def from_table(names: Sequence[Any], rows: Any, signature: Signature) -> list[dict[str, Any]]:
    """Return rows from lists of values and what their columns are called: by default as in the model."""
    if not isinstance(rows, list):
        raise InvalidInput(f"the rows are {in_words(rows)}, not a list", hint="send a list of rows")
    check_amount(len(rows))
    known = named(names, signature) if names else signature.inputs.names
    booleans = _booleans(signature)
    found = []
    for place, row in enumerate(rows):
        if not isinstance(row, list):
            raise RefusedRow(f"row {place} is {in_words(row)}, not a list of values", row=place)
        found.append(_with_booleans(in_order(row, place, known), booleans))
    return found


def named(names: Sequence[Any], signature: Signature) -> tuple[str, ...]:
    """Return columns' names as the model knows them, or raise `InvalidInput`.

    A number as a name, which tables may have, is the name that it writes.
    """
    inputs = frozenset(signature.inputs.names)
    found: dict[str, None] = {}
    for name in names:
        if not isinstance(name, str | int) or isinstance(name, bool):
            raise InvalidInput(f"a column's name is {in_words(name)}", hint="send texts")
        known = known_as(str(name), inputs)
        if known in found:
            raise InvalidInput(f"the column {known!r} appears twice", hint="send each column once")
        found[known] = None
    return tuple(found)


def known_as(name: str, inputs: Collection[str]) -> str:
    """Return the name by which the model knows a column, however its letters are composed."""
    return name if name in inputs or (whole := composed(name)) not in inputs else whole


def single(value: Any) -> Any:
    """Return the only value of a list, and anything else as it is."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def check_amount(rows: int) -> None:
    """Refuse more rows than one request may have, before anything is made of them."""
    if rows > MAX_ROWS:
        many = f"{rows:,} rows are too many for one request"
        raise TooManyRows(many, row=MAX_ROWS, hint=f"send at most {MAX_ROWS:,}")


def own_id(ident: Any, name: str) -> str:
    """Return the id that a caller gave, or raise `InvalidInput`."""
    if not isinstance(ident, str) or len(ident) > _LONGEST_ID:
        raise InvalidInput(f"{name!r} must be a text of at most {_LONGEST_ID} letters")
    return ident


def _row(value: Any, place: int, names: tuple[str, ...]) -> dict[str, Any]:
    if isinstance(value, dict):
        features = value.get("features")
        return in_order(features, place, names) if isinstance(features, list) else value
    if isinstance(value, list):
        return in_order(value, place, names)
    if len(names) == 1:
        return {names[0]: value}
    raise RefusedRow(
        f"row {place} is {in_words(value)}, the model takes {len(names)} values",
        row=place,
        hint="send each row as an object or a list",
    )


def _booleans(signature: Signature) -> frozenset[str]:
    return frozenset(column.name for column in signature.inputs if column.type is Type.BOOLEAN)


def _with_booleans(row: dict[str, Any], booleans: frozenset[str]) -> dict[str, Any]:
    """Return a row whose 0 and 1 are booleans where it is one of an array, which has numbers alone."""
    if not booleans or not _OF_ARRAYS.issuperset(map(type, row.values())):
        return row
    changed = {name: bool(row[name]) for name in booleans & row.keys() if row[name] in (0, 1)}
    return {**row, **changed}


def _few(lengths: Mapping[str, int]) -> str:
    shown = [f"{name!r} {length}" for name, length in list(lengths.items())[:5]]
    return ", ".join(shown) + (", …" if len(lengths) > 5 else "")
