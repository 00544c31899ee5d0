"""How a release ends: promoted, rolled back or failed, on record with what was found."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from kervan.app.environments import environment_folder
from kervan.app.progress import read_progress
from kervan.app.traffic import move, whole
from kervan.core.identity import new_id
from kervan.core.nouns import Finding, Link, Report, ReportKind, Verdict
from kervan.core.releasing import Release, Status
from kervan.deploy.strategies import strategy_of
from kervan.monitor.judgement import Standing

if TYPE_CHECKING:
    from kervan.app.progress import Progress
    from kervan.app.project import Project
    from kervan.core.nouns import Deployment
    from kervan.monitor.judgement import Judgement

JUDGE = "judge"
_VERDICTS = {
    Standing.WORSE: Verdict.FAILED,
    Standing.PROVEN: Verdict.PASSED,
    Standing.WATCHED: Verdict.PASSED,
}


def promote(project: Project, release: Release, *, by: str, reason: str) -> Deployment:
    """Let the version that came answer all requests."""
    keeps = release.before if strategy_of(release.strategy).keeps else ""
    ended = _ended(project, release, Status.PROMOTED, by, reason)
    return move(project, whole(release, release.model, standby=keeps, why=reason), ended)


def roll_back(project: Project, release: Release, *, by: str, reason: str) -> Deployment:
    """Let the version that was there before answer all requests again. What came is marked as failed."""
    ended = _ended(project, release, Status.ROLLED_BACK, by, reason)
    return move(project, whole(release, release.before, why=f"rolled back: {reason}"), ended)


def fail(project: Project, release: Release, error: BaseException) -> None:
    """Note that a version did not even come up; what was there goes on."""
    reason = str(error) or type(error).__name__
    failed = replace(release, status=Status.FAILED, ended=time.time(), reason=reason)
    with project.store.catalog.transaction() as transaction:
        transaction.update(failed, action=str(failed.status), why=reason)


def _ended(project: Project, release: Release, status: Status, by: str, reason: str) -> Release:
    """Return the release as it ends; what was judged until then is kept as a report."""
    now = time.time()
    progress = read_progress(environment_folder(project, release.name), release.id)
    report = None if progress is None else _report(project, release, progress, status)
    return replace(
        release,
        status=status,
        ended=now,
        by_whom=by,
        reason=reason,
        report=report.id if report else release.report,
    )


def _report(project: Project, release: Release, progress: Progress, status: Status) -> Report:
    judgement = progress.judgement
    findings = _findings(judgement)
    report = Report(
        id=new_id(),
        name=release.name,
        creator=project.store.workspace.actor,
        time=time.time(),
        parents=(Link(parent=release.id, role="about"),),
        kind=ReportKind.RELEASE,
        verdict=Verdict.PASSED if status is Status.PROMOTED else Verdict.FAILED,
        findings=findings,
        body=judgement,
    )
    with project.store.catalog.transaction() as transaction:
        transaction.put(report)
    return report


def _findings(judgement: Judgement) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            rule="release",
            subject=each.metric,
            verdict=_VERDICTS.get(each.standing, Verdict.WARNED),
            message=each.said,
        )
        for each in judgement.measures
    )
