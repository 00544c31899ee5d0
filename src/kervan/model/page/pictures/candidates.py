"""Candidates by several goals: one metric against another, and the front that none of them is beyond."""

from __future__ import annotations

from itertools import combinations
from statistics import quantiles
from typing import TYPE_CHECKING

from kervan.draw import Dots, Line, Names, Scale, chart
from kervan.draw.chart import spread_of
from kervan.model.families.registry import BASELINE
from kervan.model.metrics import higher_is_better
from kervan.model.page.pictures.words import in_english
from kervan.model.pareto import undominated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from kervan.model.page.pictures.words import Say
    from kervan.model.pareto import Front
    from kervan.model.train import CandidateScore

_ALL_PAIRS = 3  # up to so many metrics; of more the first is drawn against each of the others
_LARGE, _MIDDLE, _SMALL = 5.5, 4.2, 3.2  # dots
_SIZE = (380, 290)
_ROOM = 0.1
_FEW, _FAR = 4, 3.0  # from so many values on those so many times the middle half's width off are far


def fronts(
    found: Front, candidates: Sequence[CandidateScore], chosen: str, say: Say = in_english
) -> tuple[Markup, ...]:
    """Draw the candidates by each pair of metrics, all but the baseline.

    A line joins those that are best for the pair; those of the whole front have names, and so has the one
    that was chosen.
    """
    first, *others = found.metrics
    is_few = len(found.metrics) <= _ALL_PAIRS
    pairs = list(combinations(found.metrics, 2)) if is_few else [(first, each) for each in others]
    drawn = [each for each in candidates if each.family != BASELINE]
    return tuple(_front(found, drawn, chosen, pair, say) for pair in pairs)


def _front(
    found: Front, candidates: Sequence[CandidateScore], chosen: str, pair: tuple[str, str], say: Say
) -> Markup:
    known = [each for each in candidates if all(name in each.means for name in pair)]
    points = {each.title: (each.means[pair[0]], each.means[pair[1]]) for each in known}
    reach = [_reach([point[place] for point in points.values()]) for place in range(2)]
    beyond = {name: far for name, point in points.items() if (far := _beyond(point, reach))}
    front = [name for name in found.names if name in points and name != chosen]
    taken = [chosen] if chosen in points else []
    rest = [name for name in points if name not in found.names and name != chosen]
    edge = sorted(points[each.title] for each in undominated(known, pair) if each.title not in beyond)
    told = {name: f"{name}: {x:.4g}, {y:.4g}" for name, (x, y) in points.items()}
    named = [*taken, *front, *(name for name in rest if name in beyond)]
    marks: list[Line | Dots | Names] = [
        Line(xs=tuple(x for x, _ in edge), ys=tuple(y for _, y in edge), tone="quiet", style="dashed"),
        *(
            Dots(
                points=tuple(points[name] for name in names),
                radii=(radius,) * len(names),
                told=tuple(told[name] for name in names),
                tone=tone,
            )
            for names, radius, tone in (
                (rest, _SMALL, "quiet"),
                (front, _MIDDLE, "first"),
                (taken, _LARGE, "second"),
            )
        ),
        Names(
            points=tuple(points[name] for name in named),
            texts=tuple(f"{name}: {beyond[name]}" if name in beyond else name for name in named),
            dots=tuple(points[name] for name in rest),
        ),
    ]
    x, y = (
        Scale(low=low, high=high, name=_named(name, say))
        for name, (low, high) in zip(pair, reach, strict=True)
    )
    label = say("Candidates by {one} and {other}", one=pair[0], other=pair[1])
    return chart(marks, x, y, label=label, size=_SIZE)


def _reach(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of an axis: far outliers, which would press all others together, lie beyond them."""
    if len(values) < _FEW:
        return spread_of(values, _ROOM)
    low, _, high = quantiles(values, n=4)
    far = _FAR * (high - low)
    return spread_of([each for each in values if low - far <= each <= high + far], _ROOM)


def _beyond(point: tuple[float, float], reach: Sequence[tuple[float, float]]) -> str:
    """Return the values of a point that lie beyond the ends of their axes, "" for none."""
    far = [f"{each:.3g}" for each, (low, high) in zip(point, reach, strict=True) if not low <= each <= high]
    return ", ".join(far)


def _named(metric: str, say: Say) -> str:
    if higher_is_better(metric):
        return say("{metric}, more is better", metric=metric)
    return say("{metric}, less is better", metric=metric)
