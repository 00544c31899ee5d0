"""Before there is a project: the table files in a folder, what is in one, and one that somebody brings."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import category, normalize

from kervan.core.config import DataSettings
from kervan.core.errors import InvalidInput, NotFound, StorageFailed, did_you_mean
from kervan.core.identity import sha256_file
from kervan.core.nouns import Finding
from kervan.core.schema import Type
from kervan.data.columns import infer_schema
from kervan.data.guess import guess_target, no_target
from kervan.data.ingest import load
from kervan.data.sources.find import find_source
from kervan.data.target import task_of, values_of, why_task
from kervan.flow.table import as_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import polars as pl

    from kervan.core.schema import Column

MOST_BYTES = 2 << 30
_DEEPEST = 2
_MOST_FILES = 500
_LONGEST = 120  # bytes of a name: with a number and a mark of being unfinished it still fits every disk
_EXAMPLES = 3
_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFile:
    """A file that can be read as a table; its name is relative to the folder."""

    name: str
    size: int
    time: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFile:
    """A file that somebody brought, under the name that it got; `is_new` unless it was there already."""

    name: str
    size: int
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSeen:
    """A column of a table file; `no_target` says why it cannot be predicted, "" if it can."""

    name: str
    type: Type
    missing: int
    missing_share: float
    distinct: int
    examples: tuple[str, ...]
    no_target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSeen:
    """What is in a table file, and which column is probably to be predicted ("" if none can be)."""

    name: str
    rows: int
    columns: tuple[ColumnSeen, ...]
    target: str
    target_why: str
    task: str
    task_why: str
    warnings: tuple[Finding, ...]


def table_files(folder: Path) -> tuple[TableFile, ...]:
    """Return the files in a folder, and in the folders in it, that can be read as tables, by name.

    Hidden ones and links to folders are passed over.
    """
    found = (_table_file(folder, path) for path in _walk(folder, _DEEPEST))
    return tuple(sorted((each for each in found if each is not None), key=lambda each: each.name))


def look_into(folder: Path, name: str, settings: DataSettings | None = None) -> TableSeen:
    """Read one of the table files in a folder and say what is in it; nothing is kept.

    Raises `NotFound` for a name that `table_files` does not give, and what reading a source raises.
    """
    known = [each.name for each in table_files(folder)]
    if name not in known:
        raise NotFound(f"there is no table file {name!r} here", hint=did_you_mean(name, known))
    chosen = settings or DataSettings()
    loaded = load(name, folder, chosen)
    table = loaded.table
    schema = infer_schema(table, chosen)
    columns = tuple(_seen(table, column) for column in schema)
    target, why = guess_target(table, [each.name for each in columns if not each.no_target])
    values = values_of(table, target) if target else None
    return TableSeen(
        name=name,
        rows=table.height,
        columns=columns,
        target=target,
        target_why=why,
        task=task_of(values) if values else "",
        task_why=why_task(values)[0] if values else "",
        warnings=loaded.warnings,
    )


def keep_table(folder: Path, name: str, pieces: Iterable[bytes], *, most: int = MOST_BYTES) -> KeptFile:
    """Keep a table file that somebody brings, in a folder, under a safe name like the one that it had.

    What is there already is never written over: the same content is left as it is, other content gets a
    number. Raises `InvalidInput` for an empty file, one of more than `most` bytes, or one that is no table by
    its name.
    """
    safe = safe_name(name)
    find_source(safe)
    try:
        handle, place = tempfile.mkstemp(prefix=f".{safe}.", dir=folder)
        unfinished = Path(place)
        try:
            size = _write(handle, pieces, safe, most)
            return _named(unfinished, folder, safe, size)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise StorageFailed(
            f"cannot write {safe} into {folder}: {error.strerror}",
            hint="check the free space and permissions",
        ) from error


def safe_name(name: str) -> str:
    """Return a name of letters, digits, dashes, underscores and dots that is no path and not hidden.

    >>> safe_name("../../etc/müşteri verisi (1).csv"), safe_name(r"C:\\Users\\x\\.env.csv")
    ('müşteri-verisi-1.csv', 'env.csv')
    """
    last = re.split(r"[/\\]", normalize("NFC", name))[-1]
    plain = "".join(letter if category(letter)[0] in "LMN" or letter in "._" else "-" for letter in last)
    plain = re.sub(r"-*\.+-*", ".", re.sub(r"-+", "-", plain)).lstrip(".-_").rstrip(".-")
    while len(plain.encode()) > _LONGEST:
        plain = plain[1:].lstrip(".-_")
    if not plain:
        raise InvalidInput(f"{name!r} cannot name a file", hint="use letters and digits, such as sales.csv")
    return plain


def _walk(folder: Path, deep: int) -> Iterator[Path]:
    for entry in _entries(folder):
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            if deep > 1:
                with suppress(StorageFailed):  # what is not ours to read holds no table for us
                    yield from _walk(Path(entry.path), deep - 1)
        elif _is_file(entry):
            yield Path(entry.path)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads round in a circle
        return False


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda each: each.name)
    except OSError as error:
        hint = "is the folder still there? see its name and permissions"
        raise StorageFailed(f"cannot read {folder}: {error.strerror}", hint=hint) from error


def _table_file(folder: Path, path: Path) -> TableFile | None:
    name = path.relative_to(folder).as_posix()
    try:
        find_source(name)
        status = path.stat()
    except (InvalidInput, OSError):
        return None
    return TableFile(name=name, size=status.st_size, time=status.st_mtime)


def _seen(table: pl.DataFrame, column: Column) -> ColumnSeen:
    values = table[column.name]
    present = values.drop_nulls()
    examples = as_texts(present.unique(maintain_order=True).head(_EXAMPLES)).to_list()
    return ColumnSeen(
        name=column.name,
        type=column.type,
        missing=values.null_count(),
        missing_share=values.null_count() / max(1, len(values)),
        distinct=present.n_unique(),
        examples=tuple(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…" for text in examples),
        no_target=no_target(table, column.name),
    )


def _write(handle: int, pieces: Iterable[bytes], name: str, most: int) -> int:
    size = 0
    with os.fdopen(handle, "wb") as file:
        for piece in pieces:
            size += len(piece)
            if size > most:
                raise InvalidInput(
                    f"{name} has more than {most:,} bytes",
                    hint="copy it into the project's folder yourself, or raise the limit",
                )
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    if not size:
        raise InvalidInput(f"{name} is empty", hint="choose a file with a header and rows")
    return size


def _named(unfinished: Path, folder: Path, name: str, size: int) -> KeptFile:
    """Give a finished file its name, or another number where something else has it."""
    digest = sha256_file(unfinished)
    for candidate in _numbered(name):
        path = folder / candidate
        try:
            os.link(unfinished, path)
        except FileExistsError:
            if path.is_file() and not path.is_symlink() and sha256_file(path) == digest:
                return KeptFile(name=candidate, size=size, is_new=False)
            continue
        return KeptFile(name=candidate, size=size, is_new=True)
    raise InvalidInput(f"there are too many files called {name}", hint="give it another name")


def _numbered(name: str) -> Iterator[str]:
    stem, dot, endings = name.partition(".")
    yield name
    for number in range(2, _MOST_FILES):
        yield f"{stem}-{number}{dot}{endings}"
