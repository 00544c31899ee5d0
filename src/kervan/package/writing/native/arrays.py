"""`arrays.bin`: numpy arrays one after the other, little-endian, without anything that could be run."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted, Refused
from kervan.core.plugins import extras_named
from kervan.package.writing.native.graph import Entry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from io import BufferedReader
    from pathlib import Path

    from numpy.typing import NDArray

_ALIGNED = 64
_MOST_DIMENSIONS = 32
_LARGEST_UNIT = 1 << 16  # bytes of one text
_NUMBERS = {"|b1", "|i1", "|u1", *(f"<{kind}{size}" for kind in "iu" for size in (2, 4, 8))}
_NUMBERS |= {"<f2", "<f4", "<f8", "<c8", "<c16"}
_TIMES = {f"<{kind}8[{unit}]" for kind in "mM" for unit in ("D", "h", "m", "s", "ms", "us", "ns")}


@cache
def records() -> dict[str, np.dtype[Any]]:
    """Return the layouts of scikit-learn's records, by the name that we give them."""
    with extras_named():
        from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
        from sklearn.tree._tree import NODE_DTYPE

    return {"tree": np.dtype(NODE_DTYPE), "boosting": np.dtype(PREDICTOR_RECORD_DTYPE)}


def describe(array: NDArray[Any]) -> tuple[Entry, NDArray[Any]]:
    """Return an array's entry and its content as it will be written. Raises `Refused` for other contents."""
    name = _name(array.dtype)
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    plain = np.asarray(array, order="F" if fortran else "C")
    plain = _without_gaps(plain) if name in records() else plain.astype(name, copy=False)
    return Entry(dtype=name, shape=list(array.shape), fortran=fortran), plain


def dtype_of(name: str) -> np.dtype[Any]:
    """Return the dtype that an entry names, or raise `Corrupted`."""
    if name in _NUMBERS or name in _TIMES:
        return np.dtype(name)
    if name in records():
        return records()[name]
    kind, size = name[:2], name[2:]
    if kind in {"<U", "|S"} and size.isascii() and size.isdigit() and len(size) < 6:
        found = np.dtype(name)
        if 0 < found.itemsize <= _LARGEST_UNIT:
            return found
    raise Corrupted(f"arrays of {name[:40]!r} are unknown", hint="fetch the package again")


def write_arrays(path: Path, arrays: Sequence[NDArray[Any]]) -> None:
    """Write the arrays, each at a multiple of 64 bytes."""
    with path.open("wb") as file:
        for array in arrays:
            file.write(bytes(-file.tell() % _ALIGNED))
            file.write(_bytes(array.ravel(order="K")).data)


def read_arrays(path: Path, entries: Sequence[Entry]) -> list[NDArray[Any]]:
    """Read the arrays that the entries announce; nothing is allocated before all sizes fit the file.

    Raises `Corrupted` where they do not, or where a content is none of its dtype.
    """
    try:
        with path.open("rb") as file:
            found = [dtype_of(entry.dtype) for entry in entries]
            end = 0
            for entry, dtype in zip(entries, found, strict=True):
                end += -end % _ALIGNED + _size(entry, dtype)
            if end != file.seek(0, 2):
                raise Corrupted(f"{path} has another size than its arrays", hint="fetch the package again")
            file.seek(0)
            return [_read(file, entry, dtype) for entry, dtype in zip(entries, found, strict=True)]
    except FileNotFoundError as error:
        raise Corrupted(f"{path} is missing", hint="fetch the package again") from error


def _bytes(flat: NDArray[Any]) -> NDArray[np.uint8]:
    return flat.view(np.uint8) if flat.size else np.empty(0, dtype=np.uint8)


def _name(dtype: np.dtype[Any]) -> str:
    for name, layout in records().items():
        if dtype == layout:
            return name
    little = dtype.newbyteorder("<").str
    if dtype.kind in "US":
        return little if dtype.itemsize else f"{little[:2]}1"
    if little in _NUMBERS or little in _TIMES:
        return little
    raise Refused(f"the model holds an array of {dtype}", hint="choose a portable format, such as onnx")


def _without_gaps(array: NDArray[Any]) -> NDArray[Any]:
    """Return the records with zeros between their fields, so that equal models give equal files."""
    clean = np.zeros(array.shape, dtype=array.dtype)
    for name in array.dtype.names or ():
        clean[name] = array[name]
    return clean


def _size(entry: Entry, dtype: np.dtype[Any]) -> int:
    if len(entry.shape) > _MOST_DIMENSIONS or any(not 0 <= count < 1 << 48 for count in entry.shape):
        raise Corrupted(f"no array has the shape {entry.shape[:8]}", hint="fetch the package again")
    return math.prod(entry.shape) * dtype.itemsize


def _read(file: BufferedReader, entry: Entry, dtype: np.dtype[Any]) -> NDArray[Any]:
    file.seek(-file.tell() % _ALIGNED, 1)
    flat = np.empty(math.prod(entry.shape), dtype=dtype)
    if file.readinto(_bytes(flat).data) != flat.nbytes:
        raise Corrupted("an array ends early", hint="fetch the package again")
    _check_content(flat, entry.dtype)
    return flat.reshape(entry.shape, order="F" if entry.fortran else "C")


def _check_content(flat: NDArray[Any], name: str) -> None:
    """Check what numpy takes for granted: booleans are 0 or 1, texts hold letters."""
    if not flat.size:
        return
    if name == "|b1" and flat.view(np.uint8).max() > 1:
        raise Corrupted("an array of booleans holds something else", hint="fetch the package again")
    if name.startswith("<U") and flat.view(np.uint32).max() > 0x10FFFF:
        raise Corrupted("an array of texts holds something else", hint="fetch the package again")
