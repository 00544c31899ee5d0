"""The demonstration shows everything, twice, and leaves nothing running."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kervan.core.locks import process_number

if TYPE_CHECKING:
    from journeys.home import Home


@pytest.mark.slow
def test_the_demo_shows_a_life_twice_and_leaves_no_process(home: Home) -> None:
    first = home.run("demo", "gösteri", "--json")
    facts = first.json
    assert facts["model"] == "breast-cancer@1.0.0"
    assert facts["predictions"] == 200
    assert facts["healthy"] == []
    assert set(facts["shifted"]) == {"mean radius", "worst texture"}
    folder = home.folder / "gösteri"
    for page in facts["reports"]:
        assert page.startswith(str(folder))
        assert "<html" in (folder / page).read_text(encoding="utf-8")
    assert process_number(folder / ".kervan" / "environments" / "production") is None

    second = home.run("demo", "gösteri")
    for step in (
        "describe",
        "compare_candidate[boosting]",
        "fit_candidate",
        "evaluate_best",
        "accept",
        "register",
    ):
        assert any(line.startswith(f"· {step}") for line in second.err.splitlines()), step
    assert "after the shift: " in second.out
    assert "The server is stopped" in second.out
    assert process_number(folder / ".kervan" / "environments" / "production") is None
    assert len(home.ask("models", "--json", cwd=folder).json) == 1
    assert {each["verdict"] for each in home.ask("doctor", "--json", cwd=folder).json} == {"passed"}
    traced = home.ask("trace", facts["traced"], "--json", cwd=folder).json
    assert traced["deployment"]["why"] == "demonstration"


def test_a_demo_that_cannot_be_written_is_said_in_words(home: Home) -> None:
    home.write("dosya", "bu bir dosya")
    reply = home.ask("demo", "dosya/altı", code=6)
    assert "Not a directory" in reply.err
