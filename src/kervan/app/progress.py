"""How a release under way goes, for those who watch: what is judged now, what was seen before it began."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from kervan.core.observed import Observed
from kervan.core.private import write_private
from kervan.monitor.judgement import Judgement

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NOW = "progress.json"
_BEFORE = "before.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What is judged of a release at a time."""

    release: str
    at: float
    stable: Observed
    candidate: Observed
    judgement: Judgement


def write_progress(folder: Path, progress: Progress) -> None:
    """Let those who watch see it."""
    write_private(folder / _NOW, msgspec.json.encode(progress), durable=False)


def read_progress(folder: Path, release: str) -> Progress | None:
    """Return how a release goes, None where nothing was judged yet."""
    try:
        found = msgspec.json.decode((folder / _NOW).read_bytes(), type=Progress)
    except (OSError, msgspec.DecodeError):
        return None
    return found if found.release == release else None


def write_before(folder: Path, seen: Mapping[tuple[str, str], Observed]) -> None:
    """Keep what was seen of the versions that answer until now."""
    write_private(folder / _BEFORE, msgspec.json.encode(list(seen.values())))


def read_before(folder: Path, model: str) -> Observed | None:
    """Return what was seen of a model before the release, None where nothing was."""
    try:
        seen = msgspec.json.decode((folder / _BEFORE).read_bytes(), type=list[Observed])
    except (OSError, msgspec.DecodeError):
        return None
    return max((each for each in seen if each.model == model), key=lambda each: each.looked, default=None)
