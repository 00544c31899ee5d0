"""The file `kervan.toml`, read and written as a whole: nothing is written that could not be loaded."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.app.settings import check_settings
from kervan.core.errors import Conflict, InvalidConfig, NotFound, StorageFailed
from kervan.core.identity import sha256
from kervan.core.loading import FILE_NAME, load_config
from kervan.core.shown import MASK, shown, without_passwords
from kervan.store.events import Entry

if TYPE_CHECKING:
    from kervan.app.project import Project

EDITED = "edited settings"
_HIDDEN = re.compile(rf"[:=]{re.escape(MASK)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsFile:
    """What the file says; `hash` is that of its content."""

    text: str
    hash: str


def read_settings_file(project: Project) -> SettingsFile:
    """Return the project's `kervan.toml`, also one that cannot be loaded."""
    path = project.config.folder / FILE_NAME
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"there is no {FILE_NAME} here yet", hint="start a project: kervan init") from error
    except OSError as error:
        hint = "make it a file that you can read"
        raise StorageFailed(f"cannot read {FILE_NAME}: {error.strerror}", hint=hint) from error
    return SettingsFile(text=content.decode("utf-8-sig", errors="replace"), hash=sha256(content))


def write_settings_file(project: Project, text: str, *, seen: str, why: str = "") -> SettingsFile:
    """Replace `kervan.toml` by a text that can be loaded and used; on record.

    `seen` is the hash of what was edited: raises `Conflict` if somebody else changed it meanwhile, and
    `InvalidConfig` for settings that there are not, or that could not be used. Lines whose passwords were
    hidden from who edits stay as they are.
    """
    folder = project.config.folder
    before = read_settings_file(project)
    if before.hash != seen:
        raise Conflict(f"{FILE_NAME} was changed meanwhile", hint="load the page again, and edit it anew")
    content = "\n".join(_with_passwords(text, before.text)).encode() + b"\n"
    with tempfile.TemporaryDirectory(prefix=".kervan-settings-", dir=folder) as scratch:
        draft = Path(scratch) / FILE_NAME
        try:
            draft.write_bytes(content)
            check_settings(load_config(Path(scratch)))
            draft.chmod((folder / FILE_NAME).stat().st_mode)
            draft.replace(folder / FILE_NAME)
        except OSError as error:
            hint = "check the free space and permissions"
            raise StorageFailed(f"{FILE_NAME}: {error.strerror}", hint=hint) from error
    with project.store.catalog.transaction() as transaction:
        transaction.event(Entry(action=EDITED, subject=FILE_NAME, why=why, body={"content": sha256(content)}))
    return read_settings_file(project)


def _with_passwords(text: str, before: str) -> list[str]:
    """Return the lines of a text, those that hide passwords as they were before they were shown."""
    known = before.splitlines()
    hidden: dict[str, list[str]] = {}
    for line in known:
        if without_passwords(line) != line:
            hidden.setdefault(shown(line), []).append(line)
    lines = [hidden[line].pop(0) if hidden.get(line) else line for line in text.splitlines()]
    hiding = next((line for line in lines if line not in known and _HIDDEN.search(line)), None)
    if hiding is not None:
        raise InvalidConfig(
            f"the password in this line is hidden: {hiding.strip()}",
            hint="write it out, or leave the line as it was",
        )
    return lines
