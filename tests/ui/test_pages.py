"""Every page, as people use it: in both colours, on a phone, without scripts, in Turkish, by its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sampling import IS_WHOLE
from ui.browser import hindrances, opened, window
from ui.pages import every_page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from ui.visitor import Visitor

# The score of https://web.dev/cls, of which 0.1 is still called good.
_JUMP = 0.02
_NOTE_SHIFTS = """
window.moved = 0;
new PerformanceObserver(list => { for (const each of list.getEntries()) window.moved += each.value; })
  .observe({type: "layout-shift", buffered: true});
"""

pytestmark = [pytest.mark.service, pytest.mark.slow]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened() as found:
        yield found


@pytest.fixture(scope="module")
def paths(visitor: Visitor) -> tuple[str, ...]:
    """The address of a page of every kind."""
    return every_page(visitor)


# In each run each width and each colour once; `make pages` tries all of them together.
_LOOKS = [(1280, "light"), (390, "dark"), (1280, "dark"), (390, "light")]
_TRIED = _LOOKS if IS_WHOLE else _LOOKS[:2]


@pytest.mark.parametrize(("width", "colours"), _TRIED)
def test_nothing_hinders_anybody(
    browser: Browser, visitor: Visitor, paths: tuple[str, ...], width: int, colours: str
) -> None:
    found: list[str] = []
    options = {"viewport": {"width": width, "height": 900}, "color_scheme": colours}
    with window(browser, visitor.address, **options) as page:
        for path in paths:
            page.goto(path)
            found += [f"{path}: {each}" for each in hindrances(page)]
            wide = page.evaluate("document.documentElement.scrollWidth")
            found += [f"{path} is {wide} pixels wide"] if wide > width else []
    assert found == []


def test_nothing_jumps_while_a_page_comes(browser: Browser, visitor: Visitor, paths: tuple[str, ...]) -> None:
    jumps: list[str] = []
    with window(browser, visitor.address) as page:
        page.add_init_script(_NOTE_SHIFTS)
        for path in paths:
            page.goto(path)
            page.wait_for_timeout(150)
            moved = page.evaluate("window.moved")
            jumps += [f"{path}: {moved}"] if moved > _JUMP else []
    assert jumps == []


def test_pages_are_printed_without_what_leads_elsewhere(browser: Browser, visitor: Visitor) -> None:
    with window(browser, visitor.address) as page:
        page.emulate_media(media="print")
        page.goto("/runs")
        assert not page.locator("header.side").is_visible()
        assert page.locator("h1").is_visible()
        assert page.locator("table").first.is_visible()


def test_every_page_works_without_scripts(browser: Browser, visitor: Visitor, paths: tuple[str, ...]) -> None:
    with window(browser, visitor.address, java_script_enabled=False) as page:
        for path in paths:
            page.goto(path)
            assert page.locator("h1").inner_text().strip(), path


def test_keys_lead_everywhere(browser: Browser, visitor: Visitor) -> None:
    with window(browser, visitor.address) as page:
        page.goto("/settings")
        for key, path in (("d", "/data"), ("r", "/runs"), ("a", "/audit"), ("h", "/")):
            page.keyboard.press("g")
            page.keyboard.press(key)
            page.wait_for_url(f"**{path}")
        page.keyboard.press("/")
        page.keyboard.type("üret")
        page.keyboard.press("Enter")
        page.get_by_role("link", name="üretim").first.wait_for()
        page.locator("h1").click()
        page.keyboard.press("?")
        assert page.locator("#keys").is_visible()


def test_a_reader_chooses_the_language_and_the_colours(browser: Browser, visitor: Visitor) -> None:
    with window(browser, visitor.address) as page:
        page.goto("/runs")
        page.get_by_role("button", name="Türkçe").click()
        assert page.locator("h1").inner_text() == "Koşular"
        assert page.locator("html").get_attribute("lang") == "tr"
        page.get_by_role("button", name="Koyu").click()
        assert page.locator("html").get_attribute("data-colours") == "dark"


def test_times_are_in_the_readers_zone(browser: Browser, visitor: Visitor) -> None:
    with window(browser, visitor.address, timezone_id="Asia/Tokyo") as page:
        page.goto("/runs")
        told = page.locator("time").first
        exact = told.get_attribute("title") or ""
        assert "GMT+9" in exact or "Japan" in exact
