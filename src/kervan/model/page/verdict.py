"""The head of the page: whether the model is good enough, and the figures that say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from kervan.model.errors.told import told_in_short
from kervan.model.page.layout import card, grid, section, table, tag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.model.evaluate import Acceptance, Evaluation
    from kervan.model.page.story import Story

_VERDICTS = {
    "passed": "It reaches its goal.",
    "warned": "It reaches its goal, with doubts.",
    "failed": "It misses its goal.",
}


def head(story: Story) -> Markup:
    """Say what the model is, and whether it is good enough."""
    rows = story.evaluation.rows
    lead = f"Predicts {story.predicts}" + (f" by {story.chosen}" if story.chosen else "")
    title = Markup('<header><h1>{}</h1><p class="lead">{}</p></header>').format(
        story.title, f"{lead}. Measured on {rows:,} rows that it did not learn from."
    )
    judged = _judged(story.acceptance) if story.acceptance else _unjudged(story)
    return title + judged + _figures(story)


def _judged(acceptance: Acceptance) -> Markup:
    value = "not known" if acceptance.value is None else said(acceptance.value)
    reach = acceptance.interval
    between = f", between {said(reach.low)} and {said(reach.high)} in 95 %" if reach else ""
    findings = Markup("").join(
        Markup("<li>{} {}{}</li>").format(
            tag(finding.verdict),
            finding.message,
            Markup(' <span class="soft">({})</span>').format(finding.hint) if finding.hint else "",
        )
        for finding in acceptance.findings
    )
    return Markup(
        '<div class="card verdict {verdict}"><div><div class="big">{value}</div>'
        '<div class="soft">{metric} on the sealed test part{between}</div></div>'
        "<div><p><strong>{says}</strong> {tag} Goal: {goal}.</p>"
        '<ul class="findings">{findings}</ul></div></div>'
    ).format(
        verdict=str(acceptance.verdict),
        value=value,
        metric=acceptance.metric,
        between=between,
        says=_VERDICTS[acceptance.verdict],
        tag=tag(acceptance.verdict),
        goal=acceptance.goal or "none",
        findings=findings,
    )


def _unjudged(story: Story) -> Markup:
    value = story.evaluation.metrics.get(story.metric)
    return Markup(
        '<div class="card verdict"><div><div class="big">{}</div><div class="soft">{} on the validation part'
        "</div></div><p>Nobody has judged it on the sealed test part yet.</p></div>"
    ).format("not known" if value is None else said(value), story.metric)


def _figures(story: Story) -> Markup:
    items = Markup("").join(
        Markup(
            '<div class="card"><dt>{}</dt><dd><strong>{}</strong><br/><small>{}</small></dd></div>'
        ).format(*each)
        for each in _told(story)
    )
    return Markup('<dl class="figures">{}</dl>').format(items)


def _told(story: Story) -> Iterator[tuple[str, str, str]]:
    yield _measured(story.evaluation, story.metric)
    if story.look is None:
        return
    errors, explanation = story.look.errors, story.look.explanation
    if errors.calibration is not None:
        error = errors.calibration.error
        yield ("Calibration", f"off by {error:.1%}", "how far chances are from what comes true, on average")
    worst = errors.segments.worst
    if worst:
        times = f"{worst[0].loss / worst[0].rest:.1f} × the loss" if worst[0].rest else "loses most"
        yield ("Worst segment", times, f"where {worst[0]}")
    else:
        yield ("Worst segment", "none", told_in_short(errors))
    if explanation.importance:
        first = explanation.importance[0]
        yield ("Matters most", first.name, f"shuffled, {explanation.metric} gets worse by {first.mean:.3g}")


def _measured(evaluation: Evaluation, metric: str) -> tuple[str, str, str]:
    value, reach = evaluation.metrics.get(metric), evaluation.intervals.get(metric)
    between = f"{said(reach.low)} to {said(reach.high)} in 95 %, " if reach else ""
    return (
        f"{metric}, validation",
        "not known" if value is None else said(value),
        f"{between}{evaluation.rows:,} rows",
    )


def made(story: Story) -> Markup:
    """Say what was done: all metrics, and where the model came from."""
    rows = []
    for name, value in story.evaluation.metrics.items():
        reach = story.evaluation.intervals.get(name)
        rows.append(
            [name, f"{value:.6g}", f"{reach.low:.6g}" if reach else "", f"{reach.high:.6g}" if reach else ""]
        )
    cards = [card("All metrics on the validation part", table(["metric", "value", "95 % from", "to"], rows))]
    if story.facts:
        facts = table(["what", "which"], story.facts, kind="facts")
        cards.append(card("What was done", facts))
    return section("Measured and made", grid(cards))


def said(value: float) -> str:
    """Write a metric in four digits.

    >>> said(0.98765), said(48213.4)
    ('0.9877', '48,213')
    """
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
