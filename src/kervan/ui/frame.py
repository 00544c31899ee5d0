"""What stands around every page: where one can go, who is here, what was said, in which colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.ui.guard import FIELD
from kervan.ui.reply import FLASH, said_before

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kervan.ui.jobs import Jobs
    from kervan.ui.opened import Opened

# Where one can go: path, name, and the key that leads there after `g`.
PLACES = (
    ("/", "Home", "h"),
    ("/data", "Data", "d"),
    ("/runs", "Runs", "r"),
    ("/models", "Models", "m"),
    ("/releases", "Releases", "e"),
    ("/predictions", "Predictions", "p"),
    ("/watch", "Watch", "w"),
    ("/audit", "Audit", "a"),
    ("/settings", "Settings", "s"),
)


def of(opened: Opened, jobs: Jobs, cookies: Mapping[str, str], token: str) -> dict[str, Any]:
    """Return what the template of the frame needs."""
    return {
        "places": PLACES,
        "folder": opened.folder,
        "is_begun": opened.is_begun,
        "going": [each for each in jobs.all() if not each.is_over],
        "flash": said_before(cookies.get(FLASH, "")),
        "colours": cookies.get("kervan_colours", "system"),
        "token": token,
        "token_field": FIELD,
    }
