"""What a supervisor is told: what its replicas answer for, and the plan by which they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from kervan.core.errors import InvalidInput
from kervan.core.serving import Plan, Serving

if TYPE_CHECKING:
    from pathlib import Path

_USUAL = Plan()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept(Serving):
    """What is served, and how many replicas of which kind there are to be."""

    plan: Plan = _USUAL

    @property
    def least(self) -> int:
        """How many replicas there are at least while somebody asks."""
        return max(self.plan.workers, 1)

    @property
    def most(self) -> int:
        """How many there may ever be."""
        return max(self.plan.most_workers, self.least)


def must_roll(before: Kept, after: Kept) -> bool:
    """Say whether replicas have to be replaced where one that runs cannot change, or is not to."""
    return (after.plan.rolls and before != after) or _fixed(before) != _fixed(after)


def _fixed(kept: Kept) -> tuple[object, ...]:
    return kept.closed, kept.reflection, kept.otlp, kept.folder, kept.plan.memory, kept.plan.cpu


def read_kept(file: Path) -> Kept:
    """Read what a supervisor is told, or raise `InvalidInput` that names the file."""
    try:
        return parse_kept(file.read_bytes(), file)
    except OSError as error:
        raise InvalidInput(f"cannot read {file}: {error.strerror}", hint="release the model first") from error


def parse_kept(content: bytes, file: Path) -> Kept:
    """Read what stood in a file, or raise `InvalidInput` that names it."""
    try:
        return msgspec.json.decode(content, type=Kept)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file}: {error}", hint="release the model again") from error
