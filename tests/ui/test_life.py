"""A model's whole life by clicks in a browser: from an empty folder to a canary that is rolled back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from journeys.home import as_csv, customers
from ui.browser import opened, window
from ui.visitor import visiting

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from journeys.home import Home

_SETTINGS = """
[model]
families = ["{family}"]
folds = 2
[release]
to = "{to}"
port = 0
"""


@pytest.mark.service
@pytest.mark.slow
def test_the_whole_life_by_clicks(home: Home) -> None:
    (home.folder.parent / "satışlar 2026.csv").write_text(as_csv(customers(1_200)), encoding="utf-8")
    with visiting(home.folder) as visitor, opened() as browser, window(browser, visitor.address) as page:
        _start(page, str(home.folder.parent / "satışlar 2026.csv"))
        _set(page, family="linear", to="production")
        _live(page, "the first model")
        page.wait_for_url("**/models/*")
        _set(page, family="tree", to="")
        _live(page, "another family")
        _release_as_canary(page, "kayıp@1.0.1")
        page.get_by_role("button", name="Roll back…").click()
        page.get_by_role("textbox", name="Why").locator("visible=true").fill("complaints")
        page.get_by_role("button", name="Roll back", exact=True).click()
        page.get_by_text("rolled back by").first.wait_for()
        assert page.locator(".traffic").get_by_text("100 %").is_visible()
    assert "complaints" in home.ask("audit").out
    assert home.ask("audit", "verify").code == 0


def _start(page: Page, table: str) -> None:
    page.goto("/")
    page.get_by_label("CSV, Excel, JSON, Parquet, Arrow or Avro").set_input_files(table)
    page.get_by_role("button", name="Bring it here").click()
    page.get_by_label("Name of the project").fill("kayıp")
    page.get_by_label("What to predict").select_option("ayrıldı")
    page.get_by_role("button", name="Start the project").click()
    page.get_by_text("The project is there").wait_for()


def _set(page: Page, *, family: str, to: str) -> None:
    page.goto("/settings/file")
    text = page.locator("#text")
    head = text.input_value().partition("[model]")[0]
    text.fill(head + _SETTINGS.format(family=family, to=to))
    page.get_by_role("button", name="Keep it").click()
    page.get_by_text("kervan.toml is written").wait_for()


def _live(page: Page, why: str) -> None:
    page.goto("/")
    page.get_by_role("button", name="Run the whole way…").click()
    page.get_by_role("textbox", name="Why").locator("visible=true").fill(why)
    page.get_by_role("button", name="Run the whole way", exact=True).click()
    _look_at_it(page)


def _look_at_it(page: Page) -> None:
    """Wait for the end of work, and go where it leads."""
    link, alert = page.get_by_role("link", name="Look at it"), page.get_by_role("alert")
    link.or_(alert).first.wait_for(timeout=200_000)
    assert alert.count() == 0, alert.first.inner_text()
    link.click()


def _release_as_canary(page: Page, ref: str) -> None:
    page.goto("/releases")
    page.locator("#model").select_option(ref)
    page.get_by_label("Strategy").select_option("canary")
    page.get_by_label("Steps").fill("10,50")
    page.get_by_role("button", name="Release it", exact=True).click()
    _look_at_it(page)
    page.get_by_text("canary").first.wait_for()
