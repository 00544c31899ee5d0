"""The steps of training: describe, cross-validate candidates, compare them, fit and write one, evaluate it.

A fitted model leaves its process only in written formats, each proved to answer like the original, so
that what is evaluated and accepted later is exactly what will answer in production.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.called import admit_all
from kervan.core.features import Feature, called, fills
from kervan.core.naming import LeastCost, Threshold
from kervan.core.nouns import AT_RANDOM, Finding, SplitRule
from kervan.core.reading import AS_WRITTEN, Reading
from kervan.core.recipe import Recipe
from kervan.core.row_steps import IMPUTE, check_row_steps
from kervan.core.schema import Schema, Signature
from kervan.core.shaping import RowStep
from kervan.data.columns import signature_of
from kervan.flow.step import pipeline, report, step
from kervan.flow.values import scratch
from kervan.model.absent import completed
from kervan.model.answered import (
    Rows,
    read_all,
    read_answered,
    read_rows,
    write_all,
    write_answered,
    write_rows,
)
from kervan.model.calibrate import Calibrated
from kervan.model.carried import check_carried
from kervan.model.decide import decide
from kervan.model.demands import Demands
from kervan.model.ensembles import ensembles
from kervan.model.evaluate import Evaluation, evaluate
from kervan.model.features.signature import computed, unread
from kervan.model.features.stages import staged
from kervan.model.folds import Folding, order_of
from kervan.model.metrics import Yardstick, scores, task_of
from kervan.model.prepared import prepared_table
from kervan.model.rounded import rounded
from kervan.model.shortlist import Shortlist, shortlist
from kervan.model.standings import Standings, stand
from kervan.model.train import answer_folds, check_folds, fit, measured_again
from kervan.package.contents.manifest import Parity
from kervan.package.encoding import encode_table, encode_truth
from kervan.package.proving.build import load_format, served_format, write_formats
from kervan.package.writing.fitted import Fitted
from kervan.store.events import canonical

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from kervan.model.train import Measure

_PROOF_ROWS = 1_000
CARD = "candidate.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What of a table is read, and how a model of it is written and proved.

    `families` are those that are named; `reading` are the rules by which the values of the table were read,
    `row_steps` what the model does to a row before all else, `features` what it then computes from it, and
    `functions` the texts of the files of those that are functions, by their hashes. With `fills_absent` it
    answers rows that lack a value which no row of training lacks.
    """

    families: tuple[str, ...]
    formats: tuple[str, ...]
    tolerance: float | None
    seed: int
    texts: tuple[str, ...] = ()
    reading: Reading = AS_WRITTEN
    row_steps: tuple[RowStep, ...] = ()
    features: tuple[Feature, ...] = ()
    functions: Mapping[str, str] = field(default_factory=dict)
    demands: Demands = field(default_factory=Demands)
    fills_absent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Folds:
    """How candidates are cross-validated: in how many folds, by which seed, by which rule of the split."""

    folds: int
    seed: int
    rule: SplitRule = AT_RANDOM


@dataclass(frozen=True, slots=True, kw_only=True)
class Choosing:
    """By what one candidate is chosen: a metric, a shortlist of so many, and so many seconds for an ensemble.

    With 0 seconds no ensemble is tried. `takes_best` leaves aside what a small gain costs.
    """

    metric: str
    count: int
    seconds: float
    takes_best: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """What a model of some rows takes and gives, what is demanded of it, columns left out, other remarks.

    `functions` are the texts of files of Python that it calls, by their hashes.
    """

    signature: Signature
    functions: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    demands: Demands = field(default_factory=Demands)

    @property
    def yardstick(self) -> Yardstick:
        """What candidates are measured by."""
        return self.demands.yardstick(self.signature)

    @property
    def compared(self) -> Interface:
        """What of it candidates are compared by: they are not tried again where only the rest is another."""
        demands = replace(self.demands, calibrate="", costs=replace(self.demands.costs, currency=""))
        return replace(self, demands=demands, findings=())

    @property
    def answered(self) -> Interface:
        """What of it candidates' answers depend on: they are measured anew where only the rest differs."""
        return replace(self, demands=Demands(), findings=())

    @property
    def measure(self) -> Measure:
        """What tells the figures of some answers."""
        return partial(scores, task_of(self.signature), by=self.yardstick)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What was written: the recipe, what the model takes and gives, and the proof of each format.

    `functions` are as those of an `Interface`; `least_cost` says what naming by costs is worth.
    """

    recipe: Recipe
    signature: Signature
    functions: Mapping[str, str] = field(default_factory=dict)
    formats: tuple[str, ...]
    parity: tuple[Parity, ...]
    demands: Demands = field(default_factory=Demands)
    calibrated: Calibrated | None = None
    least_cost: LeastCost | None = None

    @property
    def family(self) -> str:
        """The recipe's family."""
        return self.recipe.family

    def named_by(self, rows: int) -> Threshold | LeastCost | None:
        """Return the rule by which a class is named, and why; `rows` are those of the validation part."""
        return self.demands.told_threshold(self.signature, rows) or self.least_cost


@step(light=True)
def describe(train: pl.DataFrame, schema: Schema, target: str, task: str, choice: Choice) -> Interface:
    """Say what a model of these rows takes and gives, by which rules, and what it or a family cannot use."""
    admit_all(choice.functions)
    found, left_out = signature_of(train, schema, target, task, choice.texts)
    signature = replace(
        found,
        reading=choice.reading.of(found.inputs.names),
        steps=(*choice.row_steps, *fills(choice.features)),
        features=choice.features,
    )
    if choice.fills_absent:
        signature = completed(signature, train)
    check_row_steps(choice.row_steps, signature.inputs)
    check_row_steps(fills(choice.features), signature.inputs, IMPUTE)
    computed(signature, unread(left_out))
    staged(signature)
    if called(signature.features):
        prepared_table(signature, train)  # of every row, before anything is trained
    if signature.features:
        check_carried(choice.formats, train, signature, choice.seed)
    remarks = rounded(train, signature, choice.families, choice.formats)
    return Interface(
        signature=signature,
        functions=choice.functions,
        findings=(*left_out, *remarks),
        demands=choice.demands,
    )


@step
def encode(train: pl.DataFrame, interface: Interface, folds: Folds) -> Path:
    """Write what every candidate learns from, once: the matrix, the truth, and what folds go by.

    Raises what `check_folds` raises, before anything is trained.
    """
    admit_all(interface.functions)
    signature = interface.signature
    truth = encode_truth(train[signature.output.name], signature.output)
    matrix = encode_table(train, signature)
    folding = Folding(folds=folds.folds, seed=folds.seed, order=order_of(train, folds.rule))
    folding = check_folds(matrix, truth, signature, folding)
    return write_rows(Rows(matrix=matrix, truth=truth, folding=folding), scratch())


@step(label="name")
def compare_candidate(rows: Path, interface: Interface, recipe: Recipe, name: str) -> Path:
    """Cross-validate one candidate on the training part, by the rule that split the dataset."""
    admit_all(interface.functions)
    found = read_rows(rows)
    figures_of = interface.measure

    def measure(truth: NDArray[Any], values: NDArray[np.float64]) -> dict[str, float]:
        figures = figures_of(truth, values)
        report(figures)
        return figures

    answered = answer_folds(recipe, found.matrix, found.truth, interface.signature, found.folding, measure)
    named = replace(answered, score=replace(answered.score, name=name))
    return write_answered(named, scratch())


def measure_again(answered: Path, rows: Path, interface: Interface) -> Path:
    """Write what a candidate answered with the figures that an interface demands."""
    admit_all(interface.functions)
    known = read_rows(rows)
    found = measured_again(read_answered(answered), known.truth, known.folding, interface.measure)
    return write_answered(found, scratch())


@step(light=True)
def choose_shortlist(
    rows: Path, interface: Interface, answered: list[Path], metric: str, count: int
) -> Shortlist:
    """Choose a few good candidates that fail differently."""
    found = [read_answered(each) for each in answered]
    return shortlist(found, read_rows(rows).truth, interface.signature, metric, count)


@step(light=True)
def combine_candidates(
    rows: Path, interface: Interface, answered: list[Path], chosen: Shortlist, metric: str, seconds: float
) -> Path:
    """Combine the shortlist, and the best of all by weights, and judge what that gives.

    There is none that would take more seconds to be finished.
    """
    admit_all(interface.functions)
    pool = [each for each in map(read_answered, answered) if metric in each.score.means]
    members = [each for each in pool if each.score.title in chosen.members]
    by = interface.yardstick
    found = ensembles(
        members, pool, read_rows(rows), interface.signature, metric, by=by, most_seconds=seconds
    )
    return write_all(found, scratch())


@step(light=True)
def compare(
    rows: Path,
    interface: Interface,
    answered: list[Path],
    combined: list[Path],
    metric: str,
    takes_best: bool,
) -> Standings:
    """Say which candidates and ensembles are better than others, and which of them to take."""
    found = [*map(read_answered, answered), *(each for folder in combined for each in read_all(folder))]
    truth, by = read_rows(rows).truth, interface.yardstick
    return stand(found, truth, interface.signature, metric, by, takes_best=takes_best)


@step
def fit_candidate(
    rows: Path, validation: pl.DataFrame, interface: Interface, recipe: Recipe, choice: Choice
) -> Path:
    """Fit a recipe on all training rows, write it in every format, prove each."""
    admit_all(interface.functions)
    signature = interface.signature
    found = read_rows(rows)
    model = fit(recipe, found.matrix, found.truth, signature, seed=choice.seed)
    held_out = encode_table(validation, signature)
    known = encode_truth(validation[signature.output.name], signature.output)
    learned = (found.matrix, found.truth, found.folding)
    decided = decide(model, interface.demands, signature, learned, (held_out, known))
    folder = scratch()
    proofs = write_formats(
        Fitted(decided.model, decided.signature),
        folder,
        choice.formats,
        held_out[:_PROOF_ROWS],
        tolerance=choice.tolerance,
        seed=choice.seed,
    )
    card = Candidate(
        recipe=recipe,
        signature=decided.signature,
        functions=interface.functions,
        formats=choice.formats,
        parity=proofs,
        demands=interface.demands,
        calibrated=decided.calibrated,
        least_cost=decided.least_cost,
    )
    (folder / CARD).write_bytes(canonical(card))
    return folder


@step(light=True)
def evaluate_best(candidate: Path, validation: pl.DataFrame) -> Evaluation:
    """Evaluate the written model, not the one in memory, on the validation part."""
    return evaluate_candidate(candidate, validation)


def evaluate_candidate(folder: Path, table: pl.DataFrame) -> Evaluation:
    """Evaluate a written candidate on some rows, as it will be served."""
    card = read_card(folder)
    name = served_format(card.formats)
    predictor = load_format(name, folder / name, card.signature)
    truth = encode_truth(table[card.signature.output.name], card.signature.output)
    metrics = card.demands.found(card.signature)
    return evaluate(predictor, encode_table(table, card.signature), truth, card.signature, metrics=metrics)


def read_card(folder: Path) -> Candidate:
    """Read what `fit_candidate` wrote about its model, and let the functions run that it calls."""
    card = msgspec.json.decode((folder / CARD).read_bytes(), type=Candidate)
    admit_all(card.functions)
    return card


@pipeline
def preparation(
    train: pl.DataFrame, schema: Schema, target: str, task: str, choice: Choice, folds: Folds
) -> dict[str, object]:
    """From the training part to what candidates learn from."""
    interface = describe(train, schema, target, task, choice)
    return {"interface": interface, "rows": encode(train, interface, folds)}


@pipeline
def comparison(
    rows: Path, interface: Interface, answered: list[Path], choosing: Choosing
) -> dict[str, object]:
    """From what candidates answered to the one to take, and others that fail differently."""
    metric, seconds = choosing.metric, choosing.seconds
    chosen = choose_shortlist(rows, interface, answered, metric, choosing.count)
    given = (rows, interface, answered, chosen, metric, seconds)
    combined = [combine_candidates(*given)] if seconds else []
    return {
        "shortlist": chosen,
        "combined": combined,
        "standings": compare(rows, interface, answered, combined, metric, choosing.takes_best),
    }


@pipeline
def finish(
    rows: Path, validation: pl.DataFrame, interface: Interface, recipe: Recipe, choice: Choice
) -> dict[str, object]:
    """From the recipe that was chosen to a proved candidate and its evaluation."""
    candidate = fit_candidate(rows, validation, interface, recipe, choice)
    return {"candidate": candidate, "evaluation": evaluate_best(candidate, validation)}
