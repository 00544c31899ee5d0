"""What a server's processes have seen of its versions, together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kervan.core.observed import Observed, Sighting

if TYPE_CHECKING:
    from pathlib import Path

FILE = "seen.json"
_decoder = msgspec.json.Decoder(Sighting)


def seen_in(folder: Path) -> dict[tuple[str, str], Observed]:
    """Return what was seen of each version (deployment and model) by the servers that run from a folder."""
    found: dict[tuple[str, str], Observed] = {}
    for path in sorted(folder.rglob(FILE)):
        try:
            sighting = _decoder.decode(path.read_bytes())
        except (OSError, msgspec.DecodeError):  # it is being replaced, or its folder taken away
            continue
        for each in sighting.seen:
            key = (each.deployment, each.model)
            found[key] = found[key].plus(each) if key in found else each
    return found
