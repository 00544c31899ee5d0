"""Room on the disk, and how to say so."""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from kervan.core.errors import StorageFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SPARE_BYTES = 64 << 20  # what stays free beside what is fetched
PIECE = 1 << 20
_LOOK_BYTES = 64 << 20  # after so many the room that is left is looked at again

_HINT = "free some space, or set TMPDIR to a folder on a larger disk"


def check_space(size: int, folder: Path, *, hint: str = _HINT) -> None:
    """Raise `StorageFailed`, with figures, unless `folder` has room for `size` bytes and some to spare."""
    free = shutil.disk_usage(folder).free
    if free < size + SPARE_BYTES:
        raise StorageFailed(
            f"the copy needs {(size + SPARE_BYTES) / 1e6:,.0f} MB in {folder}, {free / 1e6:,.0f} MB are free",
            hint=hint,
        )


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn a disk that is full into an error that says what to do."""
    try:
        yield
    except OSError as error:
        raise StorageFailed(f"cannot write to {folder}: {error.strerror or error}", hint=_HINT) from error


def poured(read: Callable[[int], bytes], target: IO[bytes], told: Callable[[int], None]) -> int:
    """Copy a stream in pieces and return its size in bytes; `told` hears after each piece how many came."""
    size = 0
    while piece := read(PIECE):
        with writing(Path(target.name).parent):
            size += target.write(piece)
        told(size)
    return size


def write_all(pieces: Iterable[bytes], path: Path) -> None:
    """Write a file of unknown size, or raise `StorageFailed` before the disk is full."""
    unlooked = _LOOK_BYTES
    with path.open("wb") as file:
        for piece in pieces:
            unlooked += len(piece)
            if unlooked >= _LOOK_BYTES:
                check_space(unlooked, path.parent)
                unlooked = 0
            with writing(path.parent):
                file.write(piece)


def free_memory() -> int | None:
    """Return the bytes of memory that programs may still take, None where the system does not say."""
    try:
        told = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(r"^MemAvailable:\s+(\d+) kB", told, re.MULTILINE)
    return int(found[1]) << 10 if found else None


def amount(size: int) -> str:
    """Write a number of bytes for people.

    >>> amount(300), amount(1_234_567)
    ('300 bytes', '1.2 MB')
    """
    return f"{size:,} bytes" if size < 100_000 else f"{size / 1e6:,.1f} MB"
