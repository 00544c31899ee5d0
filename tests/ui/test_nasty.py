"""Whatever somebody writes into addresses and forms, the answer says what is wrong and what to do."""

from __future__ import annotations

import json
import math
import re
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

import kervan as kv
from kervan.core.errors import InvalidInput
from kervan.ui.asked import Asked
from kervan.ui.routes import ROUTES
from ui.visitor import visiting

if TYPE_CHECKING:
    import httpx

    from journeys.home import Home
    from kervan.ui.page import Route
    from ui.visitor import Visitor

pytestmark = pytest.mark.sampled

LONG = "9" * 5_000
NASTY = (
    "-1",
    "nan",
    "²",
    LONG,
    "x" * 20_000,
    "\0",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    "../../etc/passwd",
    "<img src=x onerror=alert(1)>",
    "{0.__class__}",
    "\r\nSet-Cookie: a=b",
    f"x@{LONG}.0.0",
    f"x:{LONG}",
    f"01M8NZ90NG81YARXFZKRB2YQWP.{LONG}",
    "a=1 and (",
)
MULTIPART = "multipart/form-data; boundary=a"
PART = b'--a\r\nContent-Disposition: form-data; name="%s"\r\n\r\nx\r\n'
ODD_FORMS = (
    ("multipart/form-data", b"x"),
    ("multipart/form-data; boundary=", b"x"),
    (MULTIPART, b"x"),
    (MULTIPART, b""),
    (MULTIPART, b"--a\r\nContent-Disposition: form-data\r\n\r\nx\r\n--a--\r\n"),
    (
        MULTIPART,
        b'--a\r\nContent-Disposition: form-data; name="x"; filename="\xff"\r\n\r\nx\r\n--a--\r\n',
    ),
    (MULTIPART, b"".join(PART % b"f" for _ in range(6_000)) + b"--a--\r\n"),
    (f"{MULTIPART}; charset=klingon", PART % b"why" + b"--a--\r\n"),
    ("application/x-www-form-urlencoded", b"&".join(b"f%d=1" % each for each in range(6_000))),
    ("application/x-www-form-urlencoded", b"token=%FF&%=%"),
    ("text/plain", b"token=1"),
    ("application/json", b""),
    ("application/json", b"[]"),
    ("application/json", b'{"why": NaN}'),
    ("application/json", b'{"why": 1}'),
    ("application/json", b'{"why": "\\ud800"}'),
    ("application/json", b"{" * 10_000),
    ("application/json", b"\xff"),
)


def _names(route: Route) -> list[str]:
    return re.findall(r"{(\w+)}", route.path)


def _path(route: Route, parts: dict[str, Any]) -> str:
    return re.sub(r"{(\w+)}", lambda found: quote(parts[found[1]], safe=""), route.path)


def _is_quick(route: Route) -> bool:
    """Whether an action is over with its answer, and begins no work."""
    does = route.does.func if isinstance(route.does, partial) else route.does
    return does is not None and "Work" not in str(does.__annotations__["return"])


def _check(found: httpx.Response) -> None:
    told = f"{found.request.method} {str(found.request.url)[:200]}: {found.status_code}"
    assert found.status_code < 500, told
    assert "Traceback" not in found.text, told
    assert "bug in Kervan" not in found.text, told
    assert "<img src=x" not in found.text, told
    if found.status_code >= 400:
        page = re.search(r'role="alert"[^>]*><p>.+?</p><p>.+?</p>', found.text, re.DOTALL)
        assert page, told


@pytest.fixture
def known(visitor: Visitor) -> dict[str, str]:
    """What each part of a path may be."""
    return {
        "ref": visitor.json("/models")["models"][0]["ref"],
        "environment": "üretim",
        "run": visitor.json("/runs")["runs"][0]["id"],
        "prediction": visitor.json("/predictions")["page"]["rows"][0]["id"],
    }


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """Which fields the pages at each path read."""
    seen: dict[str, set[str]] = {}
    before = Asked.texts

    def texts(self: Asked, name: str) -> tuple[str, ...]:
        seen.setdefault(self.path, set()).add(name)
        return before(self, name)

    monkeypatch.setattr(Asked, "texts", texts)
    return seen


def test_parts_of_paths_may_be_anything(visitor: Visitor, known: dict[str, str]) -> None:
    for route in ROUTES:
        for name in _names(route):
            for value in NASTY:
                path = _path(route, {**known, name: value})
                if route.shows:
                    _check(visitor.client.get(path))
                if _is_quick(route):
                    fields = {"why": "x", "token": visitor.token()}
                    _check(visitor.client.post(path, data=fields))


def test_fields_of_addresses_may_be_anything(
    visitor: Visitor, known: dict[str, str], read: dict[str, set[str]]
) -> None:
    for route in ROUTES:
        if not route.shows:
            continue
        path = _path(route, known)
        read.clear()
        visitor.client.get(path)
        names = {name for each in read.values() for name in each} - {"live"}
        for name in sorted(names):
            for value in (*NASTY, ""):
                _check(visitor.client.get(f"{path}?{name}={quote(value, safe='')}"))
            _check(visitor.client.get(f"{path}?{name}=a&{name}=b&{name}&=&&{name}=3"))


def test_odd_forms_are_refused(visitor: Visitor) -> None:
    for kind, body in ODD_FORMS:
        found = visitor.client.post("/approvals", content=body, headers={"content-type": kind})
        assert found.status_code in {403, 422}, (kind, body[:40], found.status_code)
        _check(found)


def test_a_length_that_is_not_told_or_too_large_is_refused(visitor: Visitor) -> None:
    found = visitor.client.post("/approvals", content=iter([b"why=x"]))
    assert found.status_code == 422
    assert "Content-Length" in found.text


def test_what_an_address_does_not_do_it_says(visitor: Visitor) -> None:
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        found = visitor.client.request(method, "/data")
        assert found.status_code == 405
        assert found.headers["allow"] == "GET, HEAD"
        assert f"{method} does nothing at /data" in found.text
    assert visitor.client.get("/data/ingest").status_code in {404, 405}
    assert visitor.client.head("/runs").content == b""


def test_an_environment_that_there_is_not_leaves_nothing_behind(visitor: Visitor, shop: Home) -> None:
    folder = shop.folder / ".kervan" / "environments"
    before = sorted(folder.iterdir())
    for what in ("promote", "pause", "resume", "roll-back", "stop", "start"):
        page = visitor.post(f"/releases/nothing/{what}", why="x", status=404)
        assert "nothing was released to" in page
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("path", ["/runs/nothing", "/runs?page=-1", "/work/nothing", "/models/x@1.0.0"])
def test_a_stream_of_what_there_is_not_is_an_error(visitor: Visitor, path: str) -> None:
    sign = "&" if "?" in path else "?"
    found = visitor.client.get(f"{path}{sign}live=1")
    assert found.status_code in {404, 422}
    assert visitor.json(f"{path}{sign}live=1", status=found.status_code)["hint"]


def test_a_page_that_does_not_move_ends_its_stream(visitor: Visitor, known: dict[str, str]) -> None:
    for path in ("/data", "/settings", "/find", "/audit"):
        found = visitor.client.get(f"{path}?live=1")
        assert found.status_code == 200
        assert found.text.endswith("event: over\ndata: over\n\n")
    log = f"/runs/{known['run']}/log"
    assert visitor.client.get(f"{log}?live=1").content == visitor.client.get(log).content


def test_other_sites_cannot_change_how_it_looks(visitor: Visitor) -> None:
    data = {"language": "tr", "back": "/runs"}
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert visitor.client.post("/choose", data=data, headers=headers).status_code == 403


@pytest.mark.parametrize(
    "back", ["//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example", "/\r\na: b"]
)
def test_nobody_is_led_elsewhere(visitor: Visitor, back: str) -> None:
    found = visitor.client.post("/choose", data={"back": back})
    assert found.status_code == 303
    assert re.match(r"/(?![/\\])", found.headers["location"])
    assert not re.search(r"[\r\n\t]", found.headers["location"])
    assert "a" not in found.headers


@pytest.mark.parametrize("name", ["/etc/passwd", "x.kervan", "../x.kervan", "/proc/self/fd/0", "nothing"])
def test_a_model_to_release_is_no_path(visitor: Visitor, name: str) -> None:
    before = len(visitor.json("/work")["jobs"])
    told = visitor.client.post("/releases", json={"model": name}, headers={"accept": "application/json"})
    assert told.status_code in {404, 422}
    assert "file" not in told.json()["detail"]
    assert len(visitor.json("/work")["jobs"]) == before


def test_metrics_that_are_no_numbers_are_drawn_as_gaps(home: Home) -> None:
    home.start()
    with kv.open(home.folder) as workspace:
        for _ in range(2):
            with workspace.track("x\n" * 500, lr=1, text="a" * 50_000) as run:
                for value in (math.nan, 1e308, -1e308, math.inf, -math.inf, 5e-324, 2.0, 3.0):
                    run.log_metric("loss", value)
                run.log_metric("nothing", math.nan)
                with pytest.raises(InvalidInput, match="out of reach"):
                    run.log_metric("loss", 1.0, step=10**30)
    with visiting(home.folder) as visitor:
        runs = [each["id"] for each in visitor.json("/runs")["runs"]]
        pair = "&".join(f"run={each}" for each in runs)
        for path in ("/runs", "/runs?sort=-loss", f"/runs/{runs[0]}", f"/runs/compare?{pair}"):
            page = visitor.get(path)
            assert not re.search(r'(?: [xy][12]?| d| points)="[^"]*(?:nan|inf)', page), path
            told = visitor.client.get(path, headers={"accept": "application/json"}).text
            json.loads(told, parse_constant=pytest.fail)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("etiketler.csv", b"id,label\n1,2\n"),
        ("etiketler.csv", b""),
        ("etiketler.csv", b"\xff\xfe\0"),
        ("etiketler.json", b"[[["),
        ("etiketler.ndjson", b"null\n"),
        ("etiketler.parquet", b"PAR1"),
        ("../../etiketler.CSV", b"id,label\n" + LONG.encode() + b",x\n"),
    ],
)
def test_labels_that_cannot_be_read_are_told_by_their_file(
    visitor: Visitor, name: str, content: bytes
) -> None:
    page = visitor.post("/watch/üretim/quality", files={"file": (name, content)}, status=422)
    told = re.search(r'role="alert"[^>]*><p>(.+?)</p><p>.+?</p>', page, re.DOTALL)
    assert told
    assert told[1].startswith("etiketler.")
