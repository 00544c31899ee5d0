from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from kervan.core.errors import Corrupted, InvalidInput, KervanError
from kervan.core.nouns import Run, Status
from kervan.flow.known import StepResult
from kervan.flow.runner import Progress, run
from kervan.flow.step import pipeline, step
from kervan.flow.surroundings import process_started
from kervan.flow.track import Tracker
from kervan.store.events import check_chain

if TYPE_CHECKING:
    from pipeline.conftest import Project

    from kervan.core.nouns import Workspace
    from kervan.store.open import Store

NOTE = """
from __future__ import annotations

import os
import pathlib
import signal
import time

from kervan import pipeline, step


def note(word):
    with open("done", "a") as file:
        file.write(word + "\\n")

"""


@step
def double(number: int) -> int:
    """Twice as much."""
    return 2 * number


@step
def add(numbers: list[int]) -> int:
    return sum(numbers)


@pipeline
def chained(start: int) -> int:
    return add([double(start), double(start + 1)])


@step(label="name")
def greet(name: str, number: int = 1) -> str:
    return f"{name} {number}"


@pipeline
def plain(start: int) -> dict[str, Any]:
    numbers = [double(start), double(start + 1)]
    return {"numbers": numbers, "greetings": (greet("ı", number=numbers[0]), greet("İ")), "fixed": 7}


def test_steps_and_pipelines_are_plain_functions() -> None:
    assert double(21) == 42
    assert (double.__name__, double.__doc__) == ("double", "Twice as much.")
    assert plain(1) == {"numbers": [2, 4], "greetings": ("ı 2", "İ 1"), "fixed": 7}


def run_here(store: Store, flow: Any, folder: Path, **arguments: Any) -> Any:
    with Tracker(store, flow.name, folder=folder) as tracker:
        return run(flow, arguments, store=store, tracker=tracker)


def test_a_run_gives_what_the_plain_call_gives(store: Store, tmp_path: Path) -> None:
    @pipeline
    def local(start: int) -> dict[str, Any]:
        return plain.function(start)

    first = run_here(store, local, tmp_path, start=1)
    assert first == plain(1)
    [done] = store.catalog.all(Run)
    assert (done.name, done.status, done.error) == ("local", Status.FINISHED, "")
    assert [one.name for one in done.steps] == ["double", "double", "greet[ı]", "greet[İ]"] or len(
        done.steps
    ) == 4
    assert {one.status for one in done.steps} == {Status.FINISHED}
    assert run_here(store, local, tmp_path, start=1) == first
    again = store.catalog.all(Run)[0]
    assert all(one.cached for one in again.steps)
    assert {one.key for one in again.steps} == {one.key for one in done.steps}
    check_chain(store.catalog.events())


def test_steps_made_inside_a_function_run_in_this_process(local_store: Store, tmp_path: Path) -> None:
    offset = 5

    @step
    def where(number: int) -> int:
        return os.getpid() + 0 * (number + offset)

    @pipeline
    def flow() -> list[int]:
        return [where(1), where(2), where(3)]

    assert run_here(local_store, flow, tmp_path) == [os.getpid()] * 3


def test_wrong_arguments_of_a_pipeline_are_said(local_store: Store, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="pipeline plain: missing a required argument: 'start'"):
        run_here(local_store, plain, tmp_path)
    with pytest.raises(InvalidInput, match=r"pipeline plain: got an unexpected .* 'begin'"):
        run_here(local_store, plain, tmp_path, start=1, begin=1)


def test_each_step_is_told_as_it_ends(local_store: Store, tmp_path: Path) -> None:
    @step
    def first() -> int:
        return 1

    @step
    def second(number: int) -> int:
        return number + 1

    @pipeline
    def flow() -> int:
        return second(first())

    told: list[Progress] = []
    for _ in range(2):
        with Tracker(local_store, "flow", folder=tmp_path) as tracker:
            run(flow, {}, store=local_store, tracker=tracker, observe=told.append)
    assert [(one.step.name, one.step.cached, one.done, one.total) for one in told] == [
        ("first", False, 1, 2),
        ("second", False, 2, 2),
        ("first", True, 1, 2),
        ("second", True, 2, 2),
    ]


def test_arguments_are_told_apart_by_their_content(local_store: Store, tmp_path: Path) -> None:
    ran: list[str] = []

    @step
    def show(value: Any) -> str:
        ran.append(text := repr(value))
        return text

    @pipeline
    def flow(value: Any) -> str:
        return show(value)

    nan, inf = math.nan, math.inf
    different = [
        None,
        nan,
        inf,
        -inf,
        0,
        "",
        "null",
        "nan",
        [],
        {},
        [[1], 2],
        [1, [2]],
        {"a": nan},
        {"a": None},
    ]
    different += [b"x", np.array([1.0, 2.0]), np.array([1.0, 2.5]), [np.array([1, 2])], [np.array([1, 3])]]
    different += [pl.DataFrame({"*": [1]}), pl.DataFrame({"*": [2]}), {"şehir": pl.DataFrame({"a": ["ı"]})}]
    for value in different * 2:
        assert run_here(local_store, flow, tmp_path, value=value) == repr(value)
    assert len(ran) == len(different)


def test_an_argument_without_content_is_refused(local_store: Store, tmp_path: Path) -> None:
    @step
    def show(value: object) -> int:
        return 1

    @pipeline
    def flow() -> int:
        return show(object())

    with pytest.raises(InvalidInput, match="step show: 'value' has no content"):
        run_here(local_store, flow, tmp_path)


@step(label="number", light=True)
def here(number: int) -> int:
    """Return the process that computed it."""
    return os.getpid() + 0 * number


def test_light_steps_start_no_process(local_store: Store, tmp_path: Path) -> None:
    @pipeline
    def flow() -> list[int]:
        return [here(1), here(2)]

    assert run_here(local_store, flow, tmp_path) == [os.getpid()] * 2


MEETING = (
    NOTE
    + '''
@step(label="mine")
def meet(mine: str, other: str) -> int:
    """Wait until the other step runs too: it must be in another process."""
    pathlib.Path(mine).touch()
    deadline = time.monotonic() + 30
    while not pathlib.Path(other).exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return os.getpid()


@pipeline
def flow() -> list[int]:
    return [meet("a ı", "b"), meet("b", "a ı")]
'''
)


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core runs one step at a time")
def test_independent_steps_run_at_once_in_other_processes(project: Project) -> None:
    project.write(project=MEETING)
    first, second = project.run()
    assert len({first, second, os.getpid()}) == 3
    assert {one.name for one in project.last.steps} == {"meet[a ı]", "meet[b]"}


VALUES = (
    NOTE
    + """
from dataclasses import dataclass

import numpy as np
import polars as pl

from kervan.flow.values import scratch


@dataclass
class Figure:
    city: str
    sizes: list[int]


@step(label="city")
def make(city: str) -> Figure:
    return Figure(city, [1, 2])


@step
def table(figures: list[Figure]) -> pl.DataFrame:
    return pl.DataFrame({"şehir": [figure.city for figure in figures]})


@step
def folder(rows: pl.DataFrame, sizes: np.ndarray) -> pathlib.Path:
    place = scratch()
    (place / "şehir.txt").write_text(",".join(rows["şehir"]) + str(sizes.sum()))
    return place


@step
def sizes(figure: Figure) -> np.ndarray:
    return np.array(figure.sizes)


@step
def read(place: pathlib.Path) -> str:
    return (place / "şehir.txt").read_text()


@pipeline
def flow() -> str:
    figures = [make("İzmir"), make("Iğdır")]
    return read(folder(table(figures), sizes(figures[0])))
"""
)


def test_values_pass_between_processes_as_their_types(project: Project) -> None:
    project.write(project=VALUES)
    assert project.run() == "İzmir,Iğdır3"
    assert project.run() == "İzmir,Iğdır3"
    assert all(project.cached().values())


FAILING = (
    NOTE
    + """
from kervan.core.errors import RefusedRow


class Odd(Exception):
    def __init__(self, first, second):
        super().__init__(f"{first} {second}")


@step(label="how")
def fail(how: str) -> int:
    if how == "bug":
        return 1 // 0
    if how == "user":
        raise RefusedRow("satır ı", row=3, field="yaş", hint="şunu yap")
    if how == "odd":
        raise Odd("tuhaf", "hata")
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    note(how)
    return 1


@pipeline
def flow(how: str) -> list[int]:
    return [fail(how), fail("good")]


@pipeline
def alone(how: str) -> int:
    return fail(how)
"""
)


@pytest.mark.parametrize(
    ("how", "kind", "words"),
    [
        ("bug", ZeroDivisionError, "by zero"),
        ("user", KervanError, "satır ı"),
        ("odd", Exception, "tuhaf hata"),
        ("killed", KervanError, "ended from outside"),
    ],
)
def test_a_failing_step_ends_the_run_with_its_own_error(
    how: str, kind: type[Exception], words: str, project: Project
) -> None:
    project.write(project=FAILING)
    with pytest.raises(kind, match=words) as caught:
        project.run(how=how)
    if how == "user":
        told = {"hint": "şunu yap", "row": 3, "field": "yaş", "__notes__": ["hint: şunu yap"]}
        assert vars(caught.value) == told
    if how == "killed":
        assert "memory" in caught.value.hint  # type: ignore[attr-defined]
    last = project.last
    assert last.status is Status.FAILED
    assert words in last.error
    assert last.ended is not None
    failed = [one.name for one in last.steps if one.status is Status.FAILED]
    # A process that dies takes the others with it: then nobody can say which step it was.
    assert failed == [f"fail[{how}]"] or how == "killed"
    log = project.store.blobs.read_bytes(last.log).decode()
    assert f"{failed[0]}: failed" in log


def test_a_failing_step_in_this_process_raises_its_own_error(project: Project) -> None:
    project.write(project=FAILING + "\nflow = alone\n")
    with pytest.raises(KervanError, match="satır ı") as caught:
        project.run(how="user")
    assert caught.value.hint == "şunu yap"
    assert project.last.error == "RefusedRow: satır ı"


def test_what_ended_before_the_failure_is_not_run_again(project: Project) -> None:
    project.write(project=FAILING.replace('[fail(how), fail("good")]', "[fail('good'), fail(how)]"))
    text = (project.folder / "project.py").read_text()
    chained = text.replace("def fail(how: str)", "def fail(how: str, after: int = 0)")
    project.write(project=chained.replace("[fail('good'), fail(how)]", "fail(how, after=fail('good'))"))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            project.run(how="bug")
    assert project.done == ["good"]
    assert project.cached() == {"fail[good]": True, "fail[bug]": False}


RESUMED = (
    NOTE
    + """
@step
def first() -> int:
    note("first")
    return 1


@step
def second(number: int, marker: str) -> int:
    note("second")
    if not pathlib.Path(marker).exists():
        pathlib.Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number + 1


@step
def third(number: int) -> int:
    note("third")
    return number + 1


@pipeline
def flow(marker: str) -> int:
    return third(second(first(), marker))
"""
)
DRIVER = """
import pathlib, sys
sys.path.insert(0, str(pathlib.Path.cwd()))
from kervan.core.nouns import Workspace
from kervan.flow.runner import run
from kervan.flow.track import Tracker
from kervan.store.open import Store
import project

store = Store(Workspace(root=pathlib.Path(sys.argv[1]), catalog=sys.argv[2], blobs=sys.argv[3], actor="ayşe"))
if __name__ == "__main__":
    arguments = dict(pair.split("=") for pair in sys.argv[4:])
    with Tracker(store, "flow", folder=pathlib.Path.cwd()) as tracker:
        print(run(project.flow, arguments, store=store, tracker=tracker))
    store.close()
"""


def drive(project: Project, script: str = DRIVER, **arguments: str) -> subprocess.Popen[str]:
    """Run a project as a user's own program."""
    path = project.folder / "driver.py"
    path.write_text(script)
    workspace: Workspace = project.store.workspace
    command = [
        sys.executable,
        "-W",
        "error",
        str(path),
        str(workspace.root),
        workspace.catalog,
        workspace.blobs,
    ]
    return subprocess.Popen(
        [*command, *(f"{name}={value}" for name, value in arguments.items())],
        cwd=project.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_killed_run_goes_on_where_it_stopped(project: Project) -> None:
    project.write(project=RESUMED)
    killed = drive(project, marker="işaret")
    assert killed.communicate(timeout=60) == ("", "")
    assert killed.returncode == -9
    assert project.last.status is Status.RUNNING
    out, trouble = drive(project, marker="işaret").communicate(timeout=60)
    assert (out, trouble) == ("3\n", "")
    assert project.done == ["first", "second", "second", "third"]
    finished, interrupted = project.store.catalog.all(Run)
    assert (finished.status, interrupted.status) == (Status.FINISHED, Status.INTERRUPTED)
    assert {one.name: one.cached for one in finished.steps} == {
        "first": True,
        "second": False,
        "third": False,
    }
    assert interrupted.error
    check_chain(project.store.catalog.events())


ORPHANS = (
    NOTE
    + """
@step
def wait_long(name: str) -> int:
    note(str(os.getpid()))
    time.sleep(60)
    return 1


@pipeline
def flow() -> list[int]:
    return [wait_long("a"), wait_long("b")]
"""
)


def test_no_process_outlives_a_killed_run(project: Project) -> None:
    project.write(project=ORPHANS)
    driven = drive(project)
    until(lambda: len(project.done) >= min(2, os.cpu_count() or 1))
    driven.kill()
    driven.communicate()
    until(lambda: all(process_started(int(number)) is None for number in project.done))


def until(holds: Any) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


SCRIPT = """
import os, pathlib, sys
from kervan import pipeline, step
from kervan.core.nouns import Workspace
from kervan.flow.runner import run
from kervan.flow.track import Tracker
from kervan.store.open import Store

@step
def where(number: int) -> int:
    return os.getpid()

@pipeline
def flow() -> list[int]:
    return [where(1), where(2)]

store = Store(Workspace(root=pathlib.Path(sys.argv[1]), catalog=sys.argv[2], blobs=sys.argv[3], actor="ayşe"))
with Tracker(store, "flow", folder=pathlib.Path.cwd()) as tracker:
    found = run(flow, {}, store=store, tracker=tracker)
print(all(one.cached for one in tracker.run.steps), set(found) == {os.getpid()})
store.close()
"""


def test_steps_of_a_script_run_in_it_and_are_cached(project: Project) -> None:
    assert drive(project, SCRIPT).communicate(timeout=60) == ("False True\n", "")
    assert drive(project, SCRIPT).communicate(timeout=60) == ("True False\n", "")


LOST = (
    NOTE
    + """
from kervan.flow.values import scratch


@step
def make(text: str) -> pathlib.Path:
    note("make")
    place = scratch()
    (place / "a.txt").write_text(text)
    return place


@step
def read(place: pathlib.Path) -> str:
    note("read")
    return (place / "a.txt").read_text()


@pipeline
def flow(text: str) -> str:
    return read(make(text))
"""
)


@pytest.mark.parametrize("which", ["listing", "file", "everything"])
def test_a_step_whose_result_was_lost_runs_again(which: str, project: Project) -> None:
    project.write(project=LOST)
    assert project.run(text="İzmir") == "İzmir"
    store = project.store
    made = [result for result in store.catalog.all(StepResult) if result.name == "make"]
    listing = made[0].value.hash
    others = {link.parent.removeprefix("sha256:") for link in made[0].parents} - {listing}
    lost = {"listing": {listing}, "file": others, "everything": {file.hash for file in store.blobs.all()}}
    for digest in lost[which]:
        store.blobs.remove(digest)
    assert project.run(text="İzmir") == "İzmir"
    assert project.cached()["make"] is False
    assert project.done.count("make") == 2


def test_an_altered_result_is_never_used(project: Project) -> None:
    project.write(project=LOST)
    project.run(text="İzmir")
    for path in Path(project.store.workspace.blobs).rglob("*"):
        if path.is_file() and path.read_bytes() == b'"\xc4\xb0zmir"':
            path.write_bytes(b'"Ankara"')
    with pytest.raises(Corrupted, match="was altered"):
        project.run(text="İzmir")


def test_a_step_says_which_steps_it_used(store: Store, tmp_path: Path) -> None:
    with Tracker(store, "plain", folder=tmp_path) as tracker:
        run(chained, {"start": 1}, store=store, tracker=tracker)
    first, second = tracker.run.steps[:2]
    last = tracker.run.steps[-1]
    assert (first.needs, second.needs) == ((), ())
    assert set(last.needs) == {first.key, second.key}
    assert [step.needs for step in store.catalog.get(Run, tracker.run.id).steps] == [
        step.needs for step in tracker.run.steps
    ]
