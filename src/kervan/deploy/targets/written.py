"""What a target notes about the files that it rendered, and the copy of those that were applied last.

`release.json` lies beside the rendered files: whoever applies or removes them needs no reader of YAML. After
they were applied they are kept in `.applied`, from which they come back if the next ones are refused.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import msgspec

from kervan.core.errors import Corrupted, NotFound, StorageFailed
from kervan.core.private import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kervan.deploy.workload import Workload

NOTE = "release.json"
APPLIED = ".applied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One version in a place: how it is called there, its image, and its share of the traffic in percent."""

    label: str
    version: str
    image: str
    percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What was rendered: names, versions, files; `objects` and `facts` are the target's own."""

    target: str
    name: str
    environment: str
    deployment: str
    parts: tuple[Part, ...] = ()
    files: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)


def note_of(
    workload: Workload,
    target: str,
    *,
    name: str = "",
    objects: tuple[str, ...] = (),
    facts: Mapping[str, str] | None = None,
) -> Note:
    """Return the note of a release; without a `name` of its own it is called like the workload."""
    return Note(
        target=target,
        name=name or workload.name,
        environment=workload.environment,
        deployment=workload.deployment,
        parts=tuple(
            Part(label=each.label, version=each.manifest.version, image=each.image, percent=each.percent)
            for each in workload.units
        ),
        objects=objects,
        facts=dict(facts or {}),
    )


def with_note(files: Mapping[PurePath, str], note: Note) -> dict[PurePath, str]:
    """Return rendered files with the note that names them."""
    return {**files, PurePath(NOTE): _text(note, tuple(sorted(map(str, files))))}


def _text(note: Note, files: tuple[str, ...]) -> str:
    values = {**msgspec.to_builtins(note), "files": files}
    return msgspec.json.format(msgspec.json.encode(values), indent=2).decode() + "\n"


def read_note(folder: Path) -> Note:
    """Read what was rendered into a folder, or raise `NotFound` or `Corrupted`."""
    path = folder / NOTE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Note)
    except OSError as error:
        raise NotFound(f"cannot read {path}: {error.strerror}", hint="render the release first") from error
    except msgspec.MsgspecError as error:
        raise Corrupted(
            f"{path} is not as it was written: {error}", hint="render the release again"
        ) from error


def keep(folder: Path) -> None:
    """Keep a copy of the rendered files, which are those that were applied."""
    _replace(folder, folder / APPLIED)


def applied(folder: Path) -> Path | None:
    """Return the folder of what was applied last, None if nothing was."""
    return folder / APPLIED if (folder / APPLIED / NOTE).is_file() else None


def applied_note(folder: Path) -> Note | None:
    """Return the note of what was applied last, None if nothing was."""
    before = applied(folder)
    return None if before is None else read_note(before)


def bring_back(folder: Path) -> Path | None:
    """Let the rendered files be those that were applied last, and return their folder if there are any."""
    before = applied(folder)
    if before is not None:
        _replace(before, folder)
    return before


def forget(folder: Path) -> None:
    """Nothing is applied any more."""
    shutil.rmtree(folder / APPLIED, ignore_errors=True)


def _replace(source: Path, goal: Path) -> None:
    """Copy rendered files; the note comes last, so that what it names is there."""
    try:
        for name in (*read_note(source).files, NOTE):
            write_private(goal / name, (source / name).read_bytes())
    except OSError as error:
        raise StorageFailed(f"cannot copy {source} to {goal}: {error.strerror}") from error
