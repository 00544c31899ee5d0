"""Tests of behaviour that the user writes as Python functions: `@kervan.model_test`."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.telling import telling
from kervan.flow.fingerprint import fingerprint
from kervan.flow.loaded import load_marked
from kervan.model.behaviour import Asking, Tested

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl
    from numpy.typing import NDArray

_SETTING = "[model] tests_from"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a test asks: the written model, and rows of the validation part."""

    asking: Asking
    rows: pl.DataFrame

    def predict(self, table: pl.DataFrame) -> list[Any]:
        """Return the class or number that the model answers for each row of a Polars frame."""
        return self.asking.named(self.asking(table))

    def probabilities(self, table: pl.DataFrame) -> NDArray[np.float64]:
        """Return the probabilities of each row, shape (rows, classes), in the order of `classes`."""
        return self.asking(table)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes in the order of the probabilities."""
        return self.asking.signature.output.allowed


@dataclass(frozen=True, slots=True)
class OwnTest:
    """A function that asks a model and says whether it behaves; it can be called as before."""

    function: Callable[[Any], Any]

    def __call__(self, model: Any) -> Any:
        """Call the function."""
        return self.function(model)

    @property
    def name(self) -> str:
        """The name under which its result is told."""
        return self.function.__name__.removeprefix("test_").replace("_", " ").strip()

    @property
    def fingerprint(self) -> str:
        """A hash of its source and of what it uses."""
        return fingerprint(self.function)

    def run(self, asking: Asking, rows: pl.DataFrame) -> Tested:
        """Ask the function: an assertion or a false answer fails, other errors are told with their line."""
        path = Path(inspect.getsourcefile(self.function) or "")
        why = ""
        with telling(path, f"the test {self.name!r} failed to run"):
            try:
                answer = self.function(Asked(asking, rows.clone()))
            except AssertionError as error:
                answer, why = False, str(error) or "an assertion does not hold"
        parts = np.atleast_1d(np.asarray(True if answer is None else answer)).astype(bool)
        return Tested(
            name=self.name,
            kind="python",
            rows=len(parts),
            failed=int((~parts).sum()),
            value=float(parts.all()),
            at_least=1.0,
            why=why,
        )


def model_test(function: Callable[[Any], Any]) -> OwnTest:
    """Make a test of a function that gets the written model (`Asked`).

    It asserts something, or returns whether all is well: true or false, or that for each row.

    >>> @model_test
    ... def test_knows_two_classes(model):
    ...     assert len(model.classes) == 2
    >>> test_knows_two_classes.name
    'knows two classes'
    """
    return OwnTest(function)


def load_tests(files: Sequence[str], folder: Path) -> tuple[OwnTest, ...]:
    """Return the tests of some files, in the order in which they stand there.

    Raises `NotFound` without a file, and `InvalidConfig` for one that fails or has no test.
    """
    hint = "write `@kervan.model_test` above a function that gets a model"
    return tuple(load_marked(files, folder, OwnTest, setting=_SETTING, what="test", hint=hint))
