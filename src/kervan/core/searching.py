"""How far the best candidate is searched for: trials, time, and how trials are drawn and given up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kervan.core.access import read_span
from kervan.core.errors import InvalidConfig, InvalidInput, did_you_mean

SAMPLERS = ("random", "tpe")
PRUNERS = ("median", "halving", "race", "none")
_SHARE = 0.2  # of the budget for one candidate
_LEAST_EACH = 30.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateSettings:
    """`[[model.candidates]]`: a family with parameters of your own, or an ensemble of `members`.

    `weights` are the members' shares in a vote.
    """

    family: str
    parameters: dict[str, Any] = field(default_factory=dict)
    members: tuple[CandidateSettings, ...] = ()
    weights: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """`search` in `[model]`: at most so many `trials`, for at most a `budget` such as "5m", or both.

    Without either nothing is searched: families are compared by their defaults. Trials are drawn at "random",
    or by what the ones before showed ("tpe"); one that falls behind in its first folds is given up by
    `prune`: "median", "halving", "race" or "none". A candidate that takes longer than `each` is ended and
    left out; a budget gives each a fifth of it, and 30 s at least.
    `workers` are computed at once, by default one on each core.
    """

    trials: int = 0
    budget: str = field(default="", metadata={"example": '"5m"'})
    sampler: str = "random"
    prune: str = "median"
    each: str = field(default="", metadata={"example": '"30s"'})
    workers: int = 0

    def __post_init__(self) -> None:
        for name, options in (("sampler", SAMPLERS), ("prune", PRUNERS)):
            value = getattr(self, name)
            if value not in options:
                raise InvalidConfig(
                    f"[model] search: there is no {name} {value!r}", hint=did_you_mean(value, options)
                )
        for name in ("budget", "each"):
            _span(name, getattr(self, name))
        for name in ("trials", "workers"):
            if getattr(self, name) < 0:
                raise InvalidConfig(f"[model] search: {name} = {getattr(self, name)} is no number of them")

    @property
    def is_wanted(self) -> bool:
        """Whether anything is searched."""
        return bool(self.trials or self.budget)

    @property
    def seconds(self) -> float:
        """The budget in seconds, without end if there is none."""
        return _span("budget", self.budget)

    @property
    def seconds_each(self) -> float:
        """How long one candidate may take, in seconds."""
        return _span("each", self.each) if self.each else max(_LEAST_EACH, _SHARE * self.seconds)


def _span(name: str, text: str) -> float:
    if not text:
        return float("inf")
    try:
        seconds = read_span(text)
    except InvalidInput as error:
        raise InvalidConfig(f"[model] search: {name}: {error}", hint='write "5m", "90s" or "1h"') from error
    if seconds <= 0:
        raise InvalidConfig(f"[model] search: {name} = {text!r} leaves no time", hint='write "5m" or more')
    return seconds
