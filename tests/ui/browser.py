"""A real browser in which the site is opened; what it must never do is noted, whatever a test looks at."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from tools import tool, tool_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@contextmanager
def opened() -> Iterator[Browser]:
    """Start Chromium."""
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=tool("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def window(browser: Browser, address: str, **options: Any) -> Iterator[Page]:
    """Open a window at the site: nothing is fetched from elsewhere, no script fails, nothing is forbidden."""
    options = {"viewport": {"width": 1280, "height": 900}, "locale": "en"} | options
    context = browser.new_context(base_url=address, **options)
    page = context.new_page()
    wrong: list[str] = []
    page.on("request", lambda each: None if each.url.startswith(address) else wrong.append(each.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if _is_bad(said.type, said.text) else None)
    page.on("dialog", lambda dialog: wrong.append(f"a script of somebody's ran: {dialog.message}"))
    try:
        yield page
    finally:
        context.close()
    assert wrong == []


def _is_bad(kind: str, text: str) -> bool:
    """Say whether a script failed or was forbidden, and not just that an answer was no."""
    return kind in {"error", "warning"} and "Failed to load resource" not in text


def hindrances(page: Page) -> list[str]:
    """Return what axe finds that keeps people from using the page."""
    page.evaluate(tool_file("axe/node_modules/axe-core/axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate(
        "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})",
        _RULES,
    )
    return [
        f"{each['id']}: {each['help']}: {node['html'][:200]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]
