"""The training pipeline: describe, cross-validate every family, fit and write the best, evaluate it.

A fitted model leaves its process only in written formats, each proved to answer like the original, so
that what is evaluated and accepted later is exactly what will answer in production.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from kervan.core.nouns import AT_RANDOM, Finding, SplitRule, Verdict
from kervan.core.ports import Precision
from kervan.core.reading import AS_WRITTEN, Reading
from kervan.core.row_steps import check_row_steps
from kervan.core.schema import Schema, Signature, Type
from kervan.core.shaping import RowStep
from kervan.data.columns import signature_of
from kervan.flow.step import pipeline, step
from kervan.flow.values import scratch
from kervan.model.candidates import BASELINE, ROUNDING
from kervan.model.evaluate import Evaluation, evaluate
from kervan.model.folds import Folding, order_of
from kervan.model.train import CandidateScore, best, cross_validate, fit
from kervan.package.contents.manifest import Parity
from kervan.package.encoding import encode_table, encode_truth, held
from kervan.package.proving.build import load_format, served_format, write_formats
from kervan.package.writing.fitted import Fitted

if TYPE_CHECKING:
    import polars as pl

_PROOF_ROWS = 1_000
CARD = "candidate.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which families are compared and which texts read, how the best is chosen, written and proved.

    `reading` are the rules by which the values of the table were read, `row_steps` what the model does to a
    row before all else, `rule` how the dataset was split, which folds follow.
    """

    families: tuple[str, ...]
    metric: str
    formats: tuple[str, ...]
    tolerance: float | None
    folds: int
    seed: int
    texts: tuple[str, ...] = ()
    reading: Reading = AS_WRITTEN
    row_steps: tuple[RowStep, ...] = ()
    rule: SplitRule = AT_RANDOM


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """What a model of some rows takes and gives, with the columns left out and other remarks."""

    signature: Signature
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What was written: the family, what it takes and gives, and the proof of each format."""

    family: str
    signature: Signature
    formats: tuple[str, ...]
    parity: tuple[Parity, ...]


@step
def describe(train: pl.DataFrame, schema: Schema, target: str, task: str, choice: Choice) -> Interface:
    """Say what a model of these rows takes and gives, by which rules, and what it or a family cannot use."""
    found, left_out = signature_of(train, schema, target, task, choice.texts)
    signature = replace(found, reading=choice.reading, steps=choice.row_steps)
    check_row_steps(signature.steps, signature.inputs)
    rounding = [name for name in choice.families if name in ROUNDING]
    merged = _merged(train, signature) if rounding else []
    remarks = tuple(
        Finding(
            rule="rounded",
            subject=name,
            verdict=Verdict.WARNED,
            message=f"column {name!r} has {values:,} different values, which {' and '.join(rounding)} see as "
            f"{left:,}: scikit-learn's trees round to float32",
            hint="leave it out if it is an identifier, or subtract a constant from it before",
        )
        for name, values, left in merged
    )
    return Interface(signature=signature, findings=(*left_out, *remarks))


@step(label="family")
def compare_family(
    train: pl.DataFrame, interface: Interface, family: str, folds: int, seed: int, rule: SplitRule
) -> CandidateScore:
    """Cross-validate one family on the training part, by the rule that split the dataset."""
    signature = interface.signature
    truth = encode_truth(train[signature.output.name], signature.output)
    folding = Folding(folds=folds, seed=seed, order=order_of(train, rule))
    return cross_validate(family, encode_table(train, signature), truth, signature, folding)


@step
def fit_best(
    train: pl.DataFrame,
    validation: pl.DataFrame,
    interface: Interface,
    scores: list[CandidateScore],
    choice: Choice,
) -> Path:
    """Fit the family with the best mean score on all training rows, write it in every format, prove each."""
    signature = interface.signature
    contenders = [score for score in scores if score.family != BASELINE]
    chosen = best(contenders, choice.metric).family
    truth = encode_truth(train[signature.output.name], signature.output)
    model = fit(chosen, encode_table(train, signature), truth, signature, seed=choice.seed)
    held_out = encode_table(validation, signature)[:_PROOF_ROWS]
    folder = scratch()
    proofs = write_formats(
        Fitted(model, signature),
        folder,
        choice.formats,
        held_out,
        tolerance=choice.tolerance,
        seed=choice.seed,
    )
    card = Candidate(family=chosen, signature=signature, formats=choice.formats, parity=proofs)
    (folder / CARD).write_bytes(msgspec.json.encode(card))
    return folder


@step
def evaluate_best(candidate: Path, validation: pl.DataFrame) -> Evaluation:
    """Evaluate the written model, not the one in memory, on the validation part."""
    return evaluate_candidate(candidate, validation)


def evaluate_candidate(folder: Path, table: pl.DataFrame) -> Evaluation:
    """Evaluate a written candidate on some rows, as it will be served."""
    card = read_card(folder)
    name = served_format(card.formats)
    predictor = load_format(name, folder / name, card.signature)
    truth = encode_truth(table[card.signature.output.name], card.signature.output)
    return evaluate(predictor, encode_table(table, card.signature), truth, card.signature)


def _merged(train: pl.DataFrame, signature: Signature) -> list[tuple[str, int, int]]:
    """Return the columns of numbers of which float32 tells fewer apart, with the values there and left."""
    found = []
    for column in signature.inputs:
        if column.type not in {Type.INTEGER, Type.NUMBER}:
            continue
        values = np.unique(encode_table(train, Signature(inputs=Schema((column,)), output=signature.output)))
        left = len(np.unique(held(values, Precision.SINGLE)))
        if left < len(values):
            found.append((column.name, len(values), left))
    return found


def read_card(folder: Path) -> Candidate:
    """Read what `fit_best` wrote about its model."""
    return msgspec.json.decode((folder / CARD).read_bytes(), type=Candidate)


@pipeline
def training(
    train: pl.DataFrame,
    validation: pl.DataFrame,
    schema: Schema,
    target: str,
    task: str,
    choice: Choice,
) -> dict[str, object]:
    """From the parts of a dataset to a proved candidate, its scores and its evaluation."""
    interface = describe(train, schema, target, task, choice)
    scores = [
        compare_family(train, interface, family, choice.folds, choice.seed, choice.rule)
        for family in (BASELINE, *choice.families)
    ]
    candidate = fit_best(train, validation, interface, scores, choice)
    return {
        "interface": interface,
        "scores": scores,
        "candidate": candidate,
        "evaluation": evaluate_best(candidate, validation),
    }
