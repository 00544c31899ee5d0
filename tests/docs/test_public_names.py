"""Each public name is documented, where its code is and in the reference."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import kervan
from kervan.api import views
from kervan.api.production import Production
from kervan.api.session import Session

from .pages import DOCS
from .reader import Reader

REFERENCE = (DOCS / "reference" / "python.md").read_text(encoding="utf-8")
NAMES = [name for name in kervan.__all__ if not name.startswith("__")]


def test_the_example_of_the_reference_runs(tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        assert reader.follow(DOCS / "reference" / "python.md") == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_in_the_reference(name: str) -> None:
    places = [name, f"kervan.{name}"]
    assert any(f"`{place}`" in REFERENCE for place in places)
    place = kervan._PLACES[name]
    assert f"::: {place}.{name}\n" in REFERENCE


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_has_a_docstring(name: str) -> None:
    assert inspect.getdoc(getattr(kervan, name))


def methods() -> list[tuple[str, Any]]:
    kinds = [
        Session,
        Production,
        *(
            kind
            for kind in vars(views).values()
            if inspect.isclass(kind) and kind.__module__ == views.__name__
        ),
    ]
    return [
        (f"{kind.__name__}.{name}", value)
        for kind in kinds
        for name, value in vars(kind).items()
        if not name.startswith("_") and (callable(value) or isinstance(value, property))
    ]


@pytest.mark.parametrize(("name", "value"), methods())
def test_a_public_method_has_a_docstring(name: str, value: Any) -> None:
    assert inspect.getdoc(value), name


def test_the_names_stay_what_they_are_in_whatever_order_they_are_used() -> None:
    used = "import kervan as kv; kv.step; assert kv.pipeline(lambda: 1)() == 1; assert kv.pipeline(len).name"
    subprocess.run([sys.executable, "-c", used], check=True)
