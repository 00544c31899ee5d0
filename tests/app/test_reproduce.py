"""A run done again gives the same model, and another one is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from journeys.home import SETTINGS
from kervan.app import reproduce as again
from kervan.core.nouns import Run

if TYPE_CHECKING:
    from journeys.home import Home

FOREST = SETTINGS.replace('["linear"]', '["forest"]').partition("[release]")[0]


def test_the_same_model_comes_of_it_bit_for_bit(home: Home) -> None:
    home.start(200, FOREST).ask("run", "--quiet")
    found = home.ask("reproduce", "müşteri-kaybı", "--json").json
    assert found["is_same"]
    assert found["differing"] == []
    assert found["packages"] == []
    assert "forest: the same model, bit for bit" in home.ask("reproduce", found["run"]).out


def test_another_model_is_told_with_what_differs(lived: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(again, "installed_packages", lambda: {"scikit-learn": "0.1"})
    fit = again.fit_candidate

    def other(rows, validation, interface, recipe, choice):  # type: ignore[no-untyped-def]
        from kervan.core.recipe import Recipe

        return fit(rows, validation, interface, Recipe("tree"), choice)

    other.name = fit.name  # type: ignore[attr-defined]
    monkeypatch.setattr(again, "fit_candidate", other)
    with lived.opened() as project:
        run = next(run for run in project.store.catalog.all(Run) if run.parameters.get("family"))
        found = again.reproduce(project, run.id)
    assert not found.is_same
    assert not found.is_close
    assert "another model" in found.told
    assert any(each.name == "scikit-learn" and each.now == "0.1" for each in found.packages)


def test_a_run_that_trained_nothing_is_refused(lived: Home) -> None:
    with lived.opened() as project:
        from kervan.flow.track import Tracker

        with Tracker(project.store, "hand", folder=lived.folder) as tracker:
            pass
    assert "trained no model" in lived.ask("reproduce", tracker.run.id, code=2).err
