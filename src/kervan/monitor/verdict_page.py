"""A judgement as a page to look at."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from kervan.core.releasing import Decision, Guard
from kervan.data.html import document, facts
from kervan.monitor.curves import MOST, Curve, picture
from kervan.monitor.judgement import LARGEST, Standing
from kervan.monitor.sentences import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.monitor.judgement import Judgement, Measure, Moment

_MARKS = {
    Standing.WORSE: "failed",
    Standing.PROVEN: "passed",
    Standing.NOT_PROVEN: "warned",
    Standing.NO_DATA: "warned",
    Standing.WATCHED: "soft",
}
_DECISIONS = {Decision.PROMOTE: "passed", Decision.LOOK: "soft", Decision.ROLL_BACK: "failed"}
_GUARD = "guard "  # before the text of a guard, as its metric
_HEADS = ("metric", "stable", "candidate", "allowed", "evidence against", "proven well", "")


def verdict_page(judgement: Judgement, title: str = "Verdict") -> str:
    """Return a self-contained HTML page: the decision, every metric, and how the evidence grew."""
    decided = f'<strong class="{_DECISIONS[judgement.decision]}">{escape(judgement.decision)}</strong>'
    notes = "".join(f'<li class="warned">{escape(note)}</li>' for note in judgement.notes)
    head = facts(
        [
            ("share of the traffic", _percent(judgement.share)),
            ("the candidate's requests", f"{judgement.samples:,} of at least {judgement.needed:,}"),
            ("time in this step", _time(judgement)),
            ("false alarms", f"at most {judgement.alpha:.1%} of healthy releases"),
        ]
    )
    body = (
        f"<p>{decided}: {escape(judgement.reason)}</p>\n<ul>{notes}</ul>\n{head}\n"
        f"<section><h2>Metrics</h2>{_table(judgement.measures)}</section>\n{_curves(judgement)}"
    )
    return document(title, body)


def _time(judgement: Judgement) -> str:
    most = f" of at most {judgement.every:,.0f} s" if judgement.every else ""
    return f"{judgement.seconds:,.0f} s{most}"


def _table(measures: Sequence[Measure]) -> str:
    head = "".join(f"<th>{text}</th>" for text in _HEADS)
    return f"<table><tr>{head}</tr>{''.join(map(_row, measures))}</table>"


def _row(measure: Measure) -> str:
    metric = Guard.parse(measure.metric.removeprefix(_GUARD)).metric if _is_guard(measure) else measure.metric
    proof = "–" if measure.proof is None else f"{measure.proof:.0%}"
    cells = (
        measure.metric,
        "–" if _is_guard(measure) else shown(metric, measure.stable),
        shown(metric, measure.candidate),
        _allowed(measure),
        _against(measure),
        proof,
    )
    texts = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    mark = f'<span class="{_MARKS[measure.standing]}">{escape(measure.standing)}</span>'
    return f'<tr title="{escape(measure.said)}">{texts}<td>{mark}</td></tr>'


def _against(measure: Measure) -> str:
    if measure.threshold >= LARGEST:  # not a matter of chance
        return "–"
    return f"{measure.evidence:.0%} (e-value {_value(measure.e_value)} of {_value(measure.threshold)})"


def _value(value: float) -> str:
    return f"{value:,.0f}" if 10 <= value < 1e9 else f"{value:.2g}"


def _is_guard(measure: Measure) -> bool:
    return measure.metric.startswith(_GUARD)


def _allowed(measure: Measure) -> str:
    if _is_guard(measure):
        return measure.metric.removeprefix(_GUARD)
    if measure.metric in {"quality", "reward"}:
        return f"less by {measure.margin:g}" if measure.margin else "not less"
    return f"{measure.margin:g} ×"


def _curves(judgement: Judgement) -> str:
    history = judgement.history
    if len(history) < 2:
        return ""
    parts = [
        ("Evidence against the candidate, as a part of what rolls it back", _evidence(history)),
        ("Share of the traffic", picture([_share(history)], _percent, in_steps=True)),
        ("Requests that fail, in each step so far", picture(_both(history, "errors"), _percent)),
        ("99 of 100 requests take up to, in each step so far", picture(_both(history, "p99"), _seconds)),
    ]
    return "\n".join(f"<section><h2>{escape(name)}</h2>{drawn}</section>" for name, drawn in parts)


def _evidence(history: Sequence[Moment]) -> str:
    """Draw the metrics that ever had most."""
    metrics = dict.fromkeys(metric for moment in history for metric in moment.evidence)
    most = {metric: max(moment.evidence.get(metric, 0.0) for moment in history) for metric in metrics}
    drawn = sorted(metrics, key=lambda metric: -most[metric])[:MOST]
    curves = [
        Curve(name=metric, points=[(moment.at, moment.evidence.get(metric, 0.0)) for moment in history])
        for metric in drawn
    ]
    return picture(curves, _percent, top=1.0)


def _share(history: Sequence[Moment]) -> Curve:
    return Curve(name="candidate", points=[(moment.at, moment.share) for moment in history])


def _both(history: Sequence[Moment], figure: str) -> list[Curve]:
    pairs = [(moment.at, getattr(moment, figure)) for moment in history]
    return [
        Curve(name=name, points=[(at, pair[place]) for at, pair in pairs])
        for place, name in enumerate(("stable", "candidate"))
    ]


def _percent(value: float) -> str:
    return f"{value * 100:.3g} %"


def _seconds(value: float) -> str:
    return shown("p99", value)
