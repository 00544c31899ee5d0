"""Files that take the encoded matrix carry the coding that they were written with: their own signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from kervan.core.errors import Corrupted, InvalidInput
from kervan.core.schema import Signature, Type
from kervan.package.encoding import NUMBER, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from kervan.core.ports import Matrix

FILE = "signature.json"  # beside files that have no place for it inside

_CHUNK = 1024  # rows scored at once: bounds the memory of distances and trees


def signature_text(signature: Signature) -> str:
    """Write a signature as JSON: the same signature always gives the same text."""
    return msgspec.json.encode(signature, order="deterministic").decode()


def read_signature(text: str | bytes, where: str) -> Signature:
    """Read what `signature_text` wrote, or raise `Corrupted` that names `where` it is from."""
    try:
        return msgspec.json.decode(text, type=Signature)
    except (msgspec.DecodeError, UnicodeDecodeError, InvalidInput, RecursionError) as error:
        raise Corrupted(f"{where} has no signature: {error}", hint="fetch the package again") from error


def write_beside(signature: Signature, folder: Path) -> None:
    """Write a signature as `signature.json` into the folder."""
    (folder / FILE).write_text(signature_text(signature), encoding="utf-8")


def read_beside(folder: Path) -> Signature:
    """Read `signature.json` in the folder, or raise `Corrupted`."""
    try:
        return read_signature((folder / FILE).read_bytes(), str(folder / FILE))
    except OSError as error:
        raise Corrupted(f"{folder} has no {FILE}", hint="fetch the package again") from error


class CodedPredictor:
    """Scores rows that one signature codes by a file that another one codes: the file's `own`.

    `score` gets rows as the file codes them, shape (rows, inputs), in float32 for a `single` one, at least
    one and at most 1,024 at once. It returns numbers of shape (rows, outputs). Raises `Corrupted` if the
    file takes other columns or gives other answers than the signature says; only the order of categories may
    be its own.
    """

    def __init__(
        self,
        own: Signature,
        signature: Signature,
        score: Callable[[NDArray[Any]], NDArray[np.floating]],
        *,
        where: str,
        single: bool = False,
    ) -> None:
        if _columns(own) != _columns(signature) or own.output != signature.output:
            raise Corrupted(
                f"{where} takes or gives something else than its signature says",
                hint="package the model again",
            )
        self._own_codes = {
            place: _translation(asked.allowed, column.allowed)
            for place, (asked, column) in enumerate(zip(signature.inputs, own.inputs, strict=True))
            if column.allowed != asked.allowed
        }
        self._width = len(signature.output.allowed) if signature.is_classification else 1
        self._score = score
        self._kind = np.float32 if single else NUMBER
        self._where = where

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score an encoded matrix of shape (rows, inputs)."""
        parts = [np.empty((0, self._width))]
        for start in range(0, len(matrix), _CHUNK):
            rows = np.ascontiguousarray(matrix[start : start + _CHUNK], dtype=self._kind)
            answers = np.asarray(self._score(self._coded(rows)), dtype=np.float64)
            if answers.shape != (len(rows), self._width):
                raise Corrupted(
                    f"{self._where} gives answers of shape {answers.shape} for {len(rows)} rows",
                    hint="fetch the package again",
                )
            parts.append(answers)
        return np.concatenate(parts)

    def _coded(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return the rows with the codes of the file's own categories."""
        if not self._own_codes:
            return rows
        coded = rows.copy()
        for place, codes in self._own_codes.items():
            coded[:, place] = codes[rows[:, place].astype(np.int64)]
        return coded


def _columns(signature: Signature) -> list[tuple[str, Type]]:
    return [(column.name, column.type) for column in signature.inputs]


def _translation(asked: tuple[str, ...], own: tuple[str, ...]) -> Matrix:
    """Return for each code its category's code in the file; the last one is for -1, the unknown."""
    places = {text: place for place, text in enumerate(own)}
    codes = [places.get(text, UNKNOWN) for text in asked]
    return np.array([*codes, UNKNOWN], dtype=NUMBER)
