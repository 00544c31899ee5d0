"""Reading compressed streams piece by piece, under a budget."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

from kervan.core.errors import Corrupted
from kervan.core.plugins import extras_named

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import WriteableBuffer

    from kervan.package.safety.limits import Budget

_PIECE = 1 << 16
_XZ_MEMORY = 36 << 20  # what unpacking preset 8 takes; a header can ask for gigabytes
_ZSTD_WINDOW = 1 << 23  # what the format's own description asks every reader to have

COMPRESSIONS = {
    "gzip": (b"\x1f\x8b\x08",),
    "bzip2": (b"BZh",),
    "xz": (b"\xfd7zXZ\x00",),
    "lzma": (b"\x5d\x00\x00",),
    "zstd": (b"\x28\xb5\x2f\xfd",),
    "lz4": (b"\x04\x22\x4d\x18",),
    "zlib": (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"),
}


class Readable(Protocol):
    """Anything that gives bytes in order."""

    def read(self, size: int = ..., /) -> bytes:
        """Return at most `size` bytes, none at the end."""


def compression(head: bytes) -> str:
    """Return the name of the compression that a file with this beginning has, or ""."""
    for name, marks in COMPRESSIONS.items():
        if head.startswith(marks):
            return name
    return ""


def unpacked(stream: Readable, name: str, budget: Budget) -> io.BufferedReader:
    """Return the stream behind a compressed one; every byte that is read counts in the budget.

    Raises `MissingExtra` where the library for this compression is absent. Reading raises `Refused` past
    a limit, `Corrupted` where the stream is broken.
    """
    raw = _Zstd(stream, budget) if name == "zstd" else _Unpacked(stream, name, budget)
    return io.BufferedReader(raw, _PIECE)


class _Unpacked(io.RawIOBase):
    def __init__(self, stream: Readable, name: str, budget: Budget) -> None:
        self._stream, self._name, self._budget = stream, name, budget
        self._unpacker = _UNPACKERS[name]()
        self._packed = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, target: WriteableBuffer) -> int:
        view = memoryview(target).cast("B")
        while not self._ended:
            try:
                found = self._step(min(len(view), _PIECE))
            except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, RuntimeError) as error:
                raise _broken(self._budget, self._name, str(error)) from error
            if found:
                self._budget.produce(len(found))
                view[: len(found)] = found
                return len(found)
        return 0

    def _step(self, most: int) -> bytes:
        """Unpack a little; the packed bytes that are left over are kept."""
        unpacker = self._unpacker
        if unpacker.eof:
            self._packed = unpacker.unused_data or self._stream.read(_PIECE)
            if compression(self._packed) != self._name:
                self._ended = True
                if self._packed.strip(b"\0"):
                    raise _broken(self._budget, self._name, "something else follows it")
                return b""
            self._unpacker = unpacker = _UNPACKERS[self._name]()
        elif not self._packed and unpacker.needs_input:
            self._packed = self._stream.read(_PIECE)
            if not self._packed:
                raise _broken(self._budget, self._name, "it ends early")
        found: bytes = unpacker.decompress(self._packed, most)
        self._packed = b""
        return found


class _Zlib:
    """zlib's object in the clothes of the other decompressors."""

    def __init__(self, bits: int) -> None:
        self._inner = zlib.decompressobj(bits)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    def decompress(self, packed: bytes, most: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + packed, most)


class _Zstd(io.RawIOBase):
    """zstandard's reader: its other interface cannot bound what one call gives."""

    def __init__(self, stream: Readable, budget: Budget) -> None:
        with extras_named():
            import zstandard

        self._error = zstandard.ZstdError
        self._budget = budget
        self._inner = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).stream_reader(
            cast("IO[bytes]", stream), read_size=_PIECE
        )

    def readable(self) -> bool:
        return True

    def readinto(self, target: WriteableBuffer) -> int:
        view = memoryview(target).cast("B")
        try:
            count = self._inner.readinto(view[:_PIECE])
        except self._error as error:
            raise _broken(self._budget, "zstd", str(error)) from error
        self._budget.produce(count)
        return int(count)


def _broken(budget: Budget, name: str, why: str) -> Corrupted:
    return Corrupted(f"{budget.path}: a {name} stream is broken: {why}", hint="fetch the file again")


def _lz4() -> Any:
    with extras_named():
        import lz4.frame

    return lz4.frame.LZ4FrameDecompressor()


_UNPACKERS: dict[str, Callable[[], Any]] = {
    "gzip": lambda: _Zlib(31),
    "zlib": lambda: _Zlib(15),
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY),
    "lzma": lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_XZ_MEMORY),
    "lz4": _lz4,
}
