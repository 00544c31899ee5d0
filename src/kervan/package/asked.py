"""Functions of the user's that are part of a model, asked about whole columns: what they may give."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.called import file_of, own_feature
from kervan.core.errors import InvalidConfig, RefusedRow
from kervan.core.telling import telling

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Columns = list[NDArray[Any]]

_LARGEST = float(np.finfo(np.float32).max)  # that any model takes


class Asked:
    """A function of a feature that is asked about columns, and how it is named where it fails."""

    def __init__(self, name: str, call: str, code: str) -> None:
        self._name = name
        self._path = Path(file_of(call))
        self._function: Callable[..., Any] = own_feature(call, code).function
        self.place = _place(name, call, self._function)

    def answers(self, columns: Columns) -> Floats:
        """Return the function's answers, shape (rows,), or raise `RefusedRow` with the first bad row."""
        try:
            return self._checked(columns)
        except RefusedRow as error:
            row = self._first(columns)
            if row == 0:
                raise
            raise RefusedRow(str(error), row=row, field=self._name, hint=error.hint) from error

    def _checked(self, columns: Columns) -> Floats:
        rows = len(columns[0])
        try:
            with telling(self._path, f"the feature {self._name!r} failed"), np.errstate(all="ignore"):
                found = self._function(*columns)
        except InvalidConfig as error:
            raise RefusedRow(str(error), field=self._name, hint=error.hint) from error
        if type(found) is not np.ndarray or found.dtype.kind not in "biuf":  # a masked one hides its values
            what = f"an array of {found.dtype}" if type(found) is np.ndarray else type(found).__name__
            raise self._wrong(f"returned {what}", "return a NumPy array of numbers or booleans")
        if found.shape != (rows,):
            raise self._wrong(
                f"returned the shape {found.shape} for {rows} {'row' if rows == 1 else 'rows'}",
                "return one number for each row",
            )
        answers = found.astype(np.float64)
        if (np.abs(answers) > _LARGEST).any():
            raise self._wrong(
                "returned a number that is infinite or beyond 3e38, and no model takes it",
                "return NaN where there is no answer",
            )
        return answers

    def _first(self, columns: Columns) -> int:
        """Return the first row that is refused, 0 where it is only among others that rows are."""
        low, high = 0, len(columns[0])
        while high - low > 1:
            middle = (low + high) // 2
            try:
                self._checked([each[low:middle] for each in columns])
            except RefusedRow:
                high = middle
            else:
                low = middle
        return low

    def _wrong(self, what: str, hint: str) -> RefusedRow:
        return RefusedRow(f"{self.place} {what}", field=self._name, hint=hint)


def _place(name: str, call: str, function: Callable[..., Any]) -> str:
    """Return where a function stands, and which feature it is."""
    code = getattr(inspect.unwrap(function), "__code__", None)  # what another library made has none
    line = f":{code.co_firstlineno}" if code else ""
    return f"{Path(file_of(call)).name}{line}: the feature {name!r} ({call})"
