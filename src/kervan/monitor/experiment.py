"""What an experiment found: what each version brought, and how far one lies above the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.monitor.means import LEAST, Moments, difference_of, mean_of

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One version: how many figures came back, their mean, and the interval that holds it."""

    model: str
    figures: int
    mean: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """Both versions' arms, and the difference of their means with its interval, candidate less stable.

    The intervals hold at all times together, except with a chance of `alpha`: one may look at any time.
    `said` is the finding in one sentence.
    """

    metric: str
    alpha: float
    arms: tuple[Arm, ...]
    difference: float | None
    interval: tuple[float, float] | None
    said: str


def experiment(
    metric: str, figures: Mapping[str, Sequence[float]], *, stable: str, candidate: str, alpha: float = 0.05
) -> Experiment:
    """Compare what came back about two versions, to which requests were dealt out by chance.

    >>> found = experiment("reward", {"a": [0.0, 1.0] * 500, "b": [1.0] * 1000}, stable="a", candidate="b")
    >>> found.difference, found.interval[0] > 0.4
    (0.5, True)
    """
    known = {ref: Moments().plus(figures.get(ref, ())) for ref in (stable, candidate)}
    apart = difference_of(known[candidate], known[stable])
    interval = apart.interval(alpha) if apart else None
    return Experiment(
        metric=metric,
        alpha=alpha,
        arms=tuple(_arm(ref, each, alpha) for ref, each in known.items()),
        difference=apart.value if apart else None,
        interval=interval,
        said=_said(metric, (stable, candidate), interval),
    )


def _arm(ref: str, known: Moments, alpha: float) -> Arm:
    found = mean_of(known)
    return Arm(
        model=ref,
        figures=known.count,
        mean=known.mean if known.count else None,
        interval=found.interval(alpha) if found else None,
    )


def _said(metric: str, refs: tuple[str, str], interval: tuple[float, float] | None) -> str:
    stable, candidate = refs
    if interval is None:
        return f"too little came back about {metric}: {LEAST} of each version are needed"
    low, high = interval
    if low > 0:
        return f"{candidate} has more {metric} than {stable}: by {low:.4g} to {high:.4g}"
    if high < 0:
        return f"{candidate} has less {metric} than {stable}: by {-high:.4g} to {-low:.4g}"
    return f"which version has more {metric} is not known yet: the difference is {low:.4g} to {high:.4g}"
