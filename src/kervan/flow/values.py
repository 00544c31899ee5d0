"""What steps hand on: JSON, tables, arrays and folders, kept by content. Nothing that could execute code."""

from __future__ import annotations

import io
import math
import shutil
import tempfile
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import Corrupted, InvalidInput
from kervan.core.identity import sha256_file
from kervan.core.private import make_private, write_private
from kervan.flow.pieces import pieces_of, read_whole
from kervan.flow.table import from_parquet, to_parquet
from kervan.store.events import canonical
from kervan.store.lock import one_at_a_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from kervan.store.open import Store

_KEPT = "give JSON, a dataclass, a Polars table, a NumPy array, bytes or the Path of a folder"
CACHE = "cache"
_scratch: ContextVar[Path | None] = ContextVar("kervan_scratch", default=None)


@dataclass(frozen=True, slots=True)
class Value:
    """A stored value: the hash of its content and its form: json, table, pieces, array, bytes or folder.

    A folder's content is the list of its files, that of a table in `pieces` the list of these, each stored by
    its own hash.
    """

    form: str
    hash: str


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    sha256: str


def scratch() -> Path:
    """Return an empty folder; a step that writes into it and returns it gets it stored and cleared away."""
    return Path(tempfile.mkdtemp(dir=_scratch.get()))


@contextmanager
def scratch_space() -> Iterator[None]:
    """Give the `scratch` folders made meanwhile a home that is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="kervan-") as folder:
        token = _scratch.set(Path(folder))
        try:
            yield
        finally:
            _scratch.reset(token)


def save(value: Any, store: Store) -> Value:
    """Store a value and return what stands for it."""
    if isinstance(value, Value):
        return value
    if isinstance(value, Path):
        return Value("folder", _save_folder(value, store))
    if isinstance(value, bytes):
        return Value("bytes", store.blobs.put_bytes(value))
    form, write = _FORMS.get(type(value).__module__.partition(".")[0], ("json", _json_to_bytes))
    try:
        content = write(value)
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        raise InvalidInput(f"a {type(value).__name__} cannot be kept: {error}", hint=_KEPT) from error
    return Value(form, store.blobs.put_bytes(content))


def identity(value: Any, store: Store, what: str) -> str:
    """Return a text that stands for the content of a value; equal contents give equal texts."""
    try:
        return canonical(_stand_in(value, store)).decode()
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(f"{what} has no content that could be compared: {error}", hint=_KEPT) from error


def _stand_in(value: Any, store: Store) -> Any:
    if isinstance(value, Path | bytes) or type(value).__module__.partition(".")[0] in _FORMS:
        return save(value, store)
    if isinstance(value, list | tuple):
        return [_stand_in(item, store) for item in value]
    if isinstance(value, dict):
        return {key: _stand_in(item, store) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return Value("float", str(value))  # JSON would write them all as null
    return value


def load(value: Value, store: Store, kind: Any = Any) -> Any:
    """Read a stored value; `kind` is the type to make of JSON."""
    if value.form == "folder":
        return _load_folder(value.hash, store)
    if value.form == "pieces":
        return read_whole(value.hash, store.blobs)
    content = store.blobs.read_bytes(value.hash)
    if value.form == "bytes":
        return content
    if value.form == "table":
        return from_parquet(content)
    if value.form == "array":
        return _array_from_bytes(content)
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        raise Corrupted(f"a stored value is no {kind}: {error}", hint="run the step again") from error


def blobs_of(value: Value, store: Store) -> tuple[str, ...]:
    """Return the hashes of all stored files that a value needs."""
    if value.form == "pieces":
        return (value.hash, *pieces_of(value.hash, store.blobs))
    if value.form != "folder":
        return (value.hash,)
    return (value.hash, *(file.sha256 for file in _listing(value.hash, store)))


def materialise(files: dict[str, str], name: str, store: Store) -> Path:
    """Lay stored files (path → hash) into a folder of the workspace's cache, once, and return it."""
    cache = store.root / CACHE
    target = cache / name
    if target.is_dir() and not difference(target, files):
        return target
    make_private(cache)
    fresh = Path(tempfile.mkdtemp(dir=cache))
    for path, digest in files.items():
        write_private(fresh / path, store.blobs.read_bytes(digest))
    with one_at_a_time(cache / ".lock"):
        if target.is_dir() and not difference(target, files):  # another process was faster
            shutil.rmtree(fresh)
        else:
            if target.is_symlink() or target.is_file():
                target.unlink()
            shutil.rmtree(target, ignore_errors=True)
            fresh.rename(target)
    return target


def difference(folder: Path, files: Mapping[str, str]) -> str:
    """Return the first file (path → hash) that is not in a folder as it was laid there, "" if all are."""
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    changed = (path for path in sorted(there & files.keys()) if sha256_file(folder / path) != files[path])
    return next(iter(sorted(there ^ files.keys())), "") or next(changed, "")


def listing(digest: str, store: Store) -> dict[str, str]:
    """Return the files (path → hash) of a stored folder."""
    return {file.path: file.sha256 for file in _listing(digest, store)}


def _save_folder(folder: Path, store: Store) -> str:
    if not folder.is_dir():
        raise InvalidInput(
            f"{folder} is no folder", hint="put the file into a folder, and give that one's Path"
        )
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    listing = [_File(path.relative_to(folder).as_posix(), store.blobs.put_file(path)) for path in paths]
    return store.blobs.put_bytes(canonical(listing))


def _load_folder(digest: str, store: Store) -> Path:
    return materialise(listing(digest, store), digest, store)


def _listing(digest: str, store: Store) -> list[_File]:
    return msgspec.json.decode(store.blobs.read_bytes(digest), type=list[_File])


def _json_to_bytes(value: Any) -> bytes:
    content = canonical(value)
    if b"null" in content and not _is_finite(msgspec.to_builtins(value)):
        raise ValueError("JSON has no NaN and no infinity; give None where a number is missing")
    return content


def _is_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _array_to_bytes(array: NDArray[Any]) -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _array_from_bytes(content: bytes) -> NDArray[Any]:
    import numpy as np

    array: NDArray[Any] = np.load(io.BytesIO(content), allow_pickle=False)
    return array


# The libraries whose values have a form of their own.
_FORMS: dict[str, tuple[str, Callable[[Any], bytes]]] = {
    "polars": ("table", to_parquet),
    "numpy": ("array", _array_to_bytes),
}
