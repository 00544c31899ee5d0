"""Results as text for people."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any

from kervan.cli.edge import table
from kervan.core.naming import Threshold
from kervan.core.nouns import Role, Verdict
from kervan.core.ports import Precision
from kervan.core.shown import moment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kervan.app.artifacts import Artifact
    from kervan.app.decided import Decided
    from kervan.app.run import Outcome
    from kervan.app.trace import Trace
    from kervan.app.train import Trained
    from kervan.core.naming import LeastCost
    from kervan.core.nouns import Dataset, Finding, Model, Report, Run
    from kervan.data.quality import Quality
    from kervan.model.calibrate import Calibrated
    from kervan.monitor.drift import DriftReport
    from kervan.package.contents.manifest import Parity
    from kervan.package.proving.optimise import Measured
    from kervan.package.proving.survey import Tried


def pairs(values: Mapping[str, Any]) -> str:
    """Lay out names and values, one pair on a line."""
    width = max(map(len, values), default=0)
    told = {name: "; ".join(value) if isinstance(value, list) else value for name, value in values.items()}
    return "\n".join(f"{name:<{width}}  {value}" for name, value in told.items())


def outcome_facts(outcome: Outcome) -> dict[str, Any]:
    """Return what a life so far has led to, in short."""
    trained = outcome.trained
    metric = trained.goal.metric
    facts: dict[str, Any] = {
        "data": outcome.dataset.ref,
        "run": trained.run.id,
        "model": outcome.model.ref,
        "family": trained.candidate.family,
        "goal": str(trained.goal),
        "validation": f"{metric} {trained.evaluation.metrics[metric]:.4f}",
        "acceptance": first_message(outcome.acceptance),
    }
    if warnings := findings_text(outcome.acceptance.findings):
        facts["warnings"] = warnings
    if outcome.deployment is not None:
        facts["environment"] = outcome.deployment.name
        facts["address"] = outcome.deployment.endpoint
    return facts


def first_message(report: Report) -> str:
    """Return the sentence that a report begins with."""
    return report.findings[0].message if report.findings else str(report.verdict)


def leaderboard_text(trained: Trained) -> str:
    """Show every candidate beside the best: mean and deviation over the folds, interval, what it costs."""
    from kervan.data.room import amount
    from kervan.model.train import leaderboard

    standings = {each.name: each for each in trained.standings.standings}
    metric = trained.goal.metric
    rows = []
    for each in leaderboard(trained.scores, metric):
        standing = standings.get(each.title)
        rows.append(
            (
                each.title,
                f"{each.means[metric]:.4g} ± {each.deviations[metric]:.2g}" if metric in each.means else "",
                f"{standing.interval.low:.4g} to {standing.interval.high:.4g}"
                if standing and standing.interval
                else "",
                standing.word if standing else "",
                *(f"{each.means[name]:.4g}" if name in each.means else "" for name in trained.goals),
                *(["not beaten in all" if each.title in trained.front else ""] if trained.goals else []),
                f"{each.fit_seconds:.1f} s",
                "" if each.one_seconds is None else f"{each.one_seconds * 1e3:.2f} ms",
                "" if each.many_seconds is None else f"{each.many_seconds * 1e3:.1f} ms",
                "" if each.size is None else amount(each.size),
            )
        )
    goals = (*trained.goals, "all goals") if trained.goals else ()
    header = ("candidate", metric, "95 %", "beside the best", *goals, "fit", "1 row", "1,000 rows", "size")
    return f"{table(header, rows)}\n{trained.standings.reason}"


def proof_text(proof: Parity) -> str:
    """Say how far a written format is from its original."""
    held = "" if proof.precision is Precision.DOUBLE else f", numbers held as {proof.precision}"
    return f"{proof.format}: largest difference {proof.largest:.2g} over {proof.rows:,} rows{held}"


def graphs_text(found: Sequence[Measured], metric: str) -> str:
    """Show what narrower numbers cost and gain, beside the original."""
    header = ("graph", "size", metric, "difference", "labels", "1 row", "", "1,000 rows", "", "")
    return table(header, [_graph_row(each) for each in found])


def _graph_row(each: Measured) -> tuple[str, ...]:
    is_graph = each.name != "original"
    told = each.reason or "pays"
    if isnan(each.one):
        return (each.name, *[""] * 8, told)
    return (
        each.name,
        f"{each.size / 1024:,.1f} kB",
        f"{each.score:.5g}",
        f"{each.largest:.1e}" if is_graph else "",
        str(each.label_changes) if is_graph else "",
        f"{each.one * 1e3:.3f} ms",
        f"{each.speedup_one:,.1f}×" if is_graph else "",
        f"{each.many * 1e3:.2f} ms",
        f"{each.speedup_many:,.1f}×" if is_graph else "",
        told if is_graph and each.name != "float64" else "",
    )


def formats_text(found: Sequence[Tried]) -> str:
    """Show what became of each format, as a table with the reasons at the end of the lines."""
    header = ("format", "of", "files", "licence", "text", "packed", "size", "difference", "1,000 rows", "")
    return table(header, [_format_row(tried) for tried in found])


def _format_row(tried: Tried) -> tuple[str, ...]:
    about = tried.about
    return (
        tried.format,
        about.vendor or "open",
        about.extension,
        about.licence,
        "yes" if about.text else "no",
        "yes" if about.compressed else "no",
        "" if tried.size is None else f"{tried.size / 1024:,.1f} kB",
        "" if tried.largest is None else f"{tried.largest:.1e}",
        "" if tried.seconds is None else f"{tried.seconds * 1e3:,.1f} ms",
        f"{tried.support}: {tried.reason}" if tried.reason else f"{tried.support}; read by {about.readers}",
    )


def steps_text(dataset: Dataset) -> list[str]:
    """Show what each step made of the table; without steps nothing."""
    if not dataset.steps:
        return []
    rows = [
        (each.step, f"{each.before:,}", f"{each.after:,}", ", ".join(each.added), ", ".join(each.removed))
        for each in dataset.steps
    ]
    return [table(("step", "rows in", "rows out", "new columns", "gone"), rows), ""]


def quality_text(found: Quality) -> str:
    """Show a table's score with its parts."""
    parts = ", ".join(f"{name} {share:.1%}" for name, share in found.parts.items())
    return f"quality {found.score:.1f}: {parts}"


def findings_text(findings: tuple[Finding, ...]) -> list[str]:
    """Show the findings that are more than a pass, one a line."""
    return [f"{each.verdict}: {each.advice}" for each in findings if each.verdict is not Verdict.PASSED]


def decided_text(named_by: Threshold | LeastCost | None, calibrated: Calibrated | None) -> dict[str, str]:
    """Say by which rule a class is named and why, and what calibration changed; without these nothing."""
    told = {"calibrated": calibrated.told.removeprefix("calibrated ")} if calibrated else {}
    if named_by is not None:
        rule = "threshold" if isinstance(named_by, Threshold) else "costs"
        told[rule] = "; ".join(filter(None, [named_by.told, named_by.caution]))
    return told


def model_text(model: Model, acceptance: Report | None, decided: Decided) -> str:
    """Show what a model takes and gives, and how good it is."""
    facts = {
        "model": model.ref,
        "family": model.family,
        "predicts": f"{model.signature.output.name} ({model.signature.output.type})",
        "validation": ", ".join(f"{name} {value:.4g}" for name, value in model.metrics.items())
        or "not known",
        **decided_text(decided.named_by, decided.calibrated),
        "acceptance": first_message(acceptance) if acceptance else "none: it was trained elsewhere",
        "by": f"{model.creator}, {moment(model.time)}",
        "run": model.run or "none",
    }
    rows = [
        (each.name, each.type, "may be missing" if each.nullable else "", _limits(each))
        for each in model.signature.inputs
    ]
    return f"{pairs(facts)}\n\n{table(('input', 'type', '', 'values'), rows)}"


def run_text(run: Run, log: str, artifacts: Sequence[Artifact] = ()) -> str:
    """Show a run whole: code, machine, parameters, metrics, the files that it logged, log."""
    facts = {
        "run": run.id,
        "name": run.name,
        "status": f"{run.status} {run.error}".strip(),
        "by": f"{run.creator} on {run.host.name}, Python {run.host.python}",
        "since": moment(run.time),
        "code": code_text(run),
        **{f"parameter {name}": value for name, value in run.parameters.items()},
        **{f"metric {name}": f"{value:.6g}" for name, value in run.metrics.items()},
        **{f"artifact {each.name}": f"{each.size:,} bytes" for each in artifacts},
    }
    return f"{pairs(facts)}\n\n{log}".rstrip()


def code_text(run: Run) -> str:
    """Say in words which code a run was."""
    code = run.code
    if not code.commit:
        return "not in a Git repository"
    changed = ", with uncommitted changes (kept)" if code.difference else ""
    return f"{code.repository} {code.branch} {code.commit[:12]}{changed}"


def trace_text(found: Trace) -> str:
    """Show everything behind a prediction, from the answer back to the rows."""
    prediction = found.prediction
    return pairs(
        {
            "prediction": f"{found.asked.id}, {moment(prediction.time)}, by {prediction.protocol}",
            **_about(found),
            "asked": found.asked.inputs or "not kept",
            "answered": found.asked.outputs or "nothing: the model gave no usable answer",
            **_returned(found),
            "environment": f"{found.deployment.name}, {found.model.ref}",
            "share": _share(found),
            "released": _who(found.deployment.creator, found.deployment.time, found.deployment.why),
            **_release(found),
            "package": f"{prediction.package[:16]}…{_package(found)}",
            "model": f"{found.model.ref}, {found.model.family}",
            **_gone(found),
            **_training(found),
            **_others(found),
        }
    )


def _share(found: Trace) -> str:
    """Say which part of the traffic the version got then, and what it was there for."""
    prediction = found.prediction
    if prediction.mirrors:
        return f"none, as {prediction.role}: nobody heard it; {prediction.mirrors} was answered instead"
    return f"{prediction.share * 100:g} % of the traffic, as {prediction.role}"


def _release(found: Trace) -> dict[str, str]:
    """Say how the version came to answer, what came of that, and who agreed beforehand."""
    release = found.release
    if release is None:
        return {}
    how = f"{release.strategy} of {release.model}: {release.status}"
    told = {"release": f"{how}, {release.reason}" if release.reason else how}
    return told | ({"approved": f"by {', '.join(release.approvers)}"} if release.approvers else {})


def _package(found: Trace) -> str:
    if found.manifest is None:
        return ""
    proof = max((each.largest for each in found.manifest.parity), default=0.0)
    return f", {', '.join(found.manifest.formats)}, differs by at most {proof:.2g}"


def _gone(found: Trace) -> dict[str, str]:
    """Say who deleted a model, and why."""
    gone = found.deleted
    return {} if gone is None else {"deleted": _who(gone.actor, gone.time, gone.why)}


def _others(found: Trace) -> dict[str, Any]:
    """Name other predictions about the same entity."""
    others = found.others
    shown = list(others.ids)
    if others.since is not None:
        shown.append(f"not looked for before {moment(others.since)}")
    return {"see also": shown} if shown else {}


def _about(found: Trace) -> dict[str, str]:
    """Say whom a prediction is about."""
    return {} if found.asked.entity is None else {"about": str(found.asked.entity)}


def _returned(found: Trace) -> dict[str, str]:
    """Say what was odd about a row, and what came back since."""
    asked = found.asked
    flags = [f"{name} missing" for name in asked.flags.missing]
    flags += [f"{name} unseen in training" for name in asked.flags.unseen]
    told = {"flags": ", ".join(flags)} if flags else {}
    if not asked.feedback:
        return told
    more = f", {len(asked.feedback) - 1} before" if len(asked.feedback) > 1 else ""
    said = [f"{name} {value}" for name, value in _said(asked.label, asked.reward)]
    return told | {"came back": f"{', '.join(said)}, {moment(asked.feedback[-1].time)}{more}"}


def _said(label: Any, reward: float | None) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in (("label", label), ("reward", reward)) if value is not None]


def _training(found: Trace) -> dict[str, str]:
    """Say what a model learned from and who accepted it; of one from elsewhere, whose file it was."""
    run, dataset, acceptance = found.run, found.dataset, found.acceptance
    if run is None or dataset is None or acceptance is None:
        if found.manifest is None:
            return {"accepted": "by nobody: it was trained elsewhere"}
        lineage = found.manifest.lineage
        source = f"{lineage.source} (sha256 {lineage.source_hash[:16]}…)"
        return {
            "accepted": "by nobody: it was trained elsewhere",
            "imported": f"from {source}, {_who(found.manifest.creator, found.manifest.created, '')}",
        }
    origin = f"{dataset.origin.source} (sha256 {dataset.origin.sha256[:16]}…)"
    train = dataset.part(Role.TRAIN)
    return {
        "accepted": _who(acceptance.creator, acceptance.time, first_message(acceptance)),
        "run": f"{run.id}, {moment(run.time)}",
        "code": code_text(run),
        "data": f"{dataset.ref}, {dataset.rows:,} rows from {origin}",
        **({"made of": ", ".join(each.ref for each in found.made_of)} if found.made_of else {}),
        "rows": f"{train.rows:,} training rows: kervan data export {dataset.ref} train.csv",
    }


def drift_text(report: DriftReport) -> str:
    """Show each input's shift, the largest first."""
    ordered = sorted(report.columns, key=lambda each: -each.psi)
    rows = [
        (
            str(each.verdict),
            each.name,
            f"{each.psi:.3f}",
            f"{each.numbers.distance:.3f}" if each.numbers else "",
            f"{each.missing_before:.1%} → {each.missing_now:.1%}",
        )
        for each in ordered
    ]
    messages = findings_text(report.findings) or ["nothing drifted"]
    compared = [table(("", "input", "PSI", "KS", "missing"), rows)] if rows else []
    return "\n".join([*compared, *messages])


def _who(creator: str, time: float, why: str) -> str:
    return f"by {creator}, {moment(time)}" + (f": {why}" if why else "")


def _limits(column: Any) -> str:
    if column.allowed:
        more = len(column.allowed) - 5
        return ", ".join(column.allowed[:5]) + (f" and {more} more" if more > 0 else "")
    low = "" if column.minimum is None else f"{column.minimum:g}"
    high = "" if column.maximum is None else f"{column.maximum:g}"
    return f"{low} to {high}" if low or high else ""
