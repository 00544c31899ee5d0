"""The proof that a written format answers like the model that it was written from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.errors import InvalidData, ParityFailed, RefusedRow
from kervan.core.schema import Type
from kervan.package.contents.manifest import Parity
from kervan.package.encoding import EXACT_UP_TO, LARGEST, NUMBER, UNKNOWN, nothing, possible
from kervan.package.writing.rows import UNSEEN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from kervan.core.ports import Matrix, Predictor
    from kervan.core.schema import Column, Signature
    from kervan.package.writing.fitted import Fitted

SHUFFLED_ROWS = 200
PER_COLUMN = 24
_SMALLEST = float(
    np.finfo(np.float32).smallest_subnormal
)  # beside 0: databases stop where less is multiplied
_SURELY = 4.0  # times the largest of a few random errors: the real one is hardly ever larger


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A parity proof, and the places (0 = first) of the rows that broke it."""

    parity: Parity
    failing: tuple[int, ...]


def proof_rows(fitted: Fitted, matrix: Matrix, seed: int) -> Matrix:
    """Return the rows that a format of a model is proved on: real ones, and rows that are made to hurt it."""
    rows = nasty_rows(
        matrix, fitted.signature, seed, splits=fitted.splits(), with_missing=fitted.takes_missing
    )
    made = _settled(fitted, _answered(fitted, rows[len(matrix) :]))
    return np.concatenate([matrix, made[~_leaves_single(fitted, made)]])


def _answered(fitted: Fitted, rows: Matrix) -> Matrix:
    """Leave out the rows that the model itself refuses, such as negative counts, or its functions do."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            fitted.predict(rows)
    except (ValueError, IndexError, RefusedRow):
        if len(rows) == 1:
            return rows[:0]
        middle = len(rows) // 2
        return np.concatenate([_answered(fitted, rows[:middle]), _answered(fitted, rows[middle:])])
    return rows


def _settled(fitted: Fitted, rows: Matrix) -> Matrix:
    """Leave out the rows that a model which computes in float32 has no answer for within its tolerance.

    There its own rounding errors decide, as where large terms cancel: nobody can repeat them.
    """
    spread = fitted.single_spread(rows)
    if spread is None:
        return rows
    with np.errstate(over="ignore", invalid="ignore"):
        is_settled = ~(_SURELY * spread / _scale(fitted.predict(rows)) > fitted.slack)
    settled: Matrix = rows[is_settled.all(axis=1)]
    return settled


def _leaves_single(fitted: Fitted, rows: Matrix) -> NDArray[np.bool_]:
    """Say which rows have an answer that float64 holds and float32 does not: it proves nothing of a file.

    Real rows of this kind stay: a format that cannot answer them is not for this model.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        answers = fitted.predict(rows)
    beyond: NDArray[np.bool_] = (np.abs(answers) > LARGEST) & np.isfinite(answers)
    found: NDArray[np.bool_] = np.logical_or.reduce(beyond, axis=1)
    return found


def nasty_rows(
    matrix: Matrix,
    signature: Signature,
    seed: int,
    *,
    splits: Mapping[int, NDArray[np.float64]] | None = None,
    with_missing: bool = True,
) -> Matrix:
    """Return the rows of `matrix` and, after them, rows that are made to hurt.

    For every column, copies of real rows in which it alone is missing, unseen, zero, negative, far out,
    as large as float32 counts in ones, or exactly on a value, median or midpoint that splits and
    imputers use, and on the values in `splits` (see `Fitted.splits`) with their neighbours, those in
    float64 and those in float32; then rows whose columns are shuffled independently; one row with nothing
    in it, and empty texts. Dates stay in the calendar, and words are counted from 0. Without `with_missing`
    no number is missing. Raises `InvalidData` if `matrix` has no row.
    """
    if not len(matrix):
        raise InvalidData("there are no rows to prove a format with", hint="give `validation` some rows")
    random = np.random.default_rng(seed)
    blocks = [matrix]
    for place, column in enumerate(signature.inputs):
        wanted = _hurting_values(matrix[:, place], column, random)
        if splits and place in splits and column.type not in {Type.CATEGORY, Type.BOOLEAN}:
            wanted = np.concatenate([wanted, _around(random.permutation(splits[place])[:PER_COLUMN])])
        wanted = possible(wanted, column)
        rows = matrix[random.integers(len(matrix), size=len(wanted))].copy()
        rows[:, place] = wanted
        blocks.append(rows)
    blocks.append(np.column_stack([random.choice(values, SHUFFLED_ROWS) for values in matrix.T]))
    found: Matrix = np.vstack([*blocks, nothing(signature)])
    return found if with_missing else found[~np.isnan(found).any(axis=1)]


def _around(values: NDArray[np.float64]) -> Matrix:
    """Return values with their neighbours in float64, and the nearest float32 with its neighbours."""
    with np.errstate(over="ignore"):
        nearest = values.astype(np.float32)
        singles = [np.nextafter(nearest, np.float32(end)) for end in (-np.inf, np.inf)]
        doubles = [np.nextafter(values, end) for end in (-np.inf, np.inf)]
    around = np.concatenate([values, *doubles, nearest, *singles]).astype(NUMBER)
    size = np.abs(around)
    found: Matrix = around[(size <= LARGEST) & ((size >= _SMALLEST) | (size == 0))]
    return found


def compare(
    original: Callable[[Matrix], NDArray[np.float64]],
    predictor: Predictor,
    matrix: Matrix,
    tolerance: float,
    *,
    name: str,
    scorer: str,
) -> Comparison:
    """Compare the answers over the rows of `matrix`.

    Probabilities are compared as they are, values relative to the original's answer, or to the distance
    of the answers' quartiles where that is larger: what is lost in a sum that ends near zero does not
    matter. A label counts as changed if the original puts the new one behind by more than the tolerance:
    an exact tie may fall either way. Where the original has no finite answer, neither may the format.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        wanted, given = original(matrix), predictor.predict(matrix)
        distances = np.abs(given - wanted) / _scale(wanted)
    distances[(given == wanted) | ~(np.isfinite(given) | np.isfinite(wanted))] = 0.0
    by_row = np.where(np.isfinite(distances), distances, np.inf).max(axis=1)
    over = by_row > tolerance
    rows = np.arange(len(matrix))
    with np.errstate(invalid="ignore"):
        behind = wanted.max(axis=1) - wanted[rows, np.nan_to_num(given, nan=-np.inf).argmax(axis=1)]
    changed = behind > tolerance
    parity = Parity(
        format=name,
        rows=len(matrix),
        tolerance=tolerance,
        largest=float(by_row.max(initial=0.0)),
        over=int(over.sum()),
        label_changes=int(changed.sum()),
        scorer=scorer,
    )
    return Comparison(parity=parity, failing=tuple(np.flatnonzero(over | changed).tolist()))


def check_parity(comparison: Comparison, matrix: Matrix, signature: Signature) -> Parity:
    """Return the proof if it holds, else raise `ParityFailed` that shows the first failing row."""
    parity = comparison.parity
    if parity.holds:
        return parity
    first = comparison.failing[0]
    values = ", ".join(
        f"{column.name}={_in_words(float(value), column)}"
        for column, value in zip(signature.inputs, matrix[first], strict=True)
    )
    raise ParityFailed(
        f"format {parity.format!r} answers differently in {len(comparison.failing)} of {parity.rows} rows, "
        f"by up to {parity.largest:.3g} (tolerance {parity.tolerance:g}); first: row {first} ({values})",
        hint="choose another family or format, or raise `tolerance` in [package] if that does no harm",
    )


def _scale(answers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what a difference is measured in, row by row."""
    if answers.shape[1] > 1:
        return np.ones((len(answers), 1))
    low, high = np.nan_to_num(np.nanquantile(answers, [0.25, 0.75]))
    smallest = float(np.finfo(np.float32).tiny)
    return np.maximum(np.abs(answers), max(high - low, smallest))


def _hurting_values(values: Matrix, column: Column, random: np.random.Generator) -> Matrix:
    if column.type is Type.CATEGORY:
        codes = np.arange(len(column.allowed))
        return np.array([*[UNKNOWN] * len(UNSEEN), *random.permutation(codes)[:PER_COLUMN]], dtype=NUMBER)
    if column.type is Type.BOOLEAN:
        return np.array([np.nan, 0, 1], dtype=NUMBER)
    known = np.unique(values[~np.isnan(values)])
    if not known.size:
        known = np.zeros(1, dtype=NUMBER)
    ends = known[[0, -1]]
    middles = (known[:-1] + known[1:]) / 2  # where trees split
    special = [
        [np.nan, 0, -0.0, 1, -1, EXACT_UP_TO, EXACT_UP_TO - 1, -EXACT_UP_TO],
        [np.median(known), np.median(values[~np.isnan(values)]) if len(known) > 1 else known[0]],
        [*_around(ends), *(10 * ends)],
        random.permutation(known)[:PER_COLUMN],
        random.permutation(middles)[:PER_COLUMN],
    ]
    found: Matrix = np.concatenate([np.asarray(part, dtype=NUMBER) for part in special])
    return found.clip(-LARGEST, LARGEST)


def _in_words(value: float, column: Column) -> str:
    if column.type is not Type.CATEGORY:
        return "missing" if np.isnan(value) else f"{value:g}"
    return repr(column.allowed[int(value)]) if value >= 0 else "unseen"
