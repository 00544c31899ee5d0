"""Keys that can be destroyed, one for each name: of a person, or of a kept original."""

from __future__ import annotations

import hmac
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kervan.core.errors import Corrupted
from kervan.core.private import write_private
from kervan.store.database import storage_errors
from kervan.store.lock import one_at_a_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

_SIZE = 32
_ENTRY = 2 * _SIZE


class Ring:
    """Random keys of 32 bytes by name, in 16 files that only their owner can read.

    A name is not kept, only its HMAC under `secret`. What was made with a destroyed key cannot be made or
    read again; copies of the folder, such as backups, still hold the key.
    """

    def __init__(self, folder: Path, *, secret: Callable[[], bytes]) -> None:
        self.folder = folder
        self._secret = secret

    def keys(self, names: Iterable[str]) -> dict[str, bytes]:
        """Return the key of each name; it is made, and durable, if there is none yet."""
        with self._alone():
            found: dict[str, bytes] = {}
            for path, marks in self._by_file(names).items():
                known = _read(path)
                fresh = {mark: os.urandom(_SIZE) for mark in marks if mark not in known}
                if fresh:
                    known |= fresh
                    write_private(path, _written(known))
                found |= {name: known[mark] for mark, name in marks.items()}
            return found

    def holds(self, name: str) -> bool:
        """Say whether a name has a key."""
        ((path, marks),) = self._by_file([name]).items()
        with storage_errors(str(self.folder)):
            return next(iter(marks)) in _read(path)

    def destroy(self, names: Iterable[str]) -> int:
        """Destroy the keys of some names, and return how many there were."""
        gone = 0
        with self._alone():
            for path, marks in self._by_file(names).items():
                known = _read(path)
                left = {mark: key for mark, key in known.items() if mark not in marks}
                if len(left) < len(known):
                    gone += len(known) - len(left)
                    write_private(path, _written(left))
        return gone

    def _by_file(self, names: Iterable[str]) -> dict[Path, dict[bytes, str]]:
        """Return for each file the marks of the names whose keys lie there."""
        secret = self._secret()
        found: dict[Path, dict[bytes, str]] = {}
        for name in names:
            mark = hmac.digest(secret, name.encode(), "sha256")
            found.setdefault(self.folder / f"{mark[0] >> 4:x}.keys", {})[mark] = name
        return found

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from the files meanwhile."""
        with storage_errors(str(self.folder)), one_at_a_time(self.folder / ".lock"):
            yield


def _read(path: Path) -> dict[bytes, bytes]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    if len(content) % _ENTRY:
        raise Corrupted(f"{path} holds no keys", hint="restore it from a backup")
    entries = (content[start : start + _ENTRY] for start in range(0, len(content), _ENTRY))
    return {entry[:_SIZE]: entry[_SIZE:] for entry in entries}


def _written(keys: dict[bytes, bytes]) -> bytes:
    return b"".join(mark + key for mark, key in sorted(keys.items()))
