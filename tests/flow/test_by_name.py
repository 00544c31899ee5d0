"""Steps that reach code by a name in a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pipeline.conftest import Project

STEP = """
import importlib
import runpy
from importlib import import_module as bring
from kervan import pipeline, step

@step
def reach(name: str) -> int:
    return {expression}

@pipeline
def flow(word: str) -> int:
    return reach(word)
"""


@pytest.mark.parametrize(
    "expression",
    [
        'importlib.import_module("plugged").give()',
        '__import__("plugged").give()',
        'bring("plugged").give()',
        "importlib.import_module(name).give()",
        "__import__(name=name).give()",
        "bring(name + '').give()",
        "runpy.run_path(bring('plugged').__file__)['give']()",
        "eval(name, {name: bring('plugged')}).give()",
    ],
)
def test_a_change_of_code_reached_by_name_is_noticed(expression: str, project: Project) -> None:
    project.write(plugged="def give():\n    return 1\n", project=STEP.format(expression=expression))
    assert project.run(word="plugged") == 1
    project.change("plugged", "return 1", "return 11")
    assert project.run(word="plugged") == 11


@pytest.mark.parametrize(
    ("expression", "is_known"),
    [('bring("plugged").give()', True), ("bring(name).give()", False), ("len(name.title())", True)],
)
def test_only_a_computed_name_keeps_a_step_from_being_known(
    expression: str, is_known: bool, project: Project
) -> None:
    project.write(plugged="def give():\n    return 1\n", project=STEP.format(expression=expression))
    project.run(word="plugged")
    project.run(word="plugged")
    assert project.last.steps[0].cached is is_known
