"""What makes a step run again, and what does not."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from kervan.flow.fingerprint import fingerprint

if TYPE_CHECKING:
    from pipeline.conftest import Project

PROJECT = """
from __future__ import annotations

import functools
import re

import geometry
import numpy as np
import shapes
from geometry import area
from kervan import pipeline, step

OFFSET = 1
NAMES = ("şehir", "ı")
ROUTES = {"up": lambda n: n + 7}


def unrelated():
    return 5


def helper(n):
    return n + OFFSET


@functools.cache
def remembered(n):
    return n * 3


def loud(function):
    @functools.wraps(function)
    def wrapped(n):
        return function(n) + 0

    return wrapped


@loud
def wrapped_helper(n):
    return n * 5


def tenfold(n, factor):
    return n * factor


bound = functools.partial(tenfold, factor=10)


def first_route(n):
    return n + 11


TABLE = {"first": first_route}


class Scale:
    factor = 2

    def __call__(self, n):
        return n * self.factor

    @property
    def half(self):
        return self.factor / 2


SCALE = Scale()
WORDS = {"ev", "yol"}
PATTERN = re.compile("a+")
WEIGHTS = np.arange(3_000)


class Base:
    def base(self):
        return 13


class Derived(Base):
    limit = OFFSET


def with_default(n, more=NAMES[0]):
    return len(more) + n


class Unit:
    def __init__(self, size):
        self.size = size


UNIT = Unit(21)


def note(word):
    with open("done", "a") as file:
        file.write(word + "\\n")


@step
def compute(number: int, power: int = 2) -> float:
    note("compute")
    from inside import deep

    total = helper(number) ** power + area(2) + geometry.EDGE + shapes.corners() + len(NAMES) + deep()
    total += remembered(number) + wrapped_helper(number) + bound(number) + TABLE["first"](number)
    total += len(WORDS) + len(PATTERN.pattern) + WEIGHTS.sum()
    total += Derived().base() + with_default(1) + UNIT.size
    return total + Scale()(number) + Scale().half + ROUTES["up"](number) + SCALE(number)


@step
def report(value: float) -> str:
    note("report")
    return f"{value} TL"


@pipeline
def flow(number: int) -> str:
    return report(compute(number))
"""
MODULES = {
    "project": PROJECT,
    "geometry": "from units import UNIT\n\nEDGE = 4\n\n\ndef area(n):\n    return n * UNIT\n",
    "units": "UNIT = 3\n",
    "shapes": "import sides\n\n\ndef corners():\n    return sides.count() + 1\n",
    "sides": "def count():\n    return 6\n",
    "inside": "def deep():\n    return 8\n",
}


@pytest.fixture
def built(project: Project) -> Project:
    project.write(**MODULES)
    project.first = project.run(number=3)  # type: ignore[attr-defined]
    assert project.done == ["compute", "report"]
    return project


def test_what_is_known_does_not_run_again(built: Project) -> None:
    assert built.run(number=3) == built.first  # type: ignore[attr-defined]
    assert built.done == ["compute", "report"]
    assert built.cached() == {"compute": True, "report": True}


def test_another_input_runs_again(built: Project) -> None:
    built.run(number=4)
    assert built.done == ["compute", "report"] * 2
    built.run(number=3)
    assert len(built.done) == 4


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("project", "        file.write(word", "        file.write('' + word"),
        ("project", "total = helper", "total = 1 + helper"),
        ("project", "return n + OFFSET", "return n - OFFSET"),
        ("project", "OFFSET = 1", "OFFSET = 2"),
        ("project", '("şehir", "ı")', '("şehir", "i")'),
        ("project", "power: int = 2", "power: int = 3"),
        ("project", "return n * 3", "return n * 4"),
        ("project", "return n * 5", "return n * 6"),
        ("project", "return function(n) + 0", "return function(n) + 1"),
        ("project", "return n * factor", "return n * factor + 1"),
        ("project", "factor=10", "factor=20"),
        ("project", "return n + 11", "return n + 12"),
        ("project", "lambda n: n + 7", "lambda n: n + 8"),
        ("project", "    factor = 2", "    factor = 4"),
        ("project", "return n * self.factor", "return n * self.factor + 1"),
        ("project", '{"ev", "yol"}', '{"ev", "iz"}'),
        ("project", 're.compile("a+")', 're.compile("a*")'),
        ("project", "np.arange(3_000)", "np.arange(3_000) ** 2"),
        ("project", "return 13", "return 14"),
        ("project", "more=NAMES[0]", "more=NAMES[1]"),
        ("project", "Unit(21)", "Unit(22)"),
        ("geometry", "return n * UNIT", "return n / UNIT"),
        ("geometry", "EDGE = 4", "EDGE = 5"),
        ("units", "UNIT = 3", "UNIT = 4"),
        ("shapes", "+ 1", "+ 2"),
        ("sides", "return 6", "return 7"),
        ("inside", "return 8", "return 9"),
    ],
)
def test_a_change_in_reach_runs_again(module: str, old: str, new: str, built: Project) -> None:
    built.change(module, old, new)
    built.run(number=3)
    assert built.cached()["compute"] is False


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("project", "return 5", "return 6"),
        ("project", "def unrelated():", "class Another:\n    pass\n\n\ndef unrelated():"),
        ("project", 'f"{value} TL"', 'f"{value} lira"'),
    ],
)
def test_a_change_out_of_reach_does_not(module: str, old: str, new: str, built: Project) -> None:
    built.change(module, old, new)
    built.run(number=3)
    assert built.cached()["compute"] is True


def test_a_step_after_one_that_gave_the_same_is_not_run(built: Project) -> None:
    built.change("project", "total = helper", "total = 0 + helper")
    built.run(number=3)
    assert built.cached() == {"compute": False, "report": True}


PACKAGE = {
    "__init__": "",
    "steps": """
from kervan import pipeline, step


@step
def compute() -> int:
    from . import other
    from .inner import deep

    return deep() + other.more()


@pipeline
def flow() -> int:
    return compute()
""",
    "inner": "from .deeper import number\n\n\ndef deep():\n    return number()\n",
    "deeper": "def number():\n    return 1\n",
    "other": "def more():\n    return 2\n",
}


@pytest.mark.parametrize("changed", ["inner", "deeper", "other"])
def test_late_imports_inside_a_package_are_followed(changed: str, project: Project) -> None:
    (project.folder / "paket").mkdir()
    project.write(**{f"paket/{name}": text for name, text in PACKAGE.items()})
    project.modules += ["paket", *(f"paket.{name}" for name in PACKAGE)]
    assert project.run("paket.steps") == project.run("paket.steps") == 3
    assert project.cached() == {"compute": True}
    project.change(f"paket/{changed}", "return", "return 10 +")
    assert project.run("paket.steps") > 3


def test_a_library_counts_by_its_version(project: Project) -> None:
    info = project.folder / "site-packages"
    (info / "birim").mkdir(parents=True)
    (info / "birim" / "__init__.py").write_text("def unit():\n    return 1\n")
    (info / "birim-1.0.dist-info").mkdir()
    (info / "birim-1.0.dist-info" / "METADATA").write_text("Name: birim\nVersion: 1.0\n")
    code = (
        "import json, pathlib, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from kervan.flow.fingerprint import fingerprint\n"
        "import uses\n"
        "print(fingerprint(uses.compute.function))\n"
    )
    text = (
        "import birim\nfrom kervan import step\n\n\n@step\ndef compute() -> int:\n    return birim.unit()\n"
    )
    project.write(uses=text)

    def printed() -> str:
        command = [sys.executable, "-c", code, str(info), str(project.folder)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    before = printed()
    assert printed() == before
    (info / "birim" / "__init__.py").write_text("def unit():\n    return 2\n")
    assert printed() == before
    (info / "birim-1.0.dist-info").rename(info / "birim-1.1.dist-info")
    assert printed() != before


@pytest.mark.parametrize("seed", ["0", "1", "random"])
def test_a_key_is_the_same_in_every_process(seed: str, built: Project) -> None:
    code = (
        "import project; from kervan.flow.fingerprint import fingerprint\n"
        "print(fingerprint(project.compute.function))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code],
        cwd=built.folder,
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(built.folder)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed.strip() == fingerprint(built.module().compute.function)


def test_the_keys_of_our_own_steps_do_not_depend_on_the_order_of_sets() -> None:
    asked = "from kervan.flow.fingerprint import fingerprint; from kervan.model.steps import describe; "
    command = [sys.executable, "-c", f"{asked}print(fingerprint(describe.function))"]
    printed = {
        subprocess.run(
            command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(printed) == 1
