"""Which reader reads which class. A class is known by its library and name, never by its subclasses:
these may answer otherwise.

An estimator of any other library is read too if it has `write_form(builder, value)`, which adds its layers
and returns the value that holds its answer.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from kervan.core.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from kervan.package.writing.neutral.build import Builder

    Reader = Callable[[Builder, Any, int], int]


class Ask(StrEnum):
    """What is wanted of a model: each is what the method of that name gives, for one row a vector."""

    TRANSFORM = "transform"
    DECISION = "decision_function"
    PROBABILITIES = "predict_proba"
    LABELS = "labels"  # 1 for the class that `predict` names, 0 for the others
    VALUE = "predict"


READERS: dict[tuple[str, Ask], Reader] = {}
# They know probabilities too, but not by those alone: their largest one is not always the class they name.
DECIDES = ("sklearn.FixedThresholdClassifier", "sklearn.TunedThresholdClassifierCV")
_FILES = (
    "catboost",
    "ensembles",
    "kernels",
    "lightgbm",
    "linear",
    "naive_bayes",
    "neighbours",
    "networks",
    "thresholds",
    "transformers",
    "trees",
    "xgboost",
)


def reads(ask: Ask, *names: str) -> Callable[[Reader], Reader]:
    """Register a reader for classes named `library.Class`."""

    def register(reader: Reader) -> Reader:
        READERS.update({(name, ask): reader for name in names})
        return reader

    return register


def read_answer(builder: Builder, model: Any, value: int, is_classification: bool) -> int:
    """Read what the whole model answers: probabilities where it knows them, else its choice, or a value."""
    if not is_classification:
        return read(builder, model, value, Ask.VALUE)
    return read(builder, model, value, Ask.PROBABILITIES if answers_probabilities(model) else Ask.LABELS)


def answers_probabilities(model: Any) -> bool:
    """Whether the probabilities of a classifier are its answer: it has some, and decides by the largest."""
    last = model
    while hasattr(last, "steps"):
        last = last.steps[-1][1]
    return hasattr(model, "predict_proba") and class_name(last) not in DECIDES


def read(builder: Builder, model: Any, value: int, ask: Ask) -> int:
    """Add the layers of one model, or part of one, over a value; raise `Refused` if nobody can read it."""
    if hasattr(model, "write_form"):
        return int(model.write_form(builder, value))
    reader = _readers().get((class_name(model), ask))
    if reader is not None:
        return reader(builder, model, value)
    if ask is Ask.LABELS and hasattr(model, "predict_proba"):
        return builder.choose(read(builder, model, value, Ask.PROBABILITIES))
    raise Refused(
        f"the neutral form cannot express {type(model).__name__}",
        hint="write it in the format `native`, or choose another estimator",
    )


def class_name(model: Any) -> str:
    """Return `library.Class`."""
    return f"{type(model).__module__.partition('.')[0]}.{type(model).__name__}"


@cache
def _readers() -> dict[tuple[str, Ask], Reader]:
    for name in _FILES:
        import_module(f"kervan.package.writing.neutral.readers.{name}")
    return READERS
