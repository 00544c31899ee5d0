"""What holds of every page: who may ask, in which form, how it looks in another language."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
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
