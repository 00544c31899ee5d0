"""Acceptance on the sealed test part: once for a model line and a test part, on record."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from kervan.app.behaving import run_tests
from kervan.app.data import suspicions
from kervan.app.incumbent import Beside, beside_incumbent
from kervan.app.parts import LOOKED, open_sealed
from kervan.core.errors import GoalMissed, SealedTest
from kervan.core.identity import new_id
from kervan.core.nouns import Finding, Link, Report, ReportKind, Role, Verdict
from kervan.data.leaks import RULE
from kervan.model.doubts import contradiction
from kervan.model.evaluate import accept
from kervan.model.steps import evaluate_candidate

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.app.train import Trained
    from kervan.model.evaluate import Acceptance


def accept_candidate(project: Project, trained: Trained, *, why: str = "") -> Report:
    """Judge a candidate on the sealed test part and keep the report; a known candidate is not judged twice.

    Raises `SealedTest` if another candidate of this model line was judged on this test part before and
    no reason (`why`) is given, and `GoalMissed`, after keeping the report, if the goal is not reached.
    """
    run_tests(project, trained)
    known = _known(project, trained)
    if known is not None:
        project.known("accept", f"{trained.goal.metric} known from before")
        return _judged(project, known)
    _check_looks(project, trained, why)
    with project.stage("accept") as tell:
        body = {"model": project.config.model_name, "candidate": trained.hash}
        purpose = why or "acceptance"
        test = open_sealed(project, trained.dataset, purpose=purpose, body=body)
        metrics = trained.candidate.demands.found(trained.signature)
        acceptance = accept(evaluate_candidate(trained.folder, test), trained.goal, metrics)
        acceptance = _doubted(acceptance, trained, suspicions(project, trained.dataset))
        acceptance = _compared(acceptance, beside_incumbent(project, trained, test, metrics))
        acceptance = replace(acceptance, accept_if=project.config.model.accept_if)
        report = Report(
            id=new_id(),
            name=project.config.model_name,
            hash=trained.hash,
            creator=project.store.workspace.actor,
            time=time.time(),
            parents=(
                Link(parent=trained.run.id, role="about"),
                Link(parent=trained.dataset.id, role="test"),
            ),
            kind=ReportKind.ACCEPTANCE,
            verdict=acceptance.verdict,
            findings=acceptance.findings,
            body=acceptance,
        )
        with project.store.catalog.transaction() as transaction:
            transaction.put(report, why=purpose)
        tell(acceptance.findings[0].message)
    return _judged(project, report)


def open_suspicions(acceptance: Report) -> tuple[Finding, ...]:
    """Return the columns that may give the target away, as they were open when a model was accepted."""
    return tuple(each for each in acceptance.findings if each.rule == RULE)


def _doubted(acceptance: Acceptance, trained: Trained, open_: tuple[Finding, ...]) -> Acceptance:
    """Add what speaks against the result: open suspicions, and folds of training that say something else."""
    folds = next(score for score in trained.scores if score.title == trained.standings.chosen)
    found = (*open_, *contradiction(acceptance, folds))
    by_fold = tuple(folds.values.get(acceptance.metric, ()))
    return _with(replace(acceptance, folds=by_fold), found)


def _compared(acceptance: Acceptance, beside: Beside) -> Acceptance:
    """Add how the candidate does beside the model before it."""
    told = replace(acceptance, incumbent=beside.incumbent, beside=beside.compared)
    return _with(told, beside.findings)


def _with(acceptance: Acceptance, found: tuple[Finding, ...]) -> Acceptance:
    """Add findings; the worst of all is the verdict."""
    order = (Verdict.FAILED, Verdict.WARNED, Verdict.PASSED)
    told = {acceptance.verdict, *(each.verdict for each in found)}
    worst = next(each for each in order if each in told)
    return replace(acceptance, findings=(*acceptance.findings, *found), verdict=worst)


def _known(project: Project, trained: Trained) -> Report | None:
    found = project.store.catalog.with_hash(Report, trained.hash, name=project.config.model_name)
    if found is None or not any(link.parent == trained.dataset.id for link in found.parents):
        return None
    body = found.body if isinstance(found.body, dict) else {}
    asked = (body.get("goal"), body.get("accept_if", ""))
    return found if asked == (str(trained.goal), project.config.model.accept_if) else None


def _check_looks(project: Project, trained: Trained, why: str) -> None:
    """Refuse a second look: choosing among candidates by the test part would make its verdict worthless."""
    if why.strip():
        return
    test = trained.dataset.part(Role.TEST)
    name = project.config.model_name
    for event in project.store.catalog.events(action=LOOKED):
        is_same = (event.body.get("model"), event.body.get("test")) == (name, test.content)
        if is_same and event.body.get("candidate") != trained.hash:
            when = time.strftime("%d %B %Y", time.localtime(event.time))
            raise SealedTest(
                f"the test part of {trained.dataset.ref} ({test.rows} rows) was opened for "
                f"{name} on {when}, for another candidate",
                hint='give a reason, which goes on record: --why "…"; or bring new data',
            )


def _judged(project: Project, report: Report) -> Report:
    """Tell every doubt, and return the report of a candidate that reached its goal."""
    if report.verdict is Verdict.FAILED:
        reason = "; ".join(finding.message for finding in report.findings)
        raise GoalMissed(
            f"the candidate is not accepted: {reason}",
            hint="it is not registered; improve it, or change the goal and say why",
        )
    for finding in report.findings:
        if finding.verdict is Verdict.WARNED:
            project.remark("warning", finding.advice)
    return report
