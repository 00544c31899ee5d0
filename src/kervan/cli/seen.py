"""What is seen of a model, as tables in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kervan.cli.edge import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.app.explain import Explained
    from kervan.app.look import Seen
    from kervan.model.errors.analysis import ErrorAnalysis
    from kervan.model.errors.groups import Grouping, Rate
    from kervan.model.errors.labels import Suspects
    from kervan.model.errors.learning import LearningCurve
    from kervan.model.errors.segments import Segments
    from kervan.model.explain.explanation import Explanation

_SHOWN = 10


def seen_text(seen: Seen) -> str:
    """Lay out everything that is seen of a model, the worst first."""
    errors = seen.look.errors
    sampled = f", of {errors.looked:,} of them drawn by lot" if errors.looked < errors.rows else ""
    parts = [f"{seen.subject.name} on {errors.rows:,} rows of the validation part{sampled}"]
    parts += [_segments(errors.segments), *_quality(errors), *map(_groups, errors.groups)]
    parts += [_labels(each) for each in errors.labels if each.count]
    parts += [_examples(errors), _inputs(seen.look.explanation)]
    if seen.learning is not None:
        parts.append(_learning(seen.learning))
    return "\n\n".join(parts)


def reasons_text(found: Explained) -> str:
    """Lay out why one row is answered so."""
    why = found.reasons
    about = f"the chance of {why.about}" if why.about else found.predicts
    rows = [("mean answer", "", f"{why.base:.4g}", "")]
    rows += [
        (each.name, each.value, f"{each.amount:+.4g}", f"± {2 * each.error:.2g}")
        for each in why.contributions
        if each.amount
    ]
    rows.append(("answer", "", f"{why.answer:.4g}", ""))
    head = f"{found.model}, row {found.row}: what adds up to {about}"
    return f"{head}\n{table(('input', 'value', 'adds', ''), rows)}"


def _titled(title: str, body: str) -> str:
    return f"{click.style(title, bold=True)}\n{body}"


def _segments(found: Segments) -> str:
    title = (
        f"Worst segments: {found.passed:,} of {found.tried:,} are surely worse ({found.fewest} rows or more)"
    )
    rows = [
        (
            str(each),
            each.rows,
            _between(each.value, each.value_low, each.value_high),
            each.loss,
            each.rest,
            "" if each.wrong is None else f"{each.wrong:.1%}",
        )
        for each in found.worst
    ]
    heads = ("where", "rows", found.metric, "loss", "elsewhere", "wrong")
    none = (
        "the model is nowhere surely worse than elsewhere"
        if found.tried
        else "there are too few rows to tell"
    )
    return _titled(title, table(heads, rows, empty=none))


def _between(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "not known"
    return f"{value:.4g}" if low is None or high is None else f"{value:.4g} ({low:.4g} to {high:.4g})"


def _quality(errors: ErrorAnalysis) -> Iterator[str]:
    rows: list[tuple[object, ...]]
    if errors.roc:
        pairs = zip(errors.roc, errors.precision_recall, strict=True)
        rows = [(roc.name, f"{roc.share:.1%}", roc.area, curve.area) for roc, curve in pairs]
        yield _titled("Curves", table(("class", "rows", "ROC", "precision-recall"), rows))
    if errors.calibration is not None:
        found = errors.calibration
        rows = [
            (f"{each.said:.1%}", f"{each.true:.1%} ({each.low:.1%} to {each.high:.1%})", each.rows)
            for each in found.bins
        ]
        about = f" of {found.about}" if found.about else ""
        title = f"Calibration: off by {found.error:.1%} on average"
        yield _titled(title, table((f"said{about}", "came true", "rows"), rows))
    if errors.residuals is not None:
        rows = [(each.answer, *each.errors, each.rows) for each in errors.residuals.bands]
        heads = ("answer", "5 %", "25 %", "median error", "75 %", "95 %", "rows")
        yield _titled("Errors (answer minus truth) by answer", table(heads, rows))


def _groups(found: Grouping) -> str:
    names = list(dict.fromkeys(name for group in found.groups for name in group.rates))
    rows = [(each.name, each.rows, *(_rate(each.rates.get(name)) for name in names)) for each in found.groups]
    gaps = [
        f"{gap.rate}: {gap.most} {gap.value:.3g} above {gap.least} ({gap.low:.3g} to {gap.high:.3g})"
        for gap in found.gaps
        if gap.is_sure
    ]
    told = "\n".join(gaps) or "no gap is more than chance"
    return _titled(f"Groups by {found.column}", f"{table(('group', 'rows', *names), rows)}\n{told}")


def _rate(rate: Rate | None) -> str:
    return "–" if rate is None else f"{rate.value:.3g} ({rate.low:.3g} to {rate.high:.3g})"


def _labels(found: Suspects) -> str:
    title = f"Doubtful labels: {found.count:,} of {found.rows:,} rows of the {found.part} part"
    rows = [
        (each.row, each.label, each.likely, f"{each.chance:.1%}", f"{each.chance_of_label:.1%}")
        for each in found.worst[:_SHOWN]
    ]
    return _titled(title, table(("row", "label", "rather", "chance", "chance of the label"), rows))


def _examples(errors: ErrorAnalysis) -> str:
    rows = [
        (each.row, each.truth, each.answered, "" if each.chance is None else f"{each.chance:.1%}", each.loss)
        for each in errors.examples
    ]
    heads = ("row", "true", "answered", "how sure", "loss")
    return _titled("Rows of the validation part that are most wrong", table(heads, rows))


def _inputs(found: Explanation) -> str:
    swarms = {each.name: each.mean for each in found.swarms}
    rows = [
        (each.name, f"{each.mean:.4g} ± {each.deviation:.2g}", swarms.get(each.name, ""))
        for each in found.importance[: 2 * _SHOWN]
    ]
    title = f"Inputs: how much worse {found.metric} gets when one is shuffled"
    return _titled(title, table(("input", "worse by", "adds or takes on average"), rows))


def _learning(found: LearningCurve) -> str:
    rows = [(point.rows, point.mean, min(point.values), max(point.values)) for point in found.points]
    body = table(("rows", found.metric, "from", "to"), rows)
    if found.doubled is None or found.low is None or found.high is None:
        return _titled("Learning curve", f"{body}\ntoo few sizes to draw the curve on")
    told = f"with twice the rows about {found.doubled:.4g} ({found.low:.4g} to {found.high:.4g})"
    return _titled("Learning curve", f"{body}\n{told}")
