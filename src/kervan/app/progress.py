"""How a release under way goes, for those who watch: what is judged now, what was seen before it began."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from kervan.core.observed import Observed
from kervan.core.private import write_private
from kervan.monitor.judgement import Judgement

if TYPE_CHECKING:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What was seen of the versions that answered before a release, and the bytes that a replica held."""

    seen: tuple[Observed, ...] = ()
    memory: float | None = None

    def of(self, model: str) -> Observed | None:
        """Return what was seen of a model, None where nothing was."""
        mine = (each for each in self.seen if each.model == model)
        return max(mine, key=lambda each: each.looked, default=None)


def write_before(folder: Path, before: Before) -> None:
    """Keep how things stood."""
    write_private(folder / _BEFORE, msgspec.json.encode(before))


def read_before(folder: Path) -> Before:
    """Return how things stood before the release, as far as it is known."""
    try:
        return msgspec.json.decode((folder / _BEFORE).read_bytes(), type=Before)
    except (OSError, msgspec.DecodeError):
        return Before()
