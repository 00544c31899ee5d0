"""What proves a format is asked for before anything is trained: named where it is not there."""

from __future__ import annotations

import pytest

from kervan.core.errors import MissingTool
from kervan.package.proving.ready import check_ready

BY_PROGRAMS = ("c", "excel", "go", "java", "javascript", "mojo", "pmml", "pojo", "rust", "spark", "sparkml")


@pytest.fixture(autouse=True)
def _without_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    for name in ("JAVA_HOME", "KERVAN_PROOF_POSTGRESQL", "KERVAN_PROOF_MYSQL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", [*BY_PROGRAMS, "postgresql", "mysql"])
def test_a_format_without_its_program_or_database_is_named_with_what_to_do(name: str) -> None:
    with pytest.raises(
        MissingTool, match=rf"\[package\] formats: '{name}' cannot be proved here: "
    ) as caught:
        check_ready(("onnx", name))
    assert caught.value.hint.endswith(f", or leave '{name}' out")


def test_a_database_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERVAN_PROOF_POSTGRESQL", "postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(MissingTool, match="'postgresql' cannot be proved here: the database"):
        check_ready(("postgresql",))


def test_what_needs_no_program_is_ready() -> None:
    check_ready(("onnx", "native", "python", "sqlite", "duckdb", "pickle"))
