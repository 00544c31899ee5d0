"""What holds of every page: who may ask, in which form, how it looks in another language."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from journeys.home import Home
    from ui.visitor import Visitor


def test_home_shows_the_caravan_and_programs_get_the_same(visitor: Visitor) -> None:
    page = visitor.get("/")
    assert "müşteri-kaybı@1.0.0" in page
    found = visitor.json("/")
    assert [stop["name"] for stop in found["stops"]] == ["data", "model", "package", "release", "watch"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1:1", ""])
def test_another_name_that_leads_here_is_refused(visitor: Visitor, host: str) -> None:
    found = visitor.client.get("/", headers={"host": host})
    assert found.status_code == 403 if host else found.status_code in {400, 403}
    assert "müşteri" not in found.text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {},
    ],
)
def test_other_sites_cannot_press_buttons(visitor: Visitor, headers: dict[str, str]) -> None:
    found = visitor.client.post("/work/x/interrupt", data={"why": "x"}, headers=headers)
    assert found.status_code == 403
    assert "nothing was done" in found.text


def test_pages_may_run_our_own_scripts_alone(visitor: Visitor) -> None:
    policy = visitor.client.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_no_page_is_a_page_of_its_own(visitor: Visitor) -> None:
    assert "there is no page /nothing" in visitor.get("/nothing", status=404)
    assert visitor.json("/nothing", status=404)["status"] == 404


@pytest.mark.parametrize("path", ["/", "/nothing", "/data/", "/begin"])
def test_under_another_name_nothing_of_the_project_is_told(visitor: Visitor, shop: Home, path: str) -> None:
    for host in ("evil.example", "evil@127.0.0.1", "127.0.0.1/evil", "[", "127.0.0.1:x"):
        told = host.replace("127.0.0.1", visitor.address.removeprefix("http://"), 1)
        found = visitor.client.get(path, headers={"host": told})
        assert found.status_code == 403, told
        assert "hint: open http://127.0.0.1:" in found.text
        assert shop.folder.name not in found.text
        assert "set-cookie" not in found.headers
        assert "location" not in found.headers


def test_a_token_is_of_one_visit_and_one_origin(visitor: Visitor) -> None:
    token = visitor.token()
    fields = {"token": token, "model": "nothing", "why": "x"}
    for headers in ({"origin": "http://127.0.0.1:1"}, {"origin": visitor.address.replace("http", "https")}):
        assert visitor.client.post("/approvals", data=fields, headers=headers).status_code == 403
    assert (
        visitor.client.post("/approvals", data=fields, headers={"origin": visitor.address}).status_code == 404
    )
    with httpx.Client(base_url=visitor.address, cookies={"kervan_visit": "another"}) as other:
        assert other.post("/approvals", data=fields).status_code == 403
        assert other.post("/approvals", json=fields, headers={"origin": visitor.address}).status_code == 403
        assert other.post("/approvals", json=fields, headers={"origin": "https://x"}).status_code == 403


def test_a_visitor_who_leaves_in_the_middle_is_no_bug(
    visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    host = visitor.address.removeprefix("http://")
    name, _, port = host.partition(":")
    with socket.create_connection((name, int(port))) as line:
        line.sendall(f"POST /approvals HTTP/1.1\r\nHost: {host}\r\nContent-Length: 99\r\n".encode())
        line.sendall(b"Content-Type: application/x-www-form-urlencoded\r\n\r\nwhy=")
    assert visitor.get("/")
    assert "ClientDisconnect" not in caplog.text
