"""Beginning a project in the browser, its settings, and work that takes a while."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from journeys.home import as_csv, customers
from ui.visitor import visiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeys.home import Home
    from ui.visitor import Visitor

TABLE = as_csv(customers(400)).encode()


@pytest.fixture
def empty(home: Home) -> Iterator[Visitor]:
    """A visitor of a folder in which there is nothing yet."""
    with visiting(home.folder) as visitor:
        yield visitor


def test_an_empty_folder_leads_to_its_beginning(empty: Visitor, home: Home) -> None:
    found = empty.client.get("/settings", follow_redirects=True)
    assert found.url.path == "/begin"
    assert empty.json("/settings", status=404)["hint"]
    assert list(home.folder.iterdir()) == []


@pytest.mark.parametrize("name", ["../../table.csv", "/etc/x/table.csv", "C:\\temp\\table.csv", ".table.csv"])
def test_a_file_is_kept_in_the_folder_whatever_it_is_called(empty: Visitor, home: Home, name: str) -> None:
    page = empty.post("/tables", files={"table": (name, TABLE)})
    assert "table.csv" in page
    assert [each.name for each in home.folder.iterdir()] == ["table.csv"]
    assert (home.folder / "table.csv").read_bytes() == TABLE


def test_other_files_are_refused_and_not_kept(empty: Visitor, home: Home) -> None:
    assert "settings.ini" in empty.post("/tables", files={"table": ("settings.ini", b"x")}, status=422)
    assert "no file was chosen" in empty.post("/tables", status=422)
    assert list(home.folder.iterdir()) == []


def test_only_files_of_the_folder_are_looked_into(empty: Visitor) -> None:
    for name in ("/etc/passwd", "../x.csv", "x.csv"):
        assert empty.client.get("/begin", params={"file": name}).status_code == 404


def test_a_project_begins_with_what_is_in_the_table(empty: Visitor, home: Home) -> None:
    empty.post("/tables", files={"table": ("müşteriler.csv", TABLE)})
    page = empty.get("/begin?file=m%C3%BC%C5%9Fteriler.csv")
    assert "400 rows, 6 columns" in page
    assert re.search(r"<option selected>ayrıldı", page)
    done = empty.post("/begin", source="müşteriler.csv", target="ayrıldı", name="kayıp")
    assert "The project is there" in done
    assert 'target = "ayrıldı"' in (home.folder / "kervan.toml").read_text(encoding="utf-8")
    assert "exists already" in empty.post("/begin", source="müşteriler.csv", target="yaş", status=409)


def test_settings_that_cannot_be_used_are_not_written(home: Home) -> None:
    home.start()
    before = (home.folder / "kervan.toml").read_text(encoding="utf-8")
    with visiting(home.folder) as visitor:
        seen = visitor.json("/settings/file")["hash"]
        for text in ("[model]\nfolds = 'x'", "[modle]", "= 1", "[model]\nfamilies = ['trees']"):
            visitor.post("/settings/file", text=text, seen=seen, status=422)
        assert (home.folder / "kervan.toml").read_text(encoding="utf-8") == before
        page = visitor.post("/settings/file", text=before + "\n# more\n", seen=seen, why="tidy")
        assert "kervan.toml is written" in page
        assert "changed meanwhile" in visitor.post("/settings/file", text=before, seen=seen, status=409)
    assert (home.folder / "kervan.toml").read_text(encoding="utf-8").endswith("# more\n")
    assert "edited settings" in home.ask("audit").out


def test_settings_that_are_broken_can_be_mended(home: Home) -> None:
    home.start()
    path = home.folder / "kervan.toml"
    good = path.read_text(encoding="utf-8")
    path.write_text("[model\n", encoding="utf-8")
    with visiting(home.folder) as visitor:
        assert "kervan.toml" in visitor.get("/", status=422)
        visitor.tell("/settings/file", text=good, seen=visitor.json("/settings/file")["hash"])
        assert visitor.get("/")


def _job(visitor: Visitor, path: str) -> dict[str, Any]:
    for _ in range(600):
        found: dict[str, Any] = visitor.json(path)
        if found["ended"]:
            return found
        time.sleep(0.1)
    raise AssertionError("it takes too long")


def test_work_tells_how_far_it_is_and_what_came_of_it(home: Home) -> None:
    home.start()
    with visiting(home.folder) as visitor:
        path = visitor.tell("/run", why="first")["to"]
        assert "under way" in visitor.tell("/run", why="again", status=409)["detail"]
        turkish = {"accept-language": "tr", "accept": "application/json"}
        assert visitor.client.post("/run", json={}, headers=turkish).status_code == 409
        job = _job(visitor, path)
        assert job["error"] == ""
        assert job["stages"][0]["name"] == "ingest"
        assert job["done"]["to"].startswith("/models/")
        live = visitor.client.get(f"{path}?live=1").text
        assert live.startswith("data: ")
        assert live.endswith("event: over\ndata: over\n\n")


def test_work_that_fails_says_why(home: Home) -> None:
    home.start()
    (home.folder / "müşteriler.csv").unlink()
    with visiting(home.folder) as visitor:
        job = _job(visitor, visitor.tell("/run")["to"])
        assert "müşteriler.csv" in job["error"]
        assert job["hint"]


def test_work_can_be_interrupted(home: Home) -> None:
    home.start()
    with visiting(home.folder) as visitor:
        path = visitor.tell("/run")["to"]
        visitor.tell(f"{path}/interrupt")
        job = _job(visitor, path)
        assert job["error"] == "it was interrupted"


def test_anything_is_found_by_name_or_id(visitor: Visitor) -> None:
    run = visitor.json("/")["events"][0]["subject"]
    assert run
    kinds = {each["kind"] for each in visitor.json("/find?q=müşteri-kaybı")["hits"]}
    assert kinds == {"dataset", "model"}
    assert visitor.json("/find?q=üretim")["hits"][0]["kind"] == "environment"
    assert visitor.json("/find?q=%00")["hits"] == []
