"""The source of definitions: what Python itself shows of them, and never too little."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from pathlib import Path
from textwrap import dedent
from types import FunctionType
from typing import TYPE_CHECKING, Any

import pytest

from kervan.flow.source import source_of, source_of_module

if TYPE_CHECKING:
    from types import ModuleType

UNUSUAL = """\
import functools, sys

double = lambda x: 2 * x
first, second = (lambda x: x), (lambda x: -x)

if sys.platform:
    class Twice:
        number = 1
else:
    class Twice:
        number = 2

def outer():
    import json
    class Inner:
        def method(self):
            return json
    return Inner

@functools.cache
def cached(x):
    return x
"""


@pytest.fixture
def unusual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of definitions that are not found by name alone."""
    (tmp_path / "unusual_source.py").write_text(UNUSUAL)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "unusual_source", raising=False)
    return importlib.import_module("unusual_source")


def text(target: Any) -> str:
    found = source_of(target)
    assert found is not None
    return found.text


@pytest.mark.parametrize(
    "name", ["kervan.flow.step", "kervan.model.steps", "argparse", "dataclasses", "enum"]
)
def test_it_is_what_python_shows(name: str) -> None:
    module = importlib.import_module(name)
    shown = 0
    for each in vars(module).values():
        if isinstance(each, FunctionType | type) and each.__module__ == name:
            code = each.__code__ if isinstance(each, FunctionType) else each
            assert text(each) == dedent(inspect.getsource(code)), each
            shown += 1
    assert shown > 2


def test_a_lambda_alone_in_its_line_is_found_and_others_are_the_whole_file(unusual: ModuleType) -> None:
    assert text(unusual.double) == "double = lambda x: 2 * x\n"
    assert text(unusual.first) == text(unusual.Twice) == UNUSUAL


def test_what_is_defined_inside_is_found_with_its_imports(unusual: ModuleType) -> None:
    inner = unusual.outer()
    assert text(inner).startswith("class Inner:\n    def method")
    assert text(inner.method) == "def method(self):\n    return json\n"
    outer = source_of(unusual.outer)
    assert outer is not None
    assert list(outer.imports("")) == [("json", ())]
    assert text(unusual.cached.__wrapped__).startswith("@functools.cache\ndef cached")


def test_what_is_made_at_run_time_has_none(unusual: ModuleType) -> None:
    made: dict[str, Any] = {"__name__": "made"}
    exec("def function(): return 1", made)
    assert source_of(made["function"]) is None
    assert source_of(dict) is None
    assert source_of_module(sys) is None


def test_a_file_that_changed_is_read_anew(unusual: ModuleType) -> None:
    file = Path(str(unusual.__file__))
    assert text(unusual.cached.__wrapped__).endswith("return x\n")
    file.write_text(UNUSUAL.replace("return x", "return x + 1"))
    os.utime(file, (0, 0))
    assert text(unusual.cached.__wrapped__).endswith("return x + 1\n")
