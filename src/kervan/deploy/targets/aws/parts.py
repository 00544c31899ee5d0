"""The versions of a release as a place of AWS knows them, and the note that `apply` reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from kervan.core.errors import Corrupted, NotFound
from kervan.core.identity import sha256
from kervan.core.serving import ShareRole

if TYPE_CHECKING:
    from pathlib import Path

NOTE = "release"
_DIGITS = 12

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One version: a hash of all that it runs with, the file or image of its code, its share in percent."""

    model: str
    label: str
    digest: str
    code: str
    role: ShareRole
    percent: float

    @property
    def description(self) -> str:
        """Say which version it is, as the place keeps it."""
        return f"{self.model} {self.digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What `apply`, `remove` and the others have to know beside the bodies; `facts` are the target's own."""

    name: str
    region: str
    endpoint_url: str
    parts: tuple[Part, ...]
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def candidate(self) -> Part | None:
        """The version that gets a share beside the main one."""
        return next((part for part in self.parts if part.role is ShareRole.CANDIDATE), None)


def digest_of(content: Any) -> str:
    """Return what stands for a content: the beginning of its hash."""
    return sha256(msgspec.json.encode(content, order="sorted"))[:_DIGITS]


def read_note(folder: Path) -> Note:
    """Read what was rendered, or raise `NotFound` or `Corrupted`."""
    path = folder / f"{NOTE}.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Note)
    except OSError as error:
        raise NotFound(f"cannot read {path}: {error.strerror}", hint="render the release first") from error
    except msgspec.MsgspecError as error:
        raise Corrupted(f"{path} is not as it was written: {error}", hint="render it again") from error
