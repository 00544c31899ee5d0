"""Strategies of releases: which share of the traffic a candidate gets, one stage after the other."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidInput, did_you_mean
from kervan.core.serving import ShareRole

if TYPE_CHECKING:
    from collections.abc import Sequence


LEAST = 0.001  # of the traffic: nobody would live to see what fewer requests prove


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What a candidate gets for a while: a share of the answers, or as a shadow none of them."""

    share: float
    role: ShareRole = ShareRole.CANDIDATE


class Strategy:
    """How the traffic moves from one version to another.

    `waits` says that people, not the judge, promote the candidate; `rolls` that replicas are replaced one
    after the other; `divides` that callers are shared out between both versions; `keeps` that the version
    before stays loaded, so that the way back takes an instant; `adapts` that the share follows what requests
    bring.
    """

    waits = rolls = divides = keeps = adapts = False

    def stages(self, steps: Sequence[float]) -> tuple[Stage, ...]:
        """Return the stages before all traffic goes to the candidate; `steps` are shares, or empty.

        Raises `InvalidInput` for steps that this strategy cannot take.
        """
        if steps:
            raise InvalidInput(
                "steps are for a canary alone", hint="leave them out, or use --strategy canary"
            )
        return ()


class AtOnce(Strategy):
    """All traffic between two requests, without a judge."""


class BlueGreen(Strategy):
    """Both versions are whole and loaded: all traffic goes to the new one at once, and back as quickly."""

    keeps = True

    def stages(self, steps: Sequence[float]) -> tuple[Stage, ...]:
        """All traffic, while the version before stands by."""
        return (*super().stages(steps), Stage(share=1.0))


class Canary(Strategy):
    """A few requests first, then more, as long as the judge finds nothing."""

    divides = True
    _usual = (0.05, 0.25, 0.5)

    def stages(self, steps: Sequence[float]) -> tuple[Stage, ...]:
        """Return a stage for each share that is not all."""
        rising = list(steps or self._usual)
        wrong = [each for each in rising if not LEAST <= each <= 1]
        if wrong:
            raise InvalidInput(
                f"a step of {wrong[0] * 100:g} % is no share",
                hint="write them like 5,25,50,100, each 0.1 at least",
            )
        if any(one >= other for one, other in pairwise(rising)):
            raise InvalidInput("the steps do not rise", hint="write them like 5,25,50,100")
        if rising[0] == 1:
            raise InvalidInput(
                "a canary that begins with everything proves nothing",
                hint="begin with less, like 5,25,50,100; or leave out the strategy",
            )
        return tuple(Stage(share=each) for each in rising if each < 1)


class Rolling(Strategy):
    """One replica after the other is replaced, with never fewer than were promised."""

    rolls = True


class Shadow(Strategy):
    """The candidate is asked too, and nobody hears its answers: they are compared."""

    waits = True

    def stages(self, steps: Sequence[float]) -> tuple[Stage, ...]:
        """No answers at all."""
        return (*super().stages(steps), Stage(share=0.0, role=ShareRole.SHADOW))


class Experiment(Strategy):
    """A/B: a share, or the rows of a rule, for as long as it takes to know which version is better."""

    waits = True
    divides = True

    def stages(self, steps: Sequence[float]) -> tuple[Stage, ...]:
        """Return one stage: half of the traffic unless a share is given."""
        shares = list(steps) or [0.5]
        if len(shares) != 1 or not LEAST <= shares[0] < 1:
            raise InvalidInput("an experiment has one share, between 0 and 100", hint="such as --steps 50")
        return (Stage(share=shares[0]),)


class Bandit(Strategy):
    """The share follows what requests bring, by Thompson sampling over rewards."""

    waits = True
    divides = True
    adapts = True

    def stages(self, steps: Sequence[float]) -> tuple[Stage, ...]:
        """Return the share to begin with: half of the traffic unless one is given."""
        return Experiment().stages(steps)


STRATEGIES: dict[str, Strategy] = {
    "at-once": AtOnce(),
    "blue-green": BlueGreen(),
    "canary": Canary(),
    "rolling": Rolling(),
    "shadow": Shadow(),
    "ab": Experiment(),
    "bandit": Bandit(),
}


def strategy_of(name: str) -> Strategy:
    """Return a strategy by its name, or raise `InvalidInput` that names those there are."""
    found = STRATEGIES.get(name)
    if found is None:
        raise InvalidInput(f"there is no strategy {name!r}", hint=did_you_mean(name, STRATEGIES))
    return found
