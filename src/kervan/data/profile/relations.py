"""What the columns of a table have to do with each other: keys, dependencies, and the same again."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.nouns import Finding, Verdict
from kervan.data.profile.coded import Coded, table_of
from kervan.data.profile.nouns import Dependency, Kind, Pair

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

MOST_COLUMNS = 40  # of which pairs are tried
MOST_ROWS = 10_000
NEARLY = 0.995  # of the rows: a dependency or an equal column with a few exceptions
_BROKEN_BY_CHANCE = 10  # rows that would break a dependency if the columns knew nothing of each other
_LARGEST_TABLE = 4_000_000
_SHOWN = 5
_FEW = 100  # different numbers, beyond which they are measured and not chosen
_MANY = 8  # columns, in fewer of which rows are near by chance


def keys(columns: Sequence[Coded], unique: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return the columns that tell every row apart, and without any the pairs that do in the sample."""
    if unique:
        return tuple((name,) for name in unique)
    tried = [each for each in columns if each.is_there.all() and each.kind is not Kind.NUMBER]
    rows = len(columns[0].values) if columns else 0
    # One that tells the sampled rows apart alone does so with any other: that says nothing about all rows.
    tried = [each for each in tried if 1 < each.distinct < rows][:MOST_COLUMNS]
    found = []
    for first, second in combinations(tried, 2):
        if first.distinct * second.distinct < rows or rows < 20:
            continue
        if len(np.unique(first.codes * second.size + second.codes)) == rows:
            found.append((first.name, second.name))
    return tuple(found[:_SHOWN])


def dependencies(columns: Sequence[Coded], target: str) -> tuple[Dependency, ...]:
    """Return which columns tell which others, not by chance, and not as equal ones do."""
    rows = min(MOST_ROWS, len(columns[0].values) if columns else 0)
    some = [each for each in columns if each.name != target and 1 < each.distinct <= rows / 2]
    tried = [each for each in some if not each.is_numeric or each.distinct <= _FEW][:MOST_COLUMNS]
    found = []
    for first, second in combinations(tried, 2):
        for one, other in ((first, second), (second, first)):
            if one.size < other.size or one.size * other.size > _LARGEST_TABLE:
                continue
            if dependency := _depends(one, other, rows):
                found.append(dependency)
                break
    return tuple(found)


def _depends(one: Coded, other: Coded, rows: int) -> Dependency | None:
    counts = table_of(one.codes[:rows], other.codes[:rows])[1:]
    sizes = counts.sum(axis=1)
    kept = counts.max(axis=1)
    total = float(sizes.sum())
    share = float(kept.sum() / total) if total else 0.0
    # Each row that repeats a value would break the rule by chance as often as the other column varies.
    repeated = float((sizes - (sizes > 0)).sum())
    varies = 1 - float(counts.sum(axis=0).max() / total) if total else 0.0
    if share < NEARLY or repeated * varies < _BROKEN_BY_CHANCE:
        return None
    missed = float((sizes - kept).sum())
    if missed > 0.05 * repeated * varies:
        return None
    return Dependency(determinant=one.name, dependent=other.name, share=share)


def equals(columns: Sequence[Coded], pairs: Sequence[Pair]) -> Iterator[Finding]:
    """Yield a finding for each column that is another one again: equal, renamed, or a multiple."""
    seen: dict[bytes, Coded] = {}
    told: set[str] = set()
    for each in columns:
        if each.distinct < 2:
            continue
        first = seen.setdefault(_first_seen(each.codes).tobytes(), each)
        if first is each:
            continue
        is_equal = first.values.dtype == each.values.dtype and first.values.equals(each.values)
        if not is_equal and len(each.values) - each.distinct < _BROKEN_BY_CHANCE:
            continue  # any two keys tell each other
        told.add(each.name)
        what = "has the values of" if is_equal else "is only another way to write"
        yield _again(each.name, f"column {each.name!r} {what} {first.name!r}")
    by_name = {each.name: each for each in columns}
    for pair in pairs:
        if abs(pair.pearson or 0.0) > 0.9999 and not {pair.first, pair.second} & told:
            told.add(pair.second)
            if by_name[pair.first].distinct > 2:
                what = f"column {pair.second!r} is nearly a multiple of {pair.first!r}"
                yield _again(pair.second, f"{what} (Pearson {pair.pearson:.5f})")


def _again(name: str, message: str) -> Finding:
    hint = "a model learns nothing more from it; leave one of them out"
    return Finding(rule="same_column", subject=name, verdict=Verdict.WARNED, message=message, hint=hint)


def _first_seen(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number codes in the order in which they come, so that equal partitions are equal."""
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def near_rows(columns: Sequence[Coded], target: str) -> Iterator[Finding]:
    """Yield a finding where rows are equal in all but one column, above all where that is the target."""
    rows = min(MOST_ROWS, len(columns[0].values) if columns else 0)
    used = [each for each in columns if each.kind not in {Kind.IDENTIFIER, Kind.WEIGHT}]
    if rows < 20 or len(used) < 3:
        return
    dice = np.random.default_rng(0)
    hashes = [dice.integers(2**63, size=each.size, dtype=np.uint64)[each.codes[:rows]] for each in used]
    total = np.sum(np.stack(hashes), axis=0, dtype=np.uint64)
    different = len(np.unique(total))
    near = {
        each.name: different - len(np.unique(total - own)) for each, own in zip(used, hashes, strict=True)
    }
    if near.get(target):
        yield _near("contradictions", target, near[target], rows, "no model can learn both labels")
    others = {name: count for name, count in near.items() if name != target}
    most = max(others, key=lambda name: others[name])
    # Where rows are near in many columns, they are so because few values are possible.
    alone = 10 * (sum(others.values()) - others[most]) <= others[most]
    if len(used) >= _MANY and alone and others[most] >= 0.01 * rows:
        yield _near("near_rows", most, others[most], rows, "look whether they are one thing, written twice")


def _near(rule: str, name: str, count: int, rows: int, hint: str) -> Finding:
    message = f"{count:,} of {rows:,} sampled rows are equal to another one but for column {name!r}"
    return Finding(rule=rule, subject=name, verdict=Verdict.WARNED, message=message, hint=hint)
