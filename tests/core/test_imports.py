"""What starting costs: counted in modules, which does not hang on the machine's speed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import kervan

COUNT = """
import json, sys
before = set(sys.modules)
{code}
print(json.dumps(sorted(set(sys.modules) - before)))
"""
HELP = """
import contextlib, io
from kervan.cli import main
with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.suppress(SystemExit):
    main(["--help"])
assert "Commands" in shown.getvalue()
"""
HEAVY = {"numpy", "polars", "sqlalchemy", "sklearn", "scipy", "onnx", "onnxruntime", "pandas", "starlette"}


def imported(code: str) -> list[str]:
    command = [sys.executable, "-W", "error", "-c", COUNT.format(code=code)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(("code", "most"), [("import kervan", 80), (HELP, 150)])
def test_starting_imports_little(code: str, most: int) -> None:
    found = imported(code)
    assert len(found) < most, f"{len(found)} modules: {', '.join(found)}"
    assert not HEAVY & {name.partition(".")[0] for name in found}


def test_serving_imports_no_training_code() -> None:
    found = {name.partition(".")[0] for name in imported("import kervan.serve.server")}
    assert not found & {"polars", "sqlalchemy", "sklearn", "scipy", "pandas"}


def test_carrying_a_release_imports_no_training_library() -> None:
    found = {name.partition(".")[0] for name in imported("import kervan.app.conduct")}
    assert not found & {"sklearn", "scipy", "pandas", "pyarrow"}


@pytest.mark.parametrize("name", kervan.__all__)
def test_every_public_name_exists_and_says_what_it_is(name: str) -> None:
    found = getattr(kervan, name)
    if name != "__version__":
        assert callable(found)
        assert (found.__doc__ or "").strip()


def test_public_names_are_sorted_and_shown_by_dir() -> None:
    assert sorted(kervan.__all__) == list(kervan.__all__)
    assert set(dir(kervan)) == set(kervan.__all__)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'opne'"):
        kervan.opne  # noqa: B018 - asking is what is tested
