"""How a version comes to answer an environment's requests: the release, its state, and what guards it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from kervan.core.errors import InvalidInput, did_you_mean
from kervan.core.nouns import Record
from kervan.core.serving import Plan

METRICS = (
    "errors",
    "refused",
    "p50",
    "p90",
    "p95",
    "p99",
    "cpu",
    "memory",
    "quality",
    "reward",
)
_GUARD = re.compile(r"\s*(\w[\w.]*)\s*(<|>)\s*([0-9][0-9_.]*)\s*(%|ms|s|us|KB|MB|GB)?\s*", re.ASCII)
_UNITS = {"": 1.0, "%": 0.01, "us": 1e-6, "ms": 1e-3, "s": 1.0, "KB": 2**10, "MB": 2**20, "GB": 2**30}
_SHARES, _TIMES, _SIZES = ("%",), ("us", "ms", "s"), ("KB", "MB", "GB")
_MEASURED_IN = {
    "errors": _SHARES,
    "refused": _SHARES,
    "cpu": _TIMES,
    "memory": _SIZES,
    "quality": _SHARES,
    "reward": _SHARES,
} | dict.fromkeys(("p50", "p90", "p95", "p99"), _TIMES)


class Status(StrEnum):
    """How far a release got: it is under way while it runs or is paused."""

    RUNNING = "running"
    PAUSED = "paused"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self not in {Status.RUNNING, Status.PAUSED}


class Decision(StrEnum):
    """What the judge says of a candidate, and what people may say instead."""

    PROMOTE = "promote"
    LOOK = "keep looking"
    ROLL_BACK = "roll back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What must hold of the candidate whatever the stable version does: a metric and a bound.

    Times are in seconds, shares between 0 and 1, memory in bytes; `text` is how people wrote it.
    """

    metric: str
    is_upper: bool
    bound: float
    text: str

    def holds(self, value: float) -> bool:
        """Say whether a value keeps to it."""
        return value < self.bound if self.is_upper else value > self.bound

    @staticmethod
    def parse(text: str) -> Guard:
        """Read `p99 < 20ms`, or raise `InvalidInput`.

        >>> Guard.parse("p99 < 20ms").bound, Guard.parse("errors<1%").metric
        (0.02, 'errors')
        """
        found = _GUARD.fullmatch(text)
        if found is None:
            raise InvalidInput(f"{text!r} is no guard", hint='write it like "p99 < 20ms" or "errors < 1%"')
        metric, sign, number, unit = found.groups()
        if metric not in METRICS:
            hint = did_you_mean(metric, METRICS)
            raise InvalidInput(f"the guard {text!r} is about {metric!r}, which nobody measures", hint=hint)
        try:
            bound = float(number) * _UNITS[unit or ""]
        except ValueError as error:
            raise InvalidInput(f"the guard {text!r} has no number as its bound") from error
        if unit and unit not in _MEASURED_IN[metric]:
            raise InvalidInput(
                f"the guard {text!r} is in {unit}, and {metric} is not",
                hint=f"give {' or '.join(_MEASURED_IN[metric])}",
            )
        return Guard(metric=metric, is_upper=sign == "<", bound=bound, text=text.strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(Record):
    """One way of a version into an environment (`name`), from its first request to the verdict.

    `model` comes, `before` was there ("" where nothing was). `steps` are the shares that the model gets one
    after the other; each lasts until there is evidence, but for no longer than `every` seconds and not before
    `samples` requests were answered. `stage` is the step that is taken now. `by_whom`
    and `reason` say who or what ended it and why, `report` is the id of the judge's report. `approvers`
    agreed beforehand. `is_again` says that it was let come although it had failed before.
    """

    model: str
    before: str
    strategy: str
    steps: tuple[float, ...]
    every: float
    samples: int
    plan: Plan
    guards: tuple[str, ...] = ()
    status: Status = Status.RUNNING
    stage: int = 0
    why: str = ""
    by_whom: str = ""
    reason: str = ""
    report: str = ""
    ended: float | None = None
    approvers: tuple[str, ...] = ()
    is_again: bool = False
