"""How a release ends: promoted, rolled back or failed, on record with what was found."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from kervan.app.environments import current_deployment, environment_folder
from kervan.app.pages import write_release
from kervan.app.progress import read_progress
from kervan.app.traffic import move, whole
from kervan.core.identity import new_id
from kervan.core.nouns import Finding, Link, Report, ReportKind, Verdict
from kervan.core.releasing import Release, Status
from kervan.deploy.strategies import strategy_of
from kervan.monitor.judgement import Standing

if TYPE_CHECKING:
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
    back = whole(release, release.before, why=f"rolled back: {reason}")
    current = current_deployment(project, release.name)
    # Where and how it runs may have been changed since.
    return move(project, back if current is None else replace(back, plan=current.plan), ended)


def fail(project: Project, release: Release, error: BaseException) -> None:
    """Note that a version did not even come up; what was there goes on."""
    reason = str(error) or type(error).__name__
    failed = replace(release, status=Status.FAILED, ended=time.time(), reason=reason)
    with project.store.catalog.transaction() as transaction:
        transaction.update(failed, action=str(failed.status), why=reason)


def _ended(project: Project, release: Release, status: Status, by: str, reason: str) -> Release:
    """Return the release as it ends; what was judged until then is kept as a report."""
    ended = replace(release, status=status, ended=time.time(), by_whom=by, reason=reason)
    progress = read_progress(environment_folder(project, release.name), release.id)
    return ended if progress is None else replace(ended, report=_report(project, ended, progress.judgement))


def _report(project: Project, release: Release, judgement: Judgement) -> str:
    """Keep what was judged until then, and return the report's id."""
    report = Report(
        id=new_id(),
        name=release.name,
        creator=project.store.workspace.actor,
        time=time.time(),
        parents=(Link(parent=release.id, role="about"),),
        kind=ReportKind.RELEASE,
        verdict=Verdict.PASSED if release.status is Status.PROMOTED else Verdict.FAILED,
        findings=_findings(judgement),
        body=judgement,
    )
    with project.store.catalog.transaction() as transaction:
        transaction.put(report)
    write_release(project, release, judgement)
    return report.id


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
