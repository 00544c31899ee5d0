"""How good the model is: against the other families, at every threshold, class by class, error by error."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from markupsafe import Markup

from kervan.draw import Ranked, reached
from kervan.model.evaluate import QUANTILES
from kervan.model.families.registry import BASELINE
from kervan.model.page import pictures
from kervan.model.page.layout import card, grid, section, table
from kervan.model.page.verdict import said
from kervan.model.train import leaderboard

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kervan.model.calibrate import Calibrated
    from kervan.model.evaluate import Evaluation
    from kervan.model.page.story import Story
    from kervan.model.train import CandidateScore

_MOST_COMPARED = 12
_MOST_CLASSES = 30  # a larger table cannot be read


def compared(story: Story) -> Markup:
    """Show the candidates that were compared, the best first."""
    board = leaderboard(story.candidates, story.metric)[:_MOST_COMPARED]
    rows = []
    for each in board:
        known = story.metric in each.means
        score = (
            f"{each.means[story.metric]:.4g} ± {each.deviations[story.metric]:.2g}" if known else "unknown"
        )
        rows.append([each.title, score, f"{each.fit_seconds:.2f}", f"{each.predict_seconds:.2f}"])
    heads = ["candidate", f"{story.metric} over the folds", "s to fit", "s to predict"]
    picture, note = _standing(story) if story.standings else _by_folds(story, board)
    cards = [card(story.metric, picture, note=note), card("", table(heads, rows)), *_fronts(story)]
    lead = "All over the same folds of the training part; a baseline is there to be beaten."
    return section("Compared", grid(cards), lead=lead)


def _standing(story: Story) -> tuple[Markup, str]:
    """Draw the candidates with the interval of each over other rows, and say which to take and why."""
    found = story.standings
    if found is None:
        return Markup(""), ""
    drawn = [
        Ranked(
            name=each.name,
            value=each.value,
            low=each.interval.low if each.interval else None,
            high=each.interval.high if each.interval else None,
            told=said(each.value),
            tone="first" if each.name == found.chosen else "quiet",
        )
        for each in found.standings[:_MOST_COMPARED]
        if each.name != BASELINE
    ]
    picture = reached(drawn, label="candidates", names=150, width=460) if drawn else Markup("")
    return picture, f"{found.reason[:1].upper()}{found.reason[1:]}. Lines are 95 % intervals."


def _fronts(story: Story) -> Iterator[Markup]:
    """Draw the candidates by several goals."""
    if story.front is None:
        return
    note = (
        "The dashed line joins the best for these two; named are those that no other one beats in all goals. "
        "Orange: the one that was chosen."
    )
    for place, pair in enumerate(pictures.fronts(story.front, story.candidates, story.taken)):
        yield card("Several goals", pair, note="" if place else note)


def _by_folds(story: Story, board: Sequence[CandidateScore]) -> tuple[Markup, str]:
    """Draw the candidates from the worst fold to the best."""
    drawn = [
        Ranked(
            name=each.title,
            value=each.means[story.metric],
            low=min(each.values[story.metric]),
            high=max(each.values[story.metric]),
            told=said(each.means[story.metric]),
            tone="first" if each.title == story.taken else "quiet",
        )
        for each in board
        if story.metric in each.means and each.family != BASELINE
    ]
    picture = reached(drawn, label="candidates", names=150, width=460) if drawn else Markup("")
    return picture, "Dot: the mean; line: from the worst fold to the best."


def answered(story: Story) -> Markup:
    """Show how well classes are told apart, or how far numbers are off."""
    parts = [*_classes(story.evaluation), *_cuts(story)] if story.evaluation.classes else _errors(story)
    cards = [*_curves(story), *_calibrated(story), *_named(story), *parts]
    title = "How well it tells classes apart" if story.evaluation.classes else "How far it is off"
    return section(title, grid(cards))


def _curves(story: Story) -> Iterator[Markup]:
    errors = story.look.errors if story.look else None
    if errors is None or not errors.roc:
        return
    areas = f"Area {errors.roc[0].area:.3f}. " if len(errors.roc) == 1 else ""
    average = f"Average precision {errors.precision_recall[0].area:.3f}. " if len(errors.roc) == 1 else ""
    yield card("ROC curve", pictures.roc(errors.roc), note=f"{areas}On the dashed line nothing is told.")
    yield card(
        "Precision and recall",
        pictures.precision_recall(errors.precision_recall),
        note=f"{average}The more rows of a class are to be found, the fewer of those answered so are right.",
    )
    if errors.calibration is not None:
        note = (
            f"Off by {errors.calibration.error:.1%} on average; Brier score {errors.calibration.brier:.3f}. "
        )
        yield card(
            "Calibration",
            pictures.calibration(errors.calibration),
            note=note + "Above the line more comes true than was said. Lines are 95 % intervals.",
        )


def _calibrated(story: Story) -> Iterator[Markup]:
    """Show how chances were before they were corrected, and how they are after it."""
    found = story.calibrated
    if found is None:
        return
    drawn = [pictures.recalibrated(found)] if found.curve_before and found.curve_after else []
    yield card(f"Before and after calibration ({found.method})", *drawn, _measures(found))


def _measures(found: Calibrated) -> Markup:
    rows = [[name, said(before), said(found.after[name])] for name, before in found.before.items()]
    return table(["on the validation part, less is better", "before", "after"], rows)


def _named(story: Story) -> Iterator[Markup]:
    """Say what naming by costs is worth; what a threshold gives is drawn."""
    if story.named_by is not None and not story.evaluation.cuts:
        told = Markup("<p>{}</p>").format(_sentence(story.named_by.told))
        caution = story.named_by.caution
        yield card("What answers cost", told, note=_sentence(caution) if caution else "")


def _sentence(told: str) -> str:
    return f"{told[:1].upper()}{told[1:]}."


def _cuts(story: Story) -> Iterator[Markup]:
    """Show what other thresholds would give, and cost where somebody said what answers cost."""
    evaluation, named_by = story.evaluation, story.named_by
    if not evaluation.cuts:
        return
    positive = evaluation.classes[-1]
    own = "the more probable class is answered"
    if evaluation.threshold is not None:
        own = named_by.told if named_by else f"from {evaluation.threshold:.3g} on"
    note = f"For {positive}, on the validation part; dashed: the model's own, {own}."
    if named_by and named_by.caution:
        note += f" {_sentence(named_by.caution)}"
    yield card("Thresholds", pictures.thresholds(evaluation.cuts, evaluation.threshold), note=note)
    if story.costs:
        least = min(story.costs, key=lambda each: each[1])
        note = f"The least on these rows is {least[1]:.4g} {story.currency} a row, from {least[0]:.2f} on."
        yield card("What answers cost", pictures.costs(story.costs, evaluation.threshold), note=note)


def _classes(evaluation: Evaluation) -> Iterator[Markup]:
    if len(evaluation.classes) > _MOST_CLASSES:
        yield card(
            "Confusion", Markup("<p>{} classes are too many to show.</p>").format(len(evaluation.classes))
        )
        return
    heads = Markup("").join(Markup('<th class="n">{}</th>').format(label) for label in evaluation.classes)
    rows = Markup("").join(
        _confused(evaluation.classes, place, counts) for place, counts in enumerate(evaluation.confusion)
    )
    drawn = Markup(
        '<div class="table"><table><thead><tr><th>true ↓ answered →</th>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>"
    ).format(heads, rows)
    yield card(
        "Confusion", drawn, note="Rows of the validation part; below each count its share of the true class."
    )


def _confused(classes: tuple[str, ...], place: int, counts: tuple[int, ...]) -> Markup:
    total = sum(counts) or 1
    cells = Markup("").join(
        Markup('<td class="n {}">{}<br/><small>{}</small></td>').format(
            _tone(count / total, is_right=at == place), f"{count:,}", f"{count / total:.1%}"
        )
        for at, count in enumerate(counts)
    )
    return Markup("<tr><th>{}</th>{}</tr>").format(classes[place], cells)


def _tone(share: float, *, is_right: bool) -> str:
    """Return how strong the colour of a cell is, in fifths, in one tone for right and another for wrong."""
    return f"{'right' if is_right else 'wrong'}{ceil(5 * share)}"


def _errors(story: Story) -> Iterator[Markup]:
    found = story.look.errors.residuals if story.look else None
    if found is not None:
        yield card(
            "Errors by answer",
            pictures.errors_by_answer(found),
            note="Half of the rows lie in the dark band, nine tenths in both; the line is the median.",
        )
        outside = f" {found.outside:,} rows lie outside." if found.outside else ""
        yield card("Errors", pictures.error_histogram(found), note=f"Answer minus truth.{outside}")
    heads = ["quantile", "error"]
    pairs = zip(QUANTILES, story.evaluation.residuals, strict=True)
    rows = [[f"{share:.0%}", f"{value:.6g}"] for share, value in pairs]
    yield card("Answer minus truth", table(heads, rows))
