"""One HTML page that shows how good a model is: no script, nothing fetched, every text escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from kervan.data.html import policy, rows_table
from kervan.model.evaluate import QUANTILES
from kervan.model.train import leaderboard

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kervan.model.evaluate import Acceptance, Evaluation
    from kervan.model.train import CandidateScore

_MOST_CLASSES = 30  # a larger table cannot be read
_WIDTH = 640
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1c1c1c; background: #fff }
table { border-collapse: collapse; margin: .5rem 0 1.5rem }
th, td { border: 1px solid #ccc; padding: .25rem .6rem; text-align: right }
th:first-child, td:first-child { text-align: left }
.passed { color: #17602b } .warned { color: #7a4a00 } .failed { color: #9b1c1c }
svg { max-width: 100%; height: auto }
"""


def evaluation_page(
    title: str, evaluation: Evaluation, acceptance: Acceptance, candidates: Iterable[CandidateScore]
) -> str:
    """Show an evaluation with its verdict, the leaderboard of the families, and a picture of the errors."""
    parts = [
        f"<h1>{escape(title)}</h1>",
        _verdict(acceptance),
        "<h2>Measured</h2>",
        _metrics(evaluation),
        "<h2>Families compared</h2>",
        _leaderboard(tuple(candidates), acceptance.metric),
        *(_classes(evaluation) if evaluation.classes else _residuals(evaluation)),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">{policy(_STYLE)}'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _verdict(acceptance: Acceptance) -> str:
    items = "".join(
        f'<li class="{finding.verdict}">{escape(finding.message)}'
        f"{f' <em>({escape(finding.hint)})</em>' if finding.hint else ''}</li>"
        for finding in acceptance.findings
    )
    goal = escape(acceptance.goal or "none")
    verdict = f'<strong class="{acceptance.verdict}">{acceptance.verdict}</strong>'
    return f"<p>Goal: {goal}. {verdict}</p><ul>{items}</ul>"


def _metrics(evaluation: Evaluation) -> str:
    rows = []
    for name, value in evaluation.metrics.items():
        interval = evaluation.intervals.get(name)
        ends = [f"{interval.low:.6g}", f"{interval.high:.6g}"] if interval else ["", ""]
        rows.append([name, f"{value:.6g}", *ends])
    return f"<p>On the {evaluation.rows:,} rows of the validation part.</p>" + rows_table(
        ["metric", "value", "95 % from", "to"], rows
    )


def _leaderboard(candidates: Sequence[CandidateScore], metric: str) -> str:
    rows = []
    for each in leaderboard(candidates, metric):
        known = metric in each.means
        score = f"{each.means[metric]:.6g} ± {each.deviations[metric]:.2g}" if known else "unknown"
        rows.append([each.family, score, f"{each.fit_seconds:.2f}", f"{each.predict_seconds:.2f}"])
    heads = ["family", f"{metric} over the folds", "seconds to fit", "seconds to predict"]
    return rows_table(heads, rows)


def _classes(evaluation: Evaluation) -> Iterable[str]:
    yield "<h2>Confusion: true class by row, answered class by column</h2>"
    if len(evaluation.classes) > _MOST_CLASSES:
        yield f"<p>{len(evaluation.classes)} classes are too many to show.</p>"
    else:
        rows = [
            [label, *(str(count) for count in counts)]
            for label, counts in zip(evaluation.classes, evaluation.confusion, strict=True)
        ]
        yield rows_table(["", *evaluation.classes], rows)
    yield "<h2>Calibration: how sure, and how often right</h2>"
    yield _calibration(evaluation)


def _calibration(evaluation: Evaluation) -> str:
    """Draw a dot for each bin; on the line the model is right as often as it says."""
    side = 300
    most = max((each.rows for each in evaluation.calibration), default=1)
    dots = "".join(
        f'<circle cx="{side * each.confidence:.1f}" cy="{side * (1 - each.accuracy):.1f}" '
        f'r="{3 + 9 * (each.rows / most) ** 0.5:.1f}" fill="#2a5db0" fill-opacity="0.7">'
        f"<title>{each.rows} rows: sure {each.confidence:.0%}, right {each.accuracy:.0%}</title></circle>"
        for each in evaluation.calibration
    )
    return (
        f'<svg viewBox="-20 -20 {side + 40} {side + 40}" width="{side + 40}" role="img" '
        f'aria-label="share of right answers against confidence">'
        f'<rect width="{side}" height="{side}" fill="none" stroke="#999"/>'
        f'<line x1="0" y1="{side}" x2="{side}" y2="0" stroke="#999" stroke-dasharray="4"/>{dots}</svg>'
    )


def _residuals(evaluation: Evaluation) -> Iterable[str]:
    yield "<h2>Errors: answer minus truth</h2>"
    heads = [f"{share:.0%}" for share in QUANTILES]
    yield rows_table(["quantile", *heads], [["error", *(f"{value:.6g}" for value in evaluation.residuals)]])
    yield _box(evaluation.residuals)


def _box(residuals: Sequence[float]) -> str:
    """Draw the quantiles as a box from 25 to 75 %, whiskers from 5 to 95 %, and a line at no error."""
    low, high = min(residuals[1], 0.0), max(residuals[5], 0.0)
    scale = _WIDTH / ((high - low) or 1.0)
    left, start, middle, end, right = ((value - low) * scale for value in residuals[1:6])
    zero = -low * scale
    return (
        f'<svg viewBox="-10 0 {_WIDTH + 20} 60" width="{_WIDTH}" role="img" '
        f'aria-label="spread of the errors">'
        f'<line x1="{left:.1f}" y1="30" x2="{right:.1f}" y2="30" stroke="#2a5db0"/>'
        f'<rect x="{start:.1f}" y="15" width="{end - start:.1f}" height="30" '
        f'fill="#c9d8f0" stroke="#2a5db0"/>'
        f'<line x1="{middle:.1f}" y1="15" x2="{middle:.1f}" y2="45" stroke="#2a5db0" stroke-width="3"/>'
        f'<line x1="{zero:.1f}" y1="0" x2="{zero:.1f}" y2="60" stroke="#9b1c1c" stroke-dasharray="4"/></svg>'
    )
