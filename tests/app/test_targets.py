"""A release may live wherever an adapter takes it, and moves from one place to another."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import pytest

from kervan.core import plugins as plugins_module
from kervan.core.plugins import add, plugins
from kervan.deploy.process import orphans, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from journeys.home import Home
    from kervan.core.serving import Plan, Serving

OLD, NEW = "müşteri-kaybı@1.0.0", "müşteri-kaybı@1.0.1"
ROW = {"yaş": 30, "şehir": "ısparta", "gelir": 10_000.0}


class Notebook:
    """Notes down what is to answer, and lets somebody else see to it."""

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        return {PurePath("defter.txt"): f"{Path(serving.package).name} × {plan.workers}\n"}

    def apply(self, folder: Path, plan: Plan) -> str:
        return f"http://127.0.0.1:9/{(folder / 'defter.txt').read_text().split()[-1]}"

    def remove(self, folder: Path) -> None:
        (folder / "defter.txt").unlink(missing_ok=True)

    def runs(self, folder: Path) -> bool:
        return (folder / "defter.txt").is_file()


@pytest.fixture(autouse=True)
def notebook() -> Iterator[None]:
    add("target", "defter", Notebook())
    yield
    plugins_module._ADDED.clear()
    plugins.cache_clear()


def test_a_release_moves_to_another_target_and_back(grown: Home) -> None:
    folder = grown.folder / ".kervan" / "environments" / "üretim"
    told = grown.ask("release", NEW, "--target", "defter", "--why", "taşın").out
    assert told.startswith(f"{NEW} answers in üretim at http://127.0.0.1:9/1")
    assert running(folder) is None
    assert orphans(folder) == []
    now = grown.ask("releases", "--json").json[0]
    assert (now["state"], now["plan"]["target"]) == ("running", "defter")
    grown.ask("release", OLD, "--target", "local", "--why", "dön")
    assert grown.predict(ROW)["model"] == OLD
    assert not (folder / "defter.txt").exists()
    grown.ask("doctor")


def test_a_target_that_is_not_there_is_named_and_nothing_changes(grown: Home) -> None:
    before = grown.ask("releases", "--json").json
    refused = grown.ask("release", NEW, "--target", "deftr", "--why", "dene", code=2)
    assert "no target 'deftr'" in refused.err
    assert 'mean "defter"?' in refused.err
    assert grown.ask("releases", "--json").json == before
