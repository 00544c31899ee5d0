"""What the app gives to take away, as the site sends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.ui.page import Download

if TYPE_CHECKING:
    from kervan.app.download import Download as File


def to_keep(file: File) -> Download:
    """Return a file as the site sends it: in pieces, under the name that the app gave it."""
    return Download(name=file.name, content=file.pieces, kind=file.type)
