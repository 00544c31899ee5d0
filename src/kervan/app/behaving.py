"""Tests of behaviour: run on the written candidate before the sealed part is opened, and kept on record."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.app.asked import of_rows, read_file
from kervan.app.parts import read_part
from kervan.core.errors import GoalMissed, InvalidConfig
from kervan.core.identity import new_id, sha256_parts
from kervan.core.nouns import Finding, Link, Report, ReportKind, Role, Verdict
from kervan.model.behaviour import Asking, Tested, check_answers, check_test, run_test
from kervan.model.own_tests import load_tests
from kervan.package.proving.build import load_format, served_format

if TYPE_CHECKING:
    import polars as pl

    from kervan.app.project import Project
    from kervan.app.train import Trained
    from kervan.core.behaving import BehaviourTest
    from kervan.core.schema import Signature

_MOST = 1_000  # rows of the validation part that are asked


def check_tests(project: Project, signature: Signature) -> None:
    """Raise `InvalidConfig` for a test that cannot be run on a model of this signature."""
    for test in project.config.model.tests:
        check_test(test, signature)
        if test.file and not (project.config.folder / test.file).is_file():
            raise InvalidConfig(
                f"{test.place}: there is no file {test.file}", hint="name a file beside kervan.toml"
            )
    load_tests(project.config.model.tests_from, project.config.folder)


def run_tests(project: Project, trained: Trained) -> tuple[Tested, ...]:
    """Run every test on the written candidate, keep the report, and raise `GoalMissed` if one fails."""
    own = load_tests(project.config.model.tests_from, project.config.folder)
    tests = project.config.model.tests
    if not tests and not own:
        return ()
    key = sha256_parts([trained.hash, repr(tests), *(each.fingerprint for each in own)])
    known = project.store.catalog.with_hash(Report, key, name=project.config.model_name)
    if known is not None:
        project.known("test", f"{len(results_of(known))} tests of behaviour known from before")
        return _judged(trained, results_of(known))
    with project.stage("test") as tell:
        asking = asking_of(trained.folder, trained.candidate.formats, trained.candidate.signature)
        rows = read_part(project, trained.dataset, Role.VALIDATION)
        some = rows.head(_MOST)
        found = [
            run_test(test, asking, _rows_of(project, test, asking.signature, rows, some)) for test in tests
        ]
        found += [each.run(asking, some) for each in own]
        _keep(project, trained, key, tuple(found))
        tell(f"{sum(each.holds for each in found)} of {len(found)} tests of behaviour hold")
    return _judged(trained, tuple(found))


def results_of(report: Report) -> tuple[Tested, ...]:
    """Return the results of the tests that a report tells of."""
    return msgspec.convert(msgspec.to_builtins(report.body)["tests"], tuple[Tested, ...])


def newest_tests(project: Project, *, name: str = "", candidate: str = "") -> Report | None:
    """Return the newest report of tests of a model line, or of one candidate; None if there is none."""
    found = project.store.catalog.all(Report, name=name or project.config.model_name)
    return next(
        (each for each in found if each.kind is ReportKind.BEHAVIOUR and _is_about(each, candidate)), None
    )


def _is_about(report: Report, candidate: str) -> bool:
    return not candidate or report.body["candidate"] == candidate


def _judged(trained: Trained, found: tuple[Tested, ...]) -> tuple[Tested, ...]:
    broken = [each for each in found if not each.holds]
    if broken:
        raise GoalMissed(
            f"the candidate ({trained.candidate.family}) fails {len(broken)} of {len(found)} tests of "
            f"behaviour: {'; '.join(each.told for each in broken)}",
            hint="it is not registered; `kervan behaviour` shows the rows that fail",
        )
    return found


def asking_of(folder: Path, formats: tuple[str, ...], signature: Signature) -> Asking:
    """Return what asks a written candidate, in the format that is served."""
    name = served_format(formats)
    return Asking(load_format(name, folder / name, signature), signature)


def _rows_of(
    project: Project, test: BehaviourTest, signature: Signature, rows: pl.DataFrame, some: pl.DataFrame
) -> pl.DataFrame:
    """Return the rows that a test is about: its own, or those of the validation part."""
    if test.kind == "where":
        return rows
    if test.rows:
        asked = of_rows(project, test.rows, signature, place=test.place)
        given: list[Any] = [dict(row) for row in asked.given]
        sent = [dict(row) for row in asked.rows]
    elif test.file:
        asked = read_file(project, project.config.folder / test.file, signature)
        given = asked.given.to_dicts() if hasattr(asked.given, "to_dicts") else list(asked.given)
        sent = [dict(row) for row in asked.rows]
    else:
        return some
    return _as_table(test, sent, given, signature, rows)


def _as_table(
    test: BehaviourTest,
    sent: list[dict[str, Any]],
    given: list[dict[str, Any]],
    signature: Signature,
    like: pl.DataFrame,
) -> pl.DataFrame:
    """Lay rows out as a table of the model's columns and the expected answers."""
    import polars as pl

    target = signature.output.name
    check_answers(test, given, signature)
    columns = []
    for column in signature.inputs:
        values = [row.get(column.name) for row in sent]
        if None in values and not column.nullable:
            raise InvalidConfig(
                f"{test.place}: row {values.index(None) + 1} has no {column.name!r}",
                hint="the model needs a value there",
            )
        columns.append(pl.Series(column.name, values, strict=False).cast(like[column.name].dtype))
    expected = [row[target] for row in given]
    return pl.DataFrame([*columns, pl.Series(target, expected, strict=False)])


def _keep(project: Project, trained: Trained, key: str, found: tuple[Tested, ...]) -> None:
    """Put the results on record, those of a candidate that fails too."""
    findings = tuple(
        Finding(
            rule="behaviour",
            subject=each.name,
            verdict=Verdict.PASSED if each.holds else Verdict.FAILED,
            message=each.told,
        )
        for each in found
    )
    fails = any(not each.holds for each in found)
    report = Report(
        id=new_id(),
        name=project.config.model_name,
        hash=key,
        creator=project.store.workspace.actor,
        time=time.time(),
        parents=(
            Link(parent=trained.run.id, role="about"),
            Link(parent=trained.dataset.id, role="data"),
        ),
        kind=ReportKind.BEHAVIOUR,
        verdict=Verdict.FAILED if fails else Verdict.PASSED,
        findings=findings,
        body={"candidate": trained.hash, "tests": list(found)},
    )
    with project.store.catalog.transaction() as transaction:
        transaction.put(report)
