"""Writes `docs/reference/site.md` from the site's own routes: `python tests/docs/site_reference.py`."""

from __future__ import annotations

import inspect
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kervan.ui.jobs import Jobs
from kervan.ui.routes import ROUTES
from kervan.ui.work import routes

if TYPE_CHECKING:
    from collections.abc import Callable

    from kervan.ui.page import Route

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "site.md"
_HEAD = """\
# The site's addresses

What [`kervan ui`](../how-to/look-in-the-browser.md) answers. Each address gives a page, or with
`accept: application/json` the same as JSON; what changes something takes a `POST` with the fields of a
form, or as an object of JSON whose values are texts; the page's form names them. An error is a
[problem](https://www.rfc-editor.org/rfc/rfc9457) with `detail` and `hint`.

| address | gives | does |
|---|---|---|
"""


def page() -> str:
    """Return the page."""
    return _HEAD + "".join(_row(each) for each in (*ROUTES, *routes(Jobs(Path()))))


def _row(route: Route) -> str:
    return f"| `{route.path}` | {_told(route.shows)} | {_told(route.does)} |\n"


def _function(action: Any) -> Callable[..., Any] | None:
    return action.func if isinstance(action, partial) else action


def _told(action: Any) -> str:
    function = _function(action)
    if function is None:
        return ""
    line = (inspect.getdoc(function) or "").splitlines()[0].rstrip(".")
    what = action.args[0] if isinstance(action, partial) and isinstance(action.args[0], str) else ""
    return f"{line} (`{what}`)" if what else line


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
