"""Every error that a user can meet, each with a hint that says what to do.

KervanError
├── InvalidInput          what was given cannot be used
│   ├── InvalidConfig     a setting is unknown or has a wrong value
│   ├── InvalidData       a table is broken: file, row and column are named
│   └── RefusedRow        a row for prediction breaks the model's schema
│       └── TooManyRows   more rows than one request may have
├── NotFound              nothing has that name
├── Conflict              it exists already, is in use, or somebody else was faster
├── Refused               a rule of the project says no
│   ├── GoalMissed        the model is not good enough
│   ├── ParityFailed      an exported format answers differently
│   └── SealedTest        the test part was looked at before
├── StorageFailed         disk full, folder read-only, database unreachable
├── Corrupted             stored content does not match its hash
├── MissingExtra          an optional part is not installed
├── MissingTool           a program that does part of the work is not installed
├── BrokenPlugin          an adapter of another distribution cannot be loaded
└── ServerFailed          a server did not start or did not answer
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from kervan.core.shown import shown

if TYPE_CHECKING:
    from collections.abc import Iterable


class KervanError(Exception):
    """Something a user can mend: `str(error)` says what is wrong, `error.hint` what to do."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(shown(message))
        self.hint = shown(hint)
        if self.hint:
            self.add_note(f"hint: {self.hint}")  # where tracebacks are shown, as in notebooks


class InvalidInput(KervanError):
    """What was given cannot be used."""


class InvalidConfig(InvalidInput):
    """A setting is unknown or has a value that it cannot take."""


class InvalidData(InvalidInput):
    """A table is broken; the message names file, row and column."""


class RefusedRow(InvalidInput):
    """A row for prediction breaks the model's schema.

    `row` counts from 0 in the request; `field` is the column's name or "" for the whole row.
    """

    def __init__(self, message: str, *, row: int = 0, field: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.row = row
        self.field = field


class TooManyRows(RefusedRow):
    """A request has more rows than one may have."""


class NotFound(KervanError):
    """Nothing has that name."""


class Conflict(KervanError):
    """It exists already, is in use, or somebody else was faster."""


class Refused(KervanError):
    """A rule of the project says no."""


class GoalMissed(Refused):
    """The model does not reach the goal that was set for it."""


class ParityFailed(Refused):
    """An exported format does not answer like the model that it was written from."""


class SealedTest(Refused):
    """The test part was already looked at for this model line."""


class StorageFailed(KervanError):
    """Disk full, folder read-only, database unreachable."""


class Corrupted(KervanError):
    """Stored content does not match its hash, or the audit trail was altered."""


class MissingExtra(KervanError):
    """An optional part of Kervan is not installed."""

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(f"{module} is not installed", hint=f"pip install 'kervan[{extra}]'")
        self.module = module
        self.extra = extra

    def __reduce__(self) -> tuple[type[MissingExtra], tuple[str, str]]:
        return MissingExtra, (self.module, self.extra)


class MissingTool(KervanError):
    """A program that does part of the work, such as a compiler, is not installed."""


class BrokenPlugin(KervanError):
    """An adapter of another distribution cannot be loaded."""


class ServerFailed(KervanError):
    """A server did not start or did not answer."""


def first_line(error: BaseException) -> str:
    """Return what an error of a library says, without its surroundings; its kind if it says nothing.

    >>> first_line(ValueError("no such column\\n\\nResolved plan until failure: ...")), first_line(KeyError())
    ('no such column', 'KeyError')
    """
    lines = (line.strip() for line in str(error).splitlines())
    return next((line for line in lines if line), type(error).__name__)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest of `known`, or all of them when none is near.

    >>> did_you_mean("targt", ["source", "target"])
    'did you mean "target"?'
    >>> did_you_mean("C", ["c", "onnx"])
    'did you mean "c"?'
    >>> did_you_mean("x", ["source", "target"])
    'known: source, target'
    """
    names = sorted(known)
    near = nearest(name, names)
    if near:
        return f'did you mean "{near}"?'
    return f"known: {', '.join(names)}" if names else "there are none yet"


def nearest(name: str, known: Iterable[str], alike: float = 0.6) -> str:
    """Return the one of `known` that is written most like a name, "" if none is; 1 is as alike as can be.

    >>> nearest("Targt", ["source", "target"]), nearest("x", ["source", "target"])
    ('target', '')
    """
    folded = {each.casefold(): each for each in known}
    near = get_close_matches(name.casefold(), folded, n=1, cutoff=alike)
    return folded[near[0]] if near else ""
