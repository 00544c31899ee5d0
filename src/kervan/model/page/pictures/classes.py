"""How well classes are told apart: curves, chances, thresholds and what they cost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from markupsafe import Markup

from kervan.data.html import number
from kervan.draw import Dots, Line, Scale, chart, legend
from kervan.draw.chart import TONES
from kervan.model.page.pictures.words import axis, in_english

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.model.calibrate import Calibrated
    from kervan.model.cuts import Cut
    from kervan.model.errors.calibration import Reliability
    from kervan.model.errors.curves import Curve
    from kervan.model.page.pictures.words import Say


_DIAGONAL = Line(xs=(0.0, 1.0), ys=(0.0, 1.0), tone="quiet", style="dashed")


def roc(curves: Sequence[Curve], say: Say = in_english) -> Markup:
    """Draw ROC curves; on the diagonal the model tells nothing."""
    x = Scale(low=0, high=1, name=say("others taken for it"), is_share=True)
    y = Scale(low=0, high=1, name=say("found"), is_share=True)
    return _curves(curves, [_DIAGONAL], (x, y), say("ROC curve"))


def precision_recall(curves: Sequence[Curve], say: Say = in_english) -> Markup:
    """Draw precision-recall curves; on the dashed line the model tells nothing."""
    chance = [Line(xs=(0.0, 1.0), ys=(curves[0].share,) * 2, tone="quiet", style="dashed")] if curves else []
    x = Scale(low=0, high=1, name=say("found"), is_share=True)
    y = Scale(low=0, high=1, name=say("right among those answered so"), is_share=True)
    return _curves(curves, chance if len(curves) == 1 else [], (x, y), say("precision-recall curve"))


def _curves(curves: Sequence[Curve], below: Sequence[Line], axes: tuple[Scale, Scale], label: str) -> Markup:
    lines = [
        Line(xs=each.xs, ys=each.ys, tone=TONES[place % len(TONES)], name=f"{each.name}: {each.area:.3f}")
        for place, each in enumerate(curves)
    ]
    drawn = chart([*below, *lines], *axes, label=label)
    return drawn + (legend([f"{each.name} {each.area:.3f}" for each in curves]) if len(curves) > 1 else "")


def calibration(found: Reliability, say: Say = in_english) -> Markup:
    """Draw how often chances came true; on the diagonal as often as they say."""
    return chart([_DIAGONAL, _bins(found, say)], *_chances(found, say), label=say("Calibration"))


def recalibrated(found: Calibrated, say: Say = in_english) -> Markup:
    """Draw how often chances came true before they were corrected, and after it."""
    before, after = found.curve_before, found.curve_after
    if before is None or after is None:
        return Markup("")
    marks: list[Line | Dots] = [_DIAGONAL]
    for curve, tone in ((before, "second"), (after, "first")):
        dots = _bins(curve, say)
        marks.append(
            Line(xs=tuple(x for x, _ in dots.points), ys=tuple(y for _, y in dots.points), tone=tone)
        )
        marks.append(replace(dots, tone=tone, reach=()))
    drawn = chart(marks, *_chances(after, say), label=say("Calibration before and after"))
    return drawn + legend((say("after"), say("before")))


def _bins(found: Reliability, say: Say) -> Dots:
    most = max(each.rows for each in found.bins)
    return Dots(
        points=tuple((each.said, each.true) for each in found.bins),
        radii=tuple(3 + 6 * (each.rows / most) ** 0.5 for each in found.bins),
        told=tuple(
            say(
                "{n} rows: said {said}, true {true}",
                n=number(each.rows),
                said=f"{each.said:.1%}",
                true=f"{each.true:.1%}",
            )
            for each in found.bins
        ),
        reach=tuple((each.low, each.high) for each in found.bins),
    )


def _chances(found: Reliability, say: Say) -> tuple[Scale, Scale]:
    about = say("chance of {label}", label=found.about) if found.about else say("chance of the answer")
    return (
        Scale(low=0, high=1, name=about, is_share=True),
        Scale(low=0, high=1, name=say("came true"), is_share=True),
    )


def thresholds(cuts: Sequence[Cut], threshold: float | None, say: Say = in_english) -> Markup:
    """Draw what each threshold of the positive class gives, with a line at the model's own."""
    xs = tuple(cut.threshold for cut in cuts)
    found = tuple(_share(cut.true_positive, cut.true_positive + cut.false_negative) for cut in cuts)
    named = tuple((cut.true_positive + cut.false_positive) / cut.rows for cut in cuts)
    sure = [(cut.threshold, cut.true_positive, cut.true_positive + cut.false_positive) for cut in cuts]
    right = [(x, ups / all_) for x, ups, all_ in sure if all_]
    own = 0.5 if threshold is None else threshold
    marks = [
        Line(xs=(own, own), ys=(0.0, 1.0), tone="quiet", style="dashed"),
        Line(xs=xs, ys=found),
        Line(xs=tuple(x for x, _ in right), ys=tuple(y for _, y in right), tone="second"),
        Line(xs=xs, ys=named, tone="third"),
    ]
    x = Scale(low=0, high=1, name=say("threshold"))
    y = Scale(low=0, high=1, name=say("share"), is_share=True)
    names = (say("found"), say("right among those answered so"), say("answered so"))
    return chart(marks, x, y, label=say("What thresholds give")) + legend(names)


def costs(points: Sequence[tuple[float, float]], threshold: float | None, say: Say = in_english) -> Markup:
    """Draw what a row costs on average by the threshold, with a line at the model's own."""
    own = 0.5 if threshold is None else threshold
    y = axis([value for _, value in points], say("cost of a row"))
    marks = [
        Line(xs=(own, own), ys=(y.low, y.high), tone="quiet", style="dashed"),
        Line(xs=tuple(x for x, _ in points), ys=tuple(value for _, value in points), tone="second"),
    ]
    return chart(
        marks, Scale(low=0, high=1, name=say("threshold")), y, label=say("Cost of a row by threshold")
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
