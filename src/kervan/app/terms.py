"""The terms of a release: how the traffic moves, how long, under which guards. Settings, or what is said."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from kervan.core.access import read_span
from kervan.core.errors import InvalidInput, did_you_mean
from kervan.core.releasing import Guard
from kervan.deploy.strategies import STRATEGIES, Strategy, strategy_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kervan.core.config import ReleaseSettings

_EVERY = 600.0  # seconds that a step may take where nobody says it
_FOR_THE_JUDGE = {"every", "samples", "guards"}
_FOR_DIVIDING = {"sticky", "rule"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a version is to come: by which strategy, in which shares, each for so many seconds and requests."""

    name: str
    steps: tuple[float, ...]
    every: float
    samples: int
    guards: tuple[Guard, ...]

    @property
    def strategy(self) -> Strategy:
        """The strategy."""
        return strategy_of(self.name)


def strategies() -> tuple[str, ...]:
    """Return the names of the ways in which a version can come to answer."""
    return tuple(STRATEGIES)


def terms_of(settings: ReleaseSettings) -> Terms:
    """Return the terms that the settings of `[release]` say, or raise `InvalidInput`."""
    if settings.samples < 1:
        raise InvalidInput(f"[release] samples: {settings.samples} are too few", hint="give 1 or more")
    every = read_span(settings.every) if settings.every else _EVERY
    if not every:
        raise InvalidInput(
            f"[release] every: {settings.every!r} is no time to prove anything", hint="give more, such as 10m"
        )
    name = settings.strategy or "at-once"
    steps = tuple(each / 100 for each in settings.steps)
    strategy_of(name).stages(steps)
    return Terms(
        name=name,
        steps=steps,
        every=every,
        samples=settings.samples,
        guards=tuple(Guard.parse(each) for each in settings.guards),
    )


def changed(settings: ReleaseSettings, said: Mapping[str, Any]) -> ReleaseSettings:
    """Return settings with what was said instead; the steps of another strategy go with it.

    A rule takes the place of what callers stick by, and the other way round. Raises `InvalidInput` for a
    setting that there is not, and for one that does nothing by the strategy that is meant.
    """
    names = [each.name for each in fields(settings)]
    unknown = [name for name in said if name not in names]
    if unknown:
        raise InvalidInput(
            f"there is no setting {unknown[0]!r} of a release", hint=did_you_mean(unknown[0], names)
        )
    changes: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in said.items()
    }
    if said.get("strategy", settings.strategy) != settings.strategy:
        changes = {"steps": (), **changes}
    _check_use(str(said.get("strategy", settings.strategy)) or "at-once", said)
    if len(_FOR_DIVIDING & said.keys()) == 1:
        changes = dict.fromkeys(_FOR_DIVIDING, "") | changes
    return replace(settings, **changes)


def _check_use(name: str, said: Mapping[str, Any]) -> None:
    """Raise `InvalidInput` for what was said although the strategy makes no use of it."""
    strategy = strategy_of(name)
    useless = set() if strategy.divides else set(_FOR_DIVIDING)
    if not strategy.divides and not strategy.stages(()):
        useless |= _FOR_THE_JUDGE
    found = [each for each in said if each in useless and said[each]]
    if found:
        raise InvalidInput(
            f"{found[0]} does nothing in a release by {name}",
            hint="say also --strategy canary, or leave it out",
        )


def read_steps(text: str) -> tuple[float, ...]:
    """Read steps in percent.

    >>> read_steps("5, 25,50,100")
    (5.0, 25.0, 50.0, 100.0)
    """
    return tuple(_percent(each, text) for each in text.split(",")) if text.strip() else ()


def _percent(text: str, whole: Sequence[str]) -> float:
    try:
        return float(text.strip().removesuffix("%"))
    except ValueError as error:
        raise InvalidInput(
            f"{text.strip()!r} in the steps {whole!r} is no number", hint="write 5,25,50,100"
        ) from error
