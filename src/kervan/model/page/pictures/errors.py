"""Where answers are wrong: errors of numbers, segments, groups, and what more rows would give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.draw import Band, Dots, Line, Ranked, Scale, chart, ranked, reached
from kervan.model.page.pictures.words import axis, in_english

if TYPE_CHECKING:
    from markupsafe import Markup

    from kervan.model.errors.groups import Grouping
    from kervan.model.errors.learning import LearningCurve
    from kervan.model.errors.residuals import Residuals
    from kervan.model.errors.segments import Segments
    from kervan.model.page.pictures.words import Say


def errors_by_answer(found: Residuals, say: Say = in_english) -> Markup:
    """Draw the errors of single rows by their answer, and the bands in which half and nine tenths lie."""
    xs = tuple(each.answer for each in found.bands)
    five, quarter, middle, three, most = (tuple(each.errors[at] for each in found.bands) for at in range(5))
    shown = [value for point in found.dots for value in point[1:]]
    x = axis([*(point[0] for point in found.dots), *xs], say("answer"))
    y = axis([*shown, *five, *most], say("answer minus truth"))
    none = Line(xs=(x.low, x.high), ys=(0.0, 0.0), tone="quiet", style="dashed")
    marks: list[Line | Band | Dots] = [
        Band(xs=xs, lows=five, highs=most, tone="faint"),
        Band(xs=xs, lows=quarter, highs=three),
        Dots(points=found.dots, radii=(1.8,) * len(found.dots), tone="quiet"),
        none,
        Line(xs=xs, ys=middle),
    ]
    return chart(marks, x, y, label=say("Errors by answer"))


def error_histogram(found: Residuals, say: Say = in_english) -> Markup:
    """Draw how many rows are how far off."""
    step = (found.high - found.low) / len(found.counts) or 1.0
    edges = [found.low + place * step for place in range(len(found.counts) + 1)]
    xs = tuple(edge for edge in edges for _ in range(2))
    tops = (0.0, *(float(count) for count in found.counts for _ in range(2)), 0.0)
    most = max(found.counts) or 1
    x = Scale(low=found.low, high=found.high, name=say("answer minus truth"))
    y = Scale(low=0, high=most * 1.05, name=say("rows"))
    zero = Line(xs=(0.0, 0.0), ys=(0.0, most * 1.05), tone="quiet", style="dashed")
    bars = Band(xs=xs, lows=(0.0,) * len(xs), highs=tops)
    return chart(
        [bars, Line(xs=xs, ys=tops), *([zero] if x.low < 0 < x.high else [])], x, y, label=say("Errors")
    )


def segments(found: Segments, say: Say = in_english) -> Markup:
    """Draw how much more is lost in each of the worst segments than elsewhere, with 95 % intervals."""
    rows = [
        Ranked(
            name=str(each),
            value=each.loss - each.rest,
            low=each.low,
            high=each.high,
            told=f"{each.loss / each.rest:.1f} ×" if each.rest else "",
            tone="second",
        )
        for each in found.worst
    ]
    return ranked(rows, label=say("Loss beyond that of other rows"), width=720, names=360)


def rates(found: Grouping, rate: str, say: Say = in_english) -> Markup:
    """Draw one rate of every group with its 95 % interval, and a line at their mean."""
    known = [(group.name, group.rates[rate]) for group in found.groups if rate in group.rates]
    rows = sum(each.rows for _, each in known)
    mean = sum(each.value * each.rows for _, each in known) / rows if rows else None
    drawn = [
        Ranked(name=name, value=each.value, low=each.low, high=each.high, told=_rate(each.value, rate))
        for name, each in known
    ]
    return reached(
        drawn,
        label=say("{rate} by {column}", rate=say(rate), column=found.column),
        mark=mean,
        names=130,
        width=440,
    )


def learning(found: LearningCurve, say: Say = in_english) -> Markup:
    """Draw the metric over the rows that were learned from, and what twice as many would give."""
    sizes = [each.rows for each in found.points]
    values = [value for each in found.points for value in each.values]
    known = found.doubled is not None and found.low is not None and found.high is not None
    ends = [each for each in (found.doubled, found.low, found.high) if each is not None]
    x = Scale(low=0, high=(2.1 if known else 1.05) * sizes[-1], name=say("rows learned from"))
    y = axis([*values, *ends], found.metric, room=0.12)
    marks: list[Line | Band | Dots] = [
        Line(xs=tuple(map(float, sizes)), ys=tuple(each.mean for each in found.points)),
        Dots(
            points=tuple((float(each.rows), value) for each in found.points for value in each.values),
            radii=(2.6,) * len(values),
        ),
    ]
    if found.doubled is not None and found.low is not None and found.high is not None:
        last, twice = found.points[-1], 2.0 * sizes[-1]
        marks += [
            Line(xs=(float(last.rows), twice), ys=(last.mean, found.doubled), style="dashed"),
            Dots(
                points=((twice, found.doubled),),
                radii=(4.5,),
                reach=((found.low, found.high),),
                tone="second",
            ),
        ]
    return chart(marks, x, y, label=say("Learning curve"))


def _rate(value: float, rate: str) -> str:
    return f"{value:.3g}" if "error" in rate else f"{value:.1%}"
