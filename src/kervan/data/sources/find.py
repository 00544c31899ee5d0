"""Which adapter reads a file: by its content, where that is one of ours, else by its name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kervan.core.errors import BrokenPlugin, InvalidInput
from kervan.core.plugins import plugin, plugins
from kervan.data.sources.disguise import refuse_disguised
from kervan.data.sources.kinds import kind_of
from kervan.data.sources.packed import ENDINGS, beginning

if TYPE_CHECKING:
    from kervan.core.ports import Source


def find_source(location: str) -> Source:
    """Return the adapter that reads `location`, or raise `InvalidInput` that lists what can be read.

    Adapters are loaded one after the other, ours first, so that a broken one of another distribution stops
    only what nothing else reads.
    """
    endings: list[str] = []
    broken: list[str] = []
    for row in plugins("source").values():
        try:
            source: Source = row.load()
        except BrokenPlugin as error:
            broken.append(str(error))
            continue
        if "://" not in location and source.accepts(location):
            return source
        endings += getattr(source, "suffixes", (row.name,))
    raise InvalidInput(
        "; ".join([f"nothing here reads {location!r}", *broken]),
        hint=f"give a file that ends in {', '.join(endings)}; these may be compressed: {', '.join(ENDINGS)}",
    )


def is_read(name: str) -> bool:
    """Say whether an adapter reads a file of this name."""
    try:
        find_source(name)
    except InvalidInput:
        return False
    return True


def reader(location: str, path: Path) -> Source:
    """Return the adapter that reads the file at `path`: by its content, where that is one of ours.

    An adapter of another distribution is taken at its word. A name that says nothing, as those of addresses
    of the web may be, is no hindrance to content that does.
    """
    try:
        named = find_source(location)
    except InvalidInput:
        start = beginning(path)
        kind = kind_of(start)
        if not kind:
            refuse_disguised(start, path.name, "no table")
            raise
        found: Source = plugin("source", kind)
        return found
    if not type(named).__module__.startswith("kervan."):
        return named
    kind = kind_of(beginning(path))
    return plugin("source", kind) if kind else named
