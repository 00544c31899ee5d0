"""Runs on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.flow.track import Tracker

if TYPE_CHECKING:
    from journeys.home import Home


def test_runs_are_searched_by_a_line(shop: Home) -> None:
    all_ = shop.ask("runs", "--json").json
    found = shop.ask("runs", "--where", "roc_auc > 0.1 and family = linear", "--json").json
    assert [run["id"] for run in found] == [run["id"] for run in all_]
    assert "no run is like that" in shop.ask("runs", "list", "--where", "roc_auc > 1").out
    text = shop.ask("runs", "--sort", "roc_auc", "--column", "seconds", "--column", "family").out
    assert "validation.roc_auc  seconds  family" in text
    assert "linear" in text
    reply = shop.ask("runs", "--where", "famili = linear", code=2)
    assert "letter 1: no run has a field 'famili'" in reply.err
    assert 'did you mean "famil' in reply.err


def test_one_run_is_shown_by_either_way(shop: Home) -> None:
    ident = shop.ask("runs", "--json").json[0]["id"]
    shown = shop.ask("runs", "show", ident).out
    assert shown == shop.ask("runs", "--show", ident).out
    assert "parameter family" in shown
    assert shop.ask("runs", "show", ident, "--json").json["parameters"]["family"] == "linear"


def test_runs_come_in_pages_and_are_compared(home: Home) -> None:
    home.write("kervan.toml", "[project]\nname = 'deneme'\n")
    with home.opened() as project:
        for rate in (0.1, 0.2, 0.3):
            with Tracker(
                project.store, "iniş", folder=home.folder, parameters={"rate": rate, "seed": 1}
            ) as run:
                run.log_metric("loss", rate / 2)
    assert "page 1 of 2, 3 runs: --page" in home.ask("runs", "--limit", "2").out
    [last] = home.ask("runs", "--limit", "2", "--page", "2", "--json").json
    assert last["parameters"]["rate"] == 0.1
    best = home.ask("runs", "--sort", "loss", "--ascending", "--json").json
    assert [run["metrics"]["loss"] for run in best] == [0.05, 0.1, 0.15]
    idents = [run["id"] for run in best]
    text = home.ask("runs", "compare", *idents).out
    lines = text.splitlines()
    assert [word for word in lines[0].split() if word in idents] == idents
    assert "*  parameter rate" in text
    assert next(line for line in lines if "rate" in line).split() == [
        "*",
        "parameter",
        "rate",
        "0.1",
        "0.2",
        "0.3",
    ]
    assert lines.index(next(line for line in lines if "rate" in line)) < lines.index(
        next(line for line in lines if "seed" in line)
    )
    found = home.ask("runs", "compare", *idents, "--json").json
    assert found["parameters"][0] == {"name": "rate", "values": [0.1, 0.2, 0.3], "differs": True}
    assert "1 runs cannot be compared" in home.ask("runs", "compare", idents[0], code=2).err
    assert "--metric stands alone" in home.ask("runs", "--metric", "loss", "--sort", "loss", code=2).err
