"""The workspace's key: what it seals can only be read with it, and cannot be swapped unnoticed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.core.errors import Corrupted
from kervan.core.private import make_private
from kervan.store.blobs import flush_folder
from kervan.store.database import storage_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_FILE = "workspace.key"
_SIZE = 32
_NONCE = 12
_TAG = 16
_PIECE = 1 << 20


class Keys:
    """One secret of 32 bytes in a file that only its owner can read, made at first use."""

    def __init__(
        self,
        folder: Path,
        *,
        is_needed: Callable[[], bool] = lambda: False,
        made: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`is_needed` says that a key was used already, so that none may be made; `made` gets its print."""
        self._folder = folder
        self.path = folder / _FILE
        self.is_needed = is_needed
        self._made = made

    def derived(self, purpose: str) -> bytes:
        """Return a key of 32 bytes for one purpose (HKDF, RFC 5869), the same every time."""
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(SHA256(), _SIZE, salt=None, info=f"kervan {purpose}".encode()).derive(self._secret())

    def seal(self, content: bytes, context: str, *, own: bytes = b"") -> bytes:
        """Encrypt with AES-256-GCM in pieces of 1 MiB; `context` must be the same for opening.

        Each piece is bound to its place and to being the last, so that none can be moved or cut off. With an
        `own` key of 32 bytes it is for that one; without, for the workspace's.
        """
        starts = range(0, max(len(content), 1), _PIECE)
        pieces = (content[start : start + _PIECE] for start in starts)
        return b"".join(_sealed(pieces, len(content), context, own or self.derived("seal")))

    def seal_file(self, path: Path, to: Path, context: str, *, own: bytes = b"") -> None:
        """Encrypt a file into a new one as `seal` does, with one piece of it in memory at a time."""
        with path.open("rb") as plain, to.open("xb") as sealed:
            size = path.stat().st_size
            pieces = (plain.read(_PIECE) for _ in range(0, max(size, 1), _PIECE))
            for piece in _sealed(pieces, size, context, own or self.derived("seal")):
                sealed.write(piece)

    def open(self, sealed: bytes, context: str, *, own: bytes = b"") -> bytes:
        """Decrypt what `seal` wrote, or raise `Corrupted`."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        cipher = AESGCM(own or self.derived("seal"))
        width = _NONCE + _PIECE + _TAG
        starts = range(0, max(len(sealed), 1), width)
        opened = []
        try:
            for place, start in enumerate(starts):
                piece = sealed[start : start + width]
                bound = _bound(context, place, is_last=start + width >= len(sealed))
                opened.append(cipher.decrypt(piece[:_NONCE], piece[_NONCE:], bound))
        except (InvalidTag, ValueError) as error:
            raise Corrupted(
                f"{context} cannot be opened: it was altered, or the workspace's key is another one",
                hint=f"restore {self.path} from a backup",
            ) from error
        return b"".join(opened)

    @property
    def print(self) -> str:
        """What is told of the key, by which another one in its place is noticed."""
        return self.derived("print").hex()

    def opens(self, sealed: bytes, context: str) -> bool:
        """Say whether this key sealed something; no more than its first piece is looked at."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        width = _NONCE + _PIECE + _TAG
        bound = _bound(context, 0, is_last=len(sealed) <= width)
        try:
            AESGCM(self.derived("seal")).decrypt(sealed[:_NONCE], sealed[_NONCE:width], bound)
        except (InvalidTag, ValueError):
            return False
        return True

    def _secret(self) -> bytes:
        with storage_errors(str(self._folder)):
            is_there = self.path.exists()
            if not is_there and self.is_needed():
                raise Corrupted(
                    f"the workspace's key is gone: there is no {self.path}",
                    hint="restore it from a backup: what it sealed opens with no other, and others trust it",
                )
            is_mine = not is_there and self._make()
            secret = self.path.read_bytes()
        if len(secret) != _SIZE:
            raise Corrupted(f"{self.path} is no key", hint="restore it from a backup")
        if is_mine:
            self._made(self.print)
        return secret

    def _make(self) -> bool:
        """Make the key, and say whether it was this process that did."""
        make_private(self._folder)
        handle, temporary = tempfile.mkstemp(dir=self._folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(os.urandom(_SIZE))
                file.flush()
                os.fsync(file.fileno())
            # A link, not a rename: of several processes that start at once, one key wins.
            try:
                os.link(temporary, self.path)
            except FileExistsError:
                return False
        finally:
            Path(temporary).unlink()
        flush_folder(self._folder)
        return True


def _sealed(pieces: Iterable[bytes], size: int, context: str, key: bytes) -> Iterator[bytes]:
    """Encrypt the pieces of something of so many bytes."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    cipher = AESGCM(key)
    for place, piece in enumerate(pieces):
        nonce = os.urandom(_NONCE)
        bound = _bound(context, place, is_last=(place + 1) * _PIECE >= size)
        yield nonce + cipher.encrypt(nonce, piece, bound)


def _bound(context: str, place: int, *, is_last: bool) -> bytes:
    return f"{context}|{place}|{'last' if is_last else 'more'}".encode()
