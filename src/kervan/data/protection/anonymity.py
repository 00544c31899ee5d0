"""How well rows hide among each other: k-anonymity, l-diversity, t-closeness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.data.pieces import batches, compact

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import polars as pl

    from kervan.data.pieces import Table

_SMALL = 5  # groups of fewer rows are counted
_SIZE, _GROUP, _CODE = "kervan:rows", "kervan:group", "kervan:code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diversity:
    """What can be learned of a sensitive column about somebody whose group is known.

    `l` is the smallest number of different values in a group, and `homogeneous` the rows of groups with one
    alone; `t` is the largest distance, 0 to 1, between the values of a group and those of the table.
    """

    column: str
    l: int  # noqa: E741 - it is called so
    homogeneous: int
    t: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Anonymity:
    """How well `rows` rows hide in groups that are equal in the columns `quasi`.

    `k` is the size of the smallest group; `unique` rows are alone in theirs, `small` are in groups of fewer
    than five. `breaking` are those in groups smaller than was demanded.
    """

    quasi: tuple[str, ...]
    rows: int
    groups: int
    k: int
    unique: int
    small: int
    breaking: int = 0
    sensitive: tuple[Diversity, ...] = ()


def anonymity(
    table: Table, quasi: Sequence[str], sensitive: Sequence[str] = (), *, at_least: int = 0
) -> Anonymity:
    """Measure a table as it is kept; a missing value is a value, equal to other missing ones.

    k is by Sweeney (2002), l, the number of distinct values, by Machanavajjhala et al. (2007), and t by Li
    et al. (2007): the earth mover's distance, with ordered distance for numbers and dates, and equal distance
    for all else. Raises `InvalidConfig` for columns that the table does not have.

    >>> import polars as pl
    >>> table = pl.DataFrame({"age": [30, 30, 40, 40], "ill": ["flu", "flu", "flu", "no"]})
    >>> found = anonymity(table, ["age"], ["ill"])
    >>> found.k, found.sensitive[0].l, found.sensitive[0].t
    (2, 1, 0.25)
    """
    import polars as pl

    for setting, names in (("quasi", quasi), ("sensitive", sensitive)):
        for name in names:
            if name not in table.columns:
                hint = did_you_mean(name, table.columns)
                raise InvalidConfig(f"[data] {setting}: the kept table has no column {name!r}", hint=hint)
    if not quasi:
        raise InvalidConfig(
            "[data] quasi: no column is named by which somebody could be found", hint='quasi = ["age", …]'
        )
    counted = _counted(table, [*quasi, *sensitive])
    sizes = counted.group_by(list(quasi)).agg(pl.col(_SIZE).sum())[_SIZE]
    return Anonymity(
        quasi=tuple(quasi),
        rows=table.height,
        groups=len(sizes),
        k=_whole(sizes.min()),
        unique=_rows_below(sizes, 2),
        small=_rows_below(sizes, _SMALL),
        breaking=_rows_below(sizes, at_least),
        sensitive=tuple(_diversity(counted, list(quasi), name) for name in sensitive),
    )


def _counted(table: Table, names: Sequence[str]) -> pl.DataFrame:
    """Return the different rows of some columns, with how often each is there."""
    import polars as pl

    named = list(dict.fromkeys(names))
    found: list[pl.DataFrame] = []
    for batch in batches(table, named):
        counts = batch.group_by(named).agg(pl.len().cast(pl.Int64).alias(_SIZE))
        found = [compact(pl.concat([*found, counts]).group_by(named).agg(pl.col(_SIZE).sum()))]
    return found[0]


def _diversity(counted: pl.DataFrame, quasi: list[str], name: str) -> Diversity:
    import polars as pl

    grouped = counted.group_by(quasi).agg(pl.col(name).n_unique().alias("l"), pl.col(_SIZE).sum())
    homogeneous = grouped.filter(pl.col("l") == 1)[_SIZE].sum()
    return Diversity(
        column=name,
        l=_whole(grouped["l"].min()),
        homogeneous=int(homogeneous),
        t=_farthest(counted, quasi, counted[name]),
    )


def _farthest(counted: pl.DataFrame, quasi: list[str], values: pl.Series) -> float:
    """Return the largest distance between a group's values and the table's."""
    import polars as pl

    ordered = values.dtype.is_numeric() or values.dtype.is_temporal()
    codes = values.rank("dense").cast(pl.Int64).fill_null(0).alias(_CODE)
    groups = pl.struct(counted.select(quasi).get_columns(), eager=True).rank("dense").alias(_GROUP)
    pairs = pl.DataFrame([groups.cast(pl.Int64), codes, counted[_SIZE]])
    total = pairs.group_by(_CODE).agg(pl.col(_SIZE).sum().alias("of_all")).sort(_CODE)
    total = total.with_columns(pl.col("of_all") / pl.col("of_all").sum())
    distinct = total.height
    if distinct < 2:
        return 0.0
    counts = pairs.group_by(_GROUP, _CODE).agg(pl.col(_SIZE).sum().alias("n"))
    counts = counts.with_columns(pl.col("n") / pl.col("n").sum().over(_GROUP))
    if not ordered:
        return _equal_distance(counts, total)
    return _ordered_distance(counts, total)


def _equal_distance(counts: pl.DataFrame, total: pl.DataFrame) -> float:
    """Half the sum of |p - q|: over values in the group, and those that are not there add their q."""
    import polars as pl

    joined = counts.join(total, on=_CODE)
    gap = (pl.col("n") - pl.col("of_all")).abs().sum() + 1 - pl.col("of_all").sum()
    return round(float(joined.group_by(_GROUP).agg((gap / 2).alias("t"))["t"].max() or 0.0), 9)  # type: ignore[arg-type]


def _ordered_distance(counts: pl.DataFrame, total: pl.DataFrame) -> float:
    """The mean over the steps between neighbouring values of |P - Q|, where P and Q are cumulated shares.

    Between two values of a group its P is level, so that the sum of |P - Q| there follows from cumulated sums
    of Q, and no group needs a cell for each value.
    """
    import numpy as np

    cumulated = np.cumsum(total["of_all"].to_numpy())
    sums = np.concatenate([[0.0], np.cumsum(cumulated)])
    place = {code: index for index, code in enumerate(total[_CODE].to_list())}
    steps = len(cumulated) - 1
    worst = 0.0
    for group in counts.sort(_CODE).partition_by(_GROUP):
        starts = np.array([0, *(place[code] for code in group[_CODE].to_list()), steps])
        levels = np.concatenate([[0.0], np.cumsum(group["n"].to_numpy())])
        worst = max(worst, _area(cumulated, sums, starts, levels) / steps)
    return round(worst, 9)


def _area(cumulated: np.ndarray, sums: np.ndarray, starts: np.ndarray, levels: np.ndarray) -> float:
    """Sum |level - Q| over the steps from each start to the next, where Q rises through the level once."""
    import numpy as np

    begins, ends = starts[:-1], np.minimum(starts[1:], len(cumulated) - 1)
    turns = np.clip(np.searchsorted(cumulated, levels), begins, ends)
    below = levels * (turns - begins) - (sums[turns] - sums[begins])
    above = (sums[ends] - sums[turns]) - levels * (ends - turns)
    return float(np.sum(below + above))


def _rows_below(sizes: pl.Series, least: int) -> int:
    return int(sizes.filter(sizes < least).sum())


def _whole(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0
