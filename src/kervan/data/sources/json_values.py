"""The values of a JSON table's column, noted batch by batch: their kind is that of all of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from kervan.core.errors import InvalidData
from kervan.core.reading import Reading
from kervan.data.seen import ignore_line

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from kervan.core.ports import ReadOptions

FORM = "write a list of objects, an object of columns, or an object on each line"
_EXACT = 2**53  # whole numbers up to here are floats without a loss
_LONG = 2**63
_NAMES = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list"}
_NESTED = ("a list", "an object")
_INFINITE = (float("inf"), float("-inf"))


def parsed(content: bytes, where: str) -> Any:
    """Return what a JSON text says, or raise `InvalidData`; an object names nothing twice."""
    try:
        return json.loads(content, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else "it is nested too deeply"
        raise InvalidData(f"{where} is no readable JSON: {reason}", hint="fetch or write it again") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        doubled = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object names {doubled!r} twice")
    return found


class Values:
    """What was seen of a column: note all values in order, settle what they are, then read them."""

    def __init__(self, name: str, file: str, options: ReadOptions) -> None:
        self._name = name
        self._where = f"{file}: column {name!r}"
        self._is_dropped = name in options.dropped
        self._is_text = name in options.texts
        self._absent = Reading.of_table(options.missing)
        self._kinds: set[type] = set()
        self._like = ""  # the first kind of value, in words
        self._other: tuple[int, str] | None = None  # the first of another kind, or nested
        self._long: tuple[int, int] | None = None
        self._lossy: tuple[int, int] | None = None
        self._endless: tuple[int, float] | None = None
        self._half_letter = ""
        self._kind: type = str

    def note(self, values: list[Any], before: int = 0) -> None:
        """Look at the next values; `before` is the number of those that came already."""
        if self._is_dropped:
            return
        kinds = {type(value) for value in values} - {type(None)}
        self._kinds |= kinds
        if int in kinds:
            self._long = self._long or _first(values, before, lambda each: not -_LONG <= each < _LONG)
            self._lossy = self._lossy or _first(values, before, lambda each: abs(each) > _EXACT)
        if float in kinds:
            self._endless = self._endless or _first(values, before, lambda each: each in _INFINITE, float)
        if str in kinds and not self._half_letter:
            self._half_letter = _half_letter(values)
        if self._other is None and {_NAMES.get(kind) for kind in kinds} != {self._like}:
            self._compare(values, before)

    def texts(self, values: list[Any]) -> list[str]:
        """Return the texts among values that were noted, as far as they will be read."""
        if self._is_dropped or self._half_letter:
            return []
        return [value for value in values if isinstance(value, str)]

    def settle(self) -> None:
        """Say of what kind the values are, or raise `InvalidData` that names the row of one that is not."""
        kinds = self._kinds
        if self._is_text and str in kinds and kinds <= {str, int, float, bool}:
            self._kind = str
        elif self._other:
            self._refuse(*self._other)
        else:
            self._kind = float if float in kinds else next(iter(kinds - {str}), str)
        if self._kind is float:
            self._check_numbers()
        if self._kind is int and self._long:
            row, value = self._long
            raise InvalidData(
                f"{self._where}, row {row}: {value} does not fit 64 bits", hint="write such keys as texts"
            )
        if self._kind is str and self._half_letter:
            raise InvalidData(
                f"{self._where} holds half a letter: {self._half_letter}", hint="write the file again"
            )

    def read(self, values: list[Any]) -> pl.Series:
        """Return values that were noted as a column; texts among numbers and booleans mean missing."""
        import polars as pl

        if self._is_dropped:
            return pl.Series(self._name, [None] * len(values), dtype=pl.String)
        if self._kind is str:
            written = [each if each is None or isinstance(each, str) else json.dumps(each) for each in values]
            return pl.Series(self._name, written, dtype=pl.String)
        present = [None if isinstance(each, str) else each for each in values]
        if self._kind is float:
            return pl.Series(self._name, present, dtype=pl.Float64, strict=False).fill_nan(None)
        return pl.Series(self._name, present, dtype=pl.Boolean if self._kind is bool else pl.Int64)

    def _compare(self, values: list[Any], before: int) -> None:
        """Look for a value of another kind than those before it, or that no table can have."""
        for row, value in enumerate(values, before + 1):
            if value is None or (isinstance(value, str) and self._absent.value(value) is None):
                continue
            kind = _NAMES.get(type(value), "an object")
            self._like = self._like or kind
            if kind != self._like or kind in _NESTED:
                self._other = (row, kind)
                return

    def _check_numbers(self) -> None:
        if self._lossy and not (self._endless and self._endless < self._lossy):
            row, value = self._lossy
            raise InvalidData(
                f"{self._where}, row {row}: {value} would lose digits among numbers with fractions",
                hint="write such keys as texts",
            )
        if self._endless:
            row, endless = self._endless
            raise InvalidData(f"{self._where}, row {row}: {endless} is no number", hint="leave the value out")

    def _refuse(self, row: int, kind: str) -> NoReturn:
        if kind in _NESTED:
            raise InvalidData(
                f"{self._where}, row {row}: {kind} is no single value",
                hint=f"leave the column out: `[data] {ignore_line(self._name)}`; "
                "or turn it into plain columns",
            )
        raise InvalidData(
            f"{self._where}, row {row}: {kind}, {self._like} before",
            hint="write all values of a column alike",
        )


def _first(
    values: list[Any], before: int, is_it: Callable[[Any], bool], kind: type = int
) -> tuple[int, Any] | None:
    found = enumerate(values, before + 1)
    return next(((row, each) for row, each in found if type(each) is kind and is_it(each)), None)


def _half_letter(values: list[Any]) -> str:
    """Return why texts cannot be written, or ""."""
    try:
        "".join(each for each in values if isinstance(each, str)).encode()
    except UnicodeEncodeError as error:
        return error.reason
    return ""
