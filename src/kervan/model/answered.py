"""What candidates learn from, and what they answered to held-out rows, as folders that steps hand on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from kervan.core.nouns import SplitRule
from kervan.model.folds import Folding, Order
from kervan.model.train import Answered, CandidateScore

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from kervan.core.ports import Matrix
    from kervan.model.folds import Fold

SCORE = "score.json"
_ANSWERS, _MATRIX, _TRUTH, _ORDER, _FOLDING, _FOUND = (
    "answers.npy",
    "matrix.npy",
    "truth.npy",
    "order.npy",
    "folding.json",
    "folds.npy",
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """The encoded rows of the training part, shape (rows, inputs), what is true of them, and their folds."""

    matrix: Matrix
    truth: NDArray[Any]
    folding: Folding


@dataclass(frozen=True, slots=True, kw_only=True)
class _Folding:
    folds: int
    seed: int
    rule: SplitRule | None


def write_rows(rows: Rows, folder: Path) -> Path:
    """Write rows into a folder, and return it."""
    np.save(folder / _MATRIX, rows.matrix)
    np.save(folder / _TRUTH, rows.truth)
    order = rows.folding.order
    said = _Folding(folds=rows.folding.folds, seed=rows.folding.seed, rule=order.rule if order else None)
    (folder / _FOLDING).write_bytes(msgspec.json.encode(said))
    if order is not None:
        np.save(folder / _ORDER, order.values)
    if rows.folding.found:
        np.save(folder / _FOUND, _packed(rows.folding, len(rows.truth)))
    return folder


def read_rows(folder: Path) -> Rows:
    """Read rows back; the matrix is mapped, so that all processes share it."""
    said = msgspec.json.decode((folder / _FOLDING).read_bytes(), type=_Folding)
    order = Order(rule=said.rule, values=np.load(folder / _ORDER)) if said.rule else None
    truth = np.load(folder / _TRUTH)
    found = _unpacked(np.load(folder / _FOUND), len(truth)) if (folder / _FOUND).exists() else ()
    return Rows(
        matrix=np.load(folder / _MATRIX, mmap_mode="r"),
        truth=truth,
        folding=Folding(folds=said.folds, seed=said.seed, order=order, found=found),
    )


def _packed(folding: Folding, rows: int) -> NDArray[np.uint8]:
    """Return a bit for each row: of each fold those that are learned from, and those that are asked about."""
    bits = np.zeros((len(folding.found), 2, rows), dtype=bool)
    for fold, parts in enumerate(folding.found):
        for part, places in enumerate(parts):
            bits[fold, part, places] = True
    return np.packbits(bits, axis=2)


def _unpacked(packed: NDArray[np.uint8], rows: int) -> tuple[Fold, ...]:
    bits = np.unpackbits(packed, axis=2, count=rows)
    return tuple((np.flatnonzero(learn), np.flatnonzero(ask)) for learn, ask in bits)


def write_answered(answered: Answered, folder: Path) -> Path:
    """Write a candidate's score and answers into a folder, and return it."""
    (folder / SCORE).write_bytes(msgspec.json.encode(answered.score))
    np.save(folder / _ANSWERS, answered.answers)
    return folder


def write_all(found: Iterable[Answered], folder: Path) -> Path:
    """Write several candidates into a folder, each into one of its own, and return it."""
    for place, each in enumerate(found):
        (folder / str(place)).mkdir()
        write_answered(each, folder / str(place))
    return folder


def read_all(folder: Path) -> list[Answered]:
    """Read several candidates back, in order."""
    return [read_answered(each) for each in sorted(folder.iterdir(), key=lambda each: int(each.name))]


def read_answered(folder: Path) -> Answered:
    """Read a candidate's score and answers back."""
    return Answered(score=read_score(folder), answers=np.load(folder / _ANSWERS))


def read_score(folder: Path) -> CandidateScore:
    """Read a candidate's score back."""
    return msgspec.json.decode((folder / SCORE).read_bytes(), type=CandidateScore)
