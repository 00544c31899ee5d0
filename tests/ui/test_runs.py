"""The pages about runs: found by a line, columns in the address, one whole, several beside each other."""

from __future__ import annotations

import html
import random
import re
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
import pytest

from journeys.home import Home
from kervan.draw import Axis, parallel
from kervan.flow.track import Tracker
from ui.visitor import visiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ui.visitor import Visitor

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def tries(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Sixty runs of the user's own, the last of which failed; its code has an uncommitted change."""
    folder = tmp_path_factory.mktemp("denemeler") / "Şehir"
    folder.mkdir()
    home = Home(folder)
    home.write("kervan.toml", "[project]\nname = 'deneme'\n")
    ask = ("git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "ilk"]):
        subprocess.run([*ask, *words], check=True)
    home.write("kervan.toml", f"# {HOSTILE}\n[project]\nname = 'deneme'\n")
    dice = random.Random(0)
    with home.opened() as project:
        for number in range(60):
            parameters = {"lr": 0.1 * number, HOSTILE: f"{HOSTILE} {number}", "seed": 1}
            name = HOSTILE if number == 59 else "iniş"
            try:
                with Tracker(project.store, name, folder=folder, parameters=parameters) as run:
                    for _ in range(3):
                        run.log_metric("loss", dice.random())
                    run.log_metric("validation.roc_auc", number / 100)
                    run.log(f"satır {HOSTILE}")
                    if number == 59:
                        raise ValueError(HOSTILE)
            except ValueError:
                pass
    return home


@pytest.fixture(scope="module")
def looker(tries: Home) -> Iterator[Visitor]:
    with visiting(tries.folder) as here:
        yield here


def idents(looker: Visitor, query: str = "") -> list[str]:
    return [row["id"] for row in looker.json(f"/runs{query}")["runs"]]


def test_runs_are_shown_in_pages_with_columns_that_tell_them_apart(looker: Visitor) -> None:
    page = looker.get("/runs")
    assert "1 to 50 of 60" in page
    assert re.search(r"kervan runs --limit 50", page)
    found = looker.json("/runs")
    assert (found["total"], len(found["runs"])) == (60, 50)
    assert set(found["columns"]) == {"lr", HOSTILE, "loss", "validation.roc_auc"}
    assert len(idents(looker, "?page=2")) == 10
    assert "51 to 60 of 60" in looker.get("/runs?page=2")


def test_a_line_and_an_order_stand_in_the_address(looker: Visitor) -> None:
    address = f"/runs?where={quote('roc_auc > 0.5 and lr < 5.75')}&sort=-roc_auc&column=loss&column=seconds"
    found = looker.json(address)
    values = [row["metrics"]["validation.roc_auc"] for row in found["runs"]]
    assert values == sorted(values, reverse=True)
    assert (min(values), max(values)) == (0.51, 0.57)
    assert found["columns"] == ["loss", "seconds"]
    page = html.unescape(looker.get(address))
    assert "kervan runs --where 'roc_auc > 0.5 and lr < 5.75' --sort validation.roc_auc" in page
    assert "--column loss --column seconds" in page
    assert 'name="column" value="loss"' in page
    assert "No run is like that." in looker.get(f"/runs?where={quote('roc_auc > 2')}")


def test_a_column_that_is_sorted_by_is_shown(looker: Visitor) -> None:
    assert looker.json("/runs?sort=seed")["columns"][-1] == "seed"
    assert 'aria-sort="ascending"' in looker.get("/runs?sort=lr&column=lr")


def test_what_is_wrong_with_a_line_stands_below_it(looker: Visitor) -> None:
    page = html.unescape(looker.get("/runs?where=los+%3E+1", status=422))
    assert "letter 1: no run has a field 'los'" in page
    assert 'did you mean "loss"?' in page
    assert 'value="los > 1"' in page
    assert looker.json("/runs?where=los+%3E+1", status=422)["error"]["message"].startswith("letter 1")
    assert "page: '0' is no whole number" in html.unescape(looker.get("/runs?page=0", status=422))


def test_nothing_that_users_name_is_markup(looker: Visitor) -> None:
    newest = idents(looker)[:3]
    compared = "/runs/compare?" + "&".join(f"run={ident}" for ident in newest)
    for path in (
        "/runs",
        f"/runs/{newest[0]}",
        compared,
        f"/runs?where={quote(HOSTILE)}&column={quote(HOSTILE)}",
    ):
        found = looker.client.get(path)
        assert "<img" not in found.text
        assert "&lt;img src=x" in found.text


def test_one_run_is_shown_whole(looker: Visitor, tries: Home) -> None:
    ident = idents(looker)[0]
    page = html.unescape(looker.get(f"/runs/{ident}"))
    for text in (f"ValueError: {HOSTILE}", f"satır {HOSTILE}", f"+# {HOSTILE}", f"kervan runs show {ident}"):
        assert text in page
    assert '<figure class="curves"' in page
    found = looker.json(f"/runs/{ident}")
    assert found["details"]["run"]["status"] == "failed"
    assert found["details"]["metrics"]["validation.roc_auc"] == 0.59
    assert tries.ask("runs", "show", ident).out.endswith(f"satır {HOSTILE}\n")


def test_its_log_and_its_patch_are_taken_away(looker: Visitor) -> None:
    ident = idents(looker)[0]
    log = looker.client.get(f"/runs/{ident}/log")
    assert log.headers["content-disposition"] == f'attachment; filename="run-{ident}.log"'
    assert log.text.endswith(f"satır {HOSTILE}")
    patch = looker.client.get(f"/runs/{ident}/difference")
    assert patch.headers["content-disposition"] == f'attachment; filename="run-{ident}.patch"'
    assert f"+# {HOSTILE}" in patch.text
    looker.get("/runs/01M7XE67HTCS3Z0XT54D3Q2HZ9", status=404)


def test_the_steps_of_training_are_a_graph(visitor: Visitor) -> None:
    [row] = [row for row in visitor.json("/runs")["runs"] if row["parameters"].get("family")][:1]
    page = html.unescape(visitor.get(f"/runs/{row['id']}"))
    for text in (
        "compare_candidate[linear]",
        "fit_candidate",
        "Mean over the folds",
        "/models/müşteri-kaybı@1.0.0",
    ):
        assert text in page or quote(text, safe="/:@") in page
    found = visitor.json(f"/runs/{row['id']}")
    after = {node["name"]: node["after"] for node in found["nodes"]}
    assert len(after["fit_candidate"]) >= 2
    assert found["scores"]["rows"].keys() >= {"baseline", "linear"}
    assert all(not name.startswith("cv.") for name in found["metrics"])


def test_runs_are_compared(looker: Visitor) -> None:
    several = idents(looker)[:10]
    page = looker.get("/runs/compare?" + "&".join(f"run={ident}" for ident in several))
    assert page.count('<path class="curve') >= 10
    assert "kervan runs compare " + " ".join(several) in page
    found = looker.json("/runs/compare?" + "&".join(f"run={ident}" for ident in several))["found"]
    assert [line["name"] for line in found["parameters"] if not line["differs"]] == ["seed"]
    assert [curve["name"] for curve in found["curves"]] == ["loss"]
    for count in (0, 1):
        path = "/runs/compare?" + "&".join(f"run={ident}" for ident in several[:count])
        assert "cannot be compared" in looker.get(path, status=422)


def test_a_run_is_watched_while_it_goes_on(home: Home) -> None:
    home.write("kervan.toml", "[project]\nname = 'deneme'\n")
    with visiting(home.folder) as visitor, home.opened() as project:
        assert "Nothing was run yet." in visitor.get("/runs")
        with Tracker(project.store, "uzun", folder=home.folder) as run:
            run.log("ilk satır")
            path = f"/runs/{run.run.id}"
            assert "hx-sse:connect" in visitor.get(path)
            headers = {"accept": "text/event-stream"}
            with httpx.stream(
                "GET", f"{visitor.address}{path}?live=1", headers=headers, timeout=30
            ) as stream:
                lines = stream.iter_lines()
                assert any("ilk satır" in line for line in lines)
                run.log("ikinci satır")
                assert any("ikinci satır" in line for line in lines)
        page = visitor.get(path)
        assert "ikinci satır" in page
        assert "hx-sse:connect" not in page


def test_pages_speak_turkish(looker: Visitor) -> None:
    assert "Yalnız böyle koşular" in looker.get("/runs", language="tr")


def test_lines_across_axes_are_broken_where_nothing_is_known() -> None:
    axes = [
        Axis(name="lr", values=(0.1, 0.2, None)),
        Axis(name=HOSTILE, values=("a", True, [1])),
        Axis(name="same", values=(1, 1, 1)),
        Axis(name="none", values=(None, None, float("inf"))),
    ]
    drawn = parallel(["a", "b", HOSTILE], axes, label="l")
    assert "<img" not in drawn
    assert re.findall(r'<path class="curve third" d="M[^M]+"', drawn)
    assert drawn.count("<circle") == 2 + 3 + 3 + 1
