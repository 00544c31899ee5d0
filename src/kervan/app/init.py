"""A new project: a `kervan.toml` to edit, and nothing else."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from kervan.core.errors import Conflict, StorageFailed
from kervan.core.identity import check_name
from kervan.core.loading import FILE_NAME
from kervan.core.toml import toml_value

_TEMPLATE = """\
# Every setting with its value: `kervan settings`. All of them have defaults.

[project]
name = {name}

[data]
source = {source}    # the table's file, relative to this one
target = {target}    # the column to predict

[model]
# goal = {{ metric = "roc_auc", at_least = 0.9 }}   # no model below it is registered

[release]
to = "production"    # leave this table out to end with the registered model
"""
_IGNORED = ".kervan/\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProject:
    """The files that were written."""

    folder: Path
    files: tuple[str, ...]


def init(folder: Path, *, name: str = "", source: str = "data.csv", target: str = "target") -> NewProject:
    """Write a `kervan.toml`, and a `.gitignore` where there is none; an existing project is left alone.

    A `source` that is a file here, and none in the folder, is written as it is seen from there.
    """
    path = folder / FILE_NAME
    if path.exists():
        raise Conflict(f"{path} exists already", hint="edit it, or choose another folder")
    chosen = check_name(name or folder.resolve().name, "a project")
    named = seen_from(folder, source)
    text = _TEMPLATE.format(name=toml_value(chosen), source=toml_value(named), target=toml_value(target))
    files = {FILE_NAME: text}
    if not (folder / ".gitignore").exists():
        files[".gitignore"] = _IGNORED
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            (folder / file).write_text(content, encoding="utf-8")
    except OSError as error:
        raise StorageFailed(
            f"{error.filename or folder}: {error.strerror}", hint="choose another folder"
        ) from error
    return NewProject(folder=folder, files=tuple(files))


def seen_from(folder: Path, source: str) -> str:
    """Return how a source is written in a folder: files that are here, and not there, as seen from there."""
    if "://" in source or Path(source).is_absolute():
        return source
    if is_there(folder, source) or not is_there(Path(), source):
        return source
    return Path(os.path.relpath(source, folder)).as_posix()


def is_there(folder: Path, source: str) -> bool:
    """Whether a source, which may be a pattern, names files or a folder as seen from a folder."""
    if (folder / source).exists():
        return True
    return any(sign in source for sign in "*?[") and any(folder.glob(source))
