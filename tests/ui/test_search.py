"""The pages about a search: its trials, the candidates beside each other, how alike the best of them fail."""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

import kervan as kv
from journeys.home import SETTINGS, Home
from ui.visitor import visiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ui.visitor import Visitor

SEARCHING = (
    SETTINGS.replace('["linear"]', '["linear", "tree"]')
    .partition("[release]")[0]
    .replace("folds = 2", "folds = 3\nsearch = { trials = 3 }")
)
LOGGED = b"agirliklar\n" * 3


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A project whose model was searched for, and a run that logged a file."""
    folder = tmp_path_factory.mktemp("arama") / "Ağ"
    folder.mkdir()
    home = Home(folder)
    home.start(200, SEARCHING).ask("run", "--quiet")
    home.write("said.json", home.ask("train", "--json").out)  # its trials are those of the run before
    home.write("ağırlıklar.txt", LOGGED)
    with kv.open(folder) as workspace, workspace.track("elle") as run:
        run.log_artifact(folder / "ağırlıklar.txt")
    return home


@pytest.fixture(scope="module")
def looker(searched: Home) -> Iterator[Visitor]:
    with visiting(searched.folder) as here:
        yield here


def trained(looker: Visitor) -> list[Any]:
    """Return the runs that trained, the newest first."""
    return [row for row in looker.json("/runs")["runs"] if row["name"] != "elle"]


def test_trials_do_not_crowd_the_runs(looker: Visitor, searched: Home) -> None:
    assert not any("trial" in row["parameters"] for row in looker.json("/runs")["runs"])
    assert (looker.json("/runs")["total"], looker.json("/runs?trials=1")["total"]) == (3, 6)
    assert len(searched.ask("runs", "--json").json) == 3
    assert len(searched.ask("runs", "--trials", "--json").json) == 6
    assert "kervan runs --trials" in looker.get("/runs?trials=1")
    with kv.open(searched.folder) as workspace:
        assert (len(workspace.runs()), len(workspace.runs(trials=True))) == (3, 6)


@pytest.mark.parametrize("place", [0, 1], ids=["takes up", "searches"])
def test_the_run_shows_what_it_tried_with_the_best_so_far(looker: Visitor, place: int) -> None:
    ident = trained(looker)[place]["id"]
    search = looker.json(f"/runs/{ident}")["details"]["search"]
    trials = search["trials"]
    assert [each["number"] for each in trials] == [0, 1, 2]
    values = [each["value"] for each in trials if not each["given_up"]]
    assert trials[-1]["best"] == max(values)
    assert trials[search["best"]]["value"] == max(values)
    page = html.unescape(looker.get(f"/runs/{ident}"))
    assert f"3 trials, the best one so far is number {search['best']}" in page
    for each in trials:
        assert f'href="/runs/{each["run"]}"' in page
    trial = looker.get(f"/runs/{trials[0]['run']}")
    assert f'href="/runs/{trained(looker)[1]["id"]}"' in trial


def test_the_leaderboard_is_that_of_the_command_line(looker: Visitor, searched: Home) -> None:
    said = json.loads((searched.folder / "said.json").read_text(encoding="utf-8"))
    [ref] = [each["ref"] for each in looker.json("/models")["models"]]
    board = looker.json(f"/models/{ref}")["board"]
    assert {each["name"] for each in said["standings"]["standings"]} == set(board["standings"])
    assert board["chosen"] == said["standings"]["chosen"]
    assert board["reason"] == said["standings"]["reason"]
    page = html.unescape(looker.get(f"/models/{ref}?show=quality"))
    assert f"{board['reason']}." in page
    for each in said["candidates"]:
        assert each["name"] in page


def test_the_shortlist_is_drawn(looker: Visitor) -> None:
    ident = trained(looker)[0]["id"]
    found = looker.json(f"/runs/{ident}")["details"]["board"]["shortlist"]
    page = looker.get(f"/runs/{ident}")
    assert len(found["pairs"]) == len(found["members"]) * (len(found["members"]) - 1) / 2 > 0
    picture = re.search(r'<svg[^>]*aria-label="How alike they fail">(.*?)</svg>', page, re.DOTALL)
    assert picture
    drawn = re.findall(r"<title>([^:]*): (-?[\d.]+)</title>", html.unescape(picture[1]))
    told = {f"{each['one']}, {each['other']}": f"{each['correlation']:.2f}" for each in found["pairs"]}
    assert told.items() <= dict(drawn).items()


def test_a_logged_file_is_taken_away(looker: Visitor, searched: Home) -> None:
    [run] = [row for row in looker.json("/runs")["runs"] if row["name"] == "elle"]
    page = html.unescape(looker.get(f"/runs/{run['id']}"))
    path = re.search(rf'href="(/runs/{run["id"]}/artifact[^"]+)"', page)
    assert path
    assert looker.client.get(path[1]).content == LOGGED
    looker.get(f"/runs/{run['id']}/artifact?name=yok.txt", status=404)
    assert "artifact ağırlıklar.txt" in searched.ask("runs", "--show", run["id"]).out
    searched.ask("runs", "artifact", run["id"], "ağırlıklar.txt", "-o", "geri.txt")
    assert (searched.folder / "geri.txt").read_bytes() == LOGGED
    reply = searched.ask("runs", "artifact", run["id"], "agirliklar.txt", code=None)
    assert "ağırlıklar.txt" in reply.err
