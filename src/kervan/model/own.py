"""Metrics that the user writes as Python functions: `@kervan.metric`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.core.telling import telling
from kervan.flow.fingerprint import fingerprint
from kervan.flow.loaded import load_file
from kervan.model.metric import Metric, Task
from kervan.model.metrics import LESS
from kervan.model.resampled import SURE_FROM, resampled
from kervan.package.answers import chosen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.core.schema import Signature
    from kervan.model.formulas import Floats

_SETTING = "[model] goal"
# What a function may ask for by its second parameter.
LABELS, PROBABILITIES = "labels", "probabilities"
_HERE: dict[str, OwnMetric] = {}  # those that were made in this process, by name


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMark:
    """What a metric of the user's is known by: its name, where it lies, and the hash of its code."""

    name: str
    file: str
    task: str
    code: str


class OwnMetric(str):
    """A function that says how good answers are; as a text it is its name. It can be called as before."""

    __slots__ = ("function", "task")

    function: Callable[..., Any]
    task: str

    def __call__(self, truth: Any, answers: Any) -> Any:
        """Call the function."""
        return self.function(truth, answers)

    @property
    def file(self) -> str:
        """The file in which it lies, "" where it was typed in."""
        place = inspect.getsourcefile(self.function) or ""
        return place if Path(place).is_file() else ""

    @property
    def mark(self) -> OwnMark:
        """What it is known by."""
        return OwnMark(name=str(self), file=self.file, task=self.task, code=fingerprint(self.function))


def metric(*bare: object, task: str = "", higher_is_better: bool = True) -> Callable[..., OwnMetric]:
    """Make a metric of a function that gets the truth and the answers and returns a number.

    For a classification the truth are the classes' names, and so are the answers; a second parameter that is
    called `probabilities` gets these instead, shape (rows, classes), the classes in their order. For a
    regression both are numbers.

    >>> @metric(task="regression", higher_is_better=False)
    ... def worst(truth, answers):
    ...     return abs(truth - answers).max()
    >>> worst.endswith("worst (less is better)")
    True
    """
    if bare or not task:
        raise InvalidConfig(
            '@kervan.metric does not say of what: write @kervan.metric(task="classification") or so'
        )
    if task not in set(Task):
        raise InvalidConfig(f"there is no task {task!r}", hint=did_you_mean(task, Task))

    def wrap(function: Callable[..., Any]) -> OwnMetric:
        module = function.__module__.removeprefix("kervan_file_")
        own = OwnMetric(f"{module}:{function.__name__}{'' if higher_is_better else LESS}")
        own.function, own.task = function, task
        _HERE[str(own)] = own
        return own

    return wrap


def find_own(name: str, folder: Path) -> OwnMetric:
    """Return a metric by `file:function`: one that was made in this process, or from a file of the project.

    Raises `NotFound` without the file, and `InvalidConfig` for one that fails or has no such metric.
    """
    if name in _HERE:
        return _HERE[name]
    module, _, wanted = name.removesuffix(LESS).partition(":")
    loaded = load_file(folder / f"{module.replace('.', '/')}.py", setting=_SETTING)
    found = {each.removesuffix(LESS): each for each in vars(loaded).values() if isinstance(each, OwnMetric)}
    own = found.get(f"{module}:{wanted}")
    if own is None:
        known = [each.partition(":")[2] for each in found]
        hint = did_you_mean(wanted, known) if known else "write `@kervan.metric(task=…)` above a function"
        raise InvalidConfig(f"{_SETTING}: {module}.py has no metric {wanted!r}", hint=hint)
    return own


def as_metric(mark: OwnMark, signature: Signature) -> Metric:
    """Return a metric of the user's as all others are, with an interval by resampling."""
    own = _HERE.get(mark.name) or find_own(mark.name, Path(mark.file).parent)
    formula = partial(_asked, own, signature.output.allowed)
    infinite = float("inf")
    return Metric(
        name=mark.name,
        task=Task(mark.task),
        formula=formula,
        interval=resampled(formula, -infinite, infinite),
        sure_from=SURE_FROM,
        higher_is_better=not mark.name.endswith(LESS),
        by_label=mark.task == Task.CLASSIFICATION and not _wants_probabilities(own),
        lowest=-infinite,
    )


def _wants_probabilities(own: OwnMetric) -> bool:
    names = list(inspect.signature(own.function).parameters)
    return len(names) > 1 and names[1] == PROBABILITIES


def _asked(own: OwnMetric, classes: tuple[str, ...], truth: NDArray[Any], values: Floats) -> float:
    given: Any = values[:, 0]
    if own.task == Task.CLASSIFICATION:
        names = np.array(classes)
        truth, given = names[truth], values if _wants_probabilities(own) else names[chosen(values)]
    with telling(Path(own.file or "the metric"), f"the metric {own!s} failed"):
        figure = own.function(truth, given)
    try:
        return float(figure)
    except (TypeError, ValueError) as error:
        raise InvalidConfig(
            f"the metric {own!s} returned {figure!r}, which is no number", hint="return one number"
        ) from error
