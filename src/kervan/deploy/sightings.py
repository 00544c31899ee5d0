"""What a server's processes have seen of its versions, together."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from kervan.core.locks import process_number
from kervan.core.observed import Observed, Sighting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = "seen.json"
_decoder = msgspec.json.Decoder(Sighting)


def seen_in(folder: Path) -> dict[tuple[str, str], Observed]:
    """Return what was seen of each version (deployment and model) by the servers that run from a folder."""
    found: dict[tuple[str, str], Observed] = {}
    for _, sighting in _sightings(folder):
        for each in sighting.seen:
            key = (each.deployment, each.model)
            found[key] = found[key].plus(each) if key in found else each
    return found


def memory_in(folder: Path) -> float | None:
    """Return the bytes that a server which runs from a folder holds, on average; None where none does."""
    held = [sighting.memory for place, sighting in _sightings(folder) if process_number(place) is not None]
    return sum(held) / len(held) if held else None


def _sightings(folder: Path) -> Iterator[tuple[Path, Sighting]]:
    """Yield what each server has written, with its own folder; one that is gone is still told of."""
    for path in sorted(folder.rglob(FILE)):
        with suppress(OSError, msgspec.DecodeError):  # it is being replaced, or its folder taken away
            yield path.parent, _decoder.decode(path.read_bytes())
