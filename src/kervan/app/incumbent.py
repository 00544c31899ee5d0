"""The model that was there before a candidate: asked about the very same rows, and compared pair by pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.app.behaving import asking_of
from kervan.app.environments import PRODUCTION, current_deployment, environment_names
from kervan.app.register import load_model, models
from kervan.core.errors import KervanError, Refused
from kervan.core.goals import BETTER, NOT_WORSE
from kervan.core.naming import Naming
from kervan.core.nouns import Finding, Model, Verdict
from kervan.model.distinct import telling_rows
from kervan.model.formulas import named
from kervan.model.metrics import task_of, usual_metrics
from kervan.model.paired import Paired, paired_by
from kervan.package.encoding import encode_table, encode_truth

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl
    from numpy.typing import NDArray

    from kervan.app.project import Project
    from kervan.app.train import Trained
    from kervan.core.goals import Goal
    from kervan.core.schema import Signature
    from kervan.model.metric import Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """The model before, how a candidate does beside it, and what is to be said about that."""

    incumbent: str = ""
    compared: tuple[Paired, ...] = ()
    findings: tuple[Finding, ...] = ()


def incumbent_of(project: Project, candidate: str) -> Model | None:
    """Return the newest released model of the project's line, else the newest one; never the candidate."""
    line = [each for each in models(project, name=project.config.model_name) if each.hash != candidate]
    known = {each.ref: each for each in line}
    names = environment_names(project)
    for name in sorted(names, key=lambda each: each != PRODUCTION):
        deployment = current_deployment(project, name)
        shares = () if deployment is None else deployment.shares
        released = [known[ref] for ref in shares if ref in known]
        if released:
            return max(released, key=lambda each: each.time)
    return line[0] if line else None


def beside_incumbent(
    project: Project, trained: Trained, table: pl.DataFrame, metrics: tuple[Metric, ...]
) -> Beside:
    """Compare a candidate with the model before it on the rows of a table, which hold the truth."""
    incumbent = incumbent_of(project, trained.hash)
    if incumbent is None:
        return Beside()
    candidate = trained.candidate.signature
    asking = asking_of(trained.folder, trained.candidate.formats, candidate)
    try:
        rule, before = _answers(project, incumbent, table, candidate)
    except KervanError as error:
        return Beside(incumbent=incumbent.ref, findings=(_unasked(incumbent, error),))
    truth = encode_truth(table[candidate.output.name], candidate.output)
    after = asking(table)
    rows = telling_rows(encode_table(table, candidate), truth)
    wanted = {entry.name: entry for entry in (*metrics, *usual_metrics(task_of(candidate)))}
    found = [
        paired_by(
            entry, truth[rows], _seen(entry, before, rule)[rows], _seen(entry, after, candidate.naming)[rows]
        )
        for entry in wanted.values()
        if entry.task == task_of(candidate)
    ]
    compared = tuple(each for each in found if each is not None)
    return Beside(
        incumbent=incumbent.ref,
        compared=compared,
        findings=tuple(_findings(incumbent.ref, compared, trained.goal, project.config.model.accept_if)),
    )


def _answers(
    project: Project, incumbent: Model, table: pl.DataFrame, candidate: Signature
) -> tuple[Naming, NDArray[np.float64]]:
    """Ask the model before about the rows, by the columns that it knows, with classes in the new order.

    The rule by which it names a class comes with its answers, in that order too.
    """
    manifest, predictor = load_model(project, incumbent)
    signature = manifest.signature
    ours, theirs = candidate.output, signature.output
    if (ours.name, set(ours.allowed)) != (theirs.name, set(theirs.allowed)):
        raise Refused(
            f"it predicts {theirs.name!r} ({', '.join(theirs.allowed) or theirs.type}), the candidate "
            f"{ours.name!r} ({', '.join(ours.allowed) or ours.type})"
        )
    values = predictor.predict(encode_table(_known(table, signature), signature))
    naming = signature.naming
    if candidate.is_classification:
        order = [theirs.allowed.index(name) for name in ours.allowed]
        values = values[:, order]
        if naming.threshold is not None and theirs.allowed != ours.allowed:
            raise Refused("its threshold is one of the classes in another order")
        if naming.costs:
            naming = Naming(costs=tuple(tuple(naming.costs[row][said] for said in order) for row in order))
    if not np.isfinite(values).all():
        raise Refused("it has no answer for some of these rows")
    return naming, values


def _known(table: pl.DataFrame, signature: Signature) -> pl.DataFrame:
    """Return the table with what the model takes: columns that are gone are missing where they may be."""
    import polars as pl

    for column in signature.inputs:
        if column.name in table.columns:
            continue
        if not column.nullable:
            raise Refused(f"it needs the column {column.name!r}, which the data no longer has")
        table = table.with_columns(pl.lit(None).alias(column.name))
    return table


def _seen(entry: Metric, values: NDArray[np.float64], naming: Naming) -> Any:
    return named(values, naming) if entry.by_label else values


def _unasked(incumbent: Model, error: KervanError) -> Finding:
    return Finding(
        rule="incumbent",
        subject=incumbent.ref,
        verdict=Verdict.WARNED,
        message=f"{incumbent.ref} could not be asked about these rows: {error}",
        hint="compare the two by what they answer in production: release the candidate as a shadow",
    )


def _findings(ref: str, compared: tuple[Paired, ...], goal: Goal, accept_if: str) -> Iterator[Finding]:
    found = next((each for each in compared if each.metric == goal.metric), None)
    if found is None:
        if accept_if:
            yield Finding(
                rule="incumbent",
                subject=ref,
                verdict=Verdict.WARNED,
                message=f"these rows do not tell {goal.metric} of {ref} and of the candidate apart",
                hint="evaluate on more rows",
            )
        return
    refused = {NOT_WORSE: found.verdict == "worse", BETTER: found.verdict != "better"}.get(accept_if, False)
    told = {"better": "better than", "worse": "worse than"}.get(found.verdict, "tied with")
    yield Finding(
        rule="incumbent",
        subject=ref,
        verdict=Verdict.FAILED if refused else Verdict.WARNED if found.verdict == "worse" else Verdict.PASSED,
        message=f"{told} {ref} on the same {found.rows} rows: {goal.metric} {found.after:.4g} against "
        f"{found.before:.4g} (95 % interval of the difference {found.low:+.3g} to {found.high:+.3g})"
        + (f"; wanted is: {accept_if}" if refused else ""),
        hint="improve it, or leave `[model] accept_if` out and say why" if refused else "",
    )
