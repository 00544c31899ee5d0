"""What a report says of a synthetic table: how close it is to the real one, and how private."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDistance:
    """How far a column is from the real one, 0 to 1.

    Of numbers and times it is the Kolmogorov–Smirnov distance, of the rest the total variation: half the sum
    of the differences of shares; None where values are labels that tell nothing. Shares of missing values
    are beside it.
    """

    name: str
    distance: float | None
    missing: float
    missing_real: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Closeness:
    """How close: by column (the farthest first), by pairs, and to a classifier.

    `pairs` is the mean difference of the correlations of normal scores, `farthest_pair` that of the pair
    `farthest` where it is largest. `auc` is that of boosted trees that tell synthetic rows from real ones:
    0.5 where they cannot, 1 where they always do; None where there are too few rows to say.
    """

    columns: tuple[ColumnDistance, ...]
    pairs: float
    farthest: tuple[str, ...]
    farthest_pair: float
    auc: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Privacy:
    """How private: the shares of rows that equal a training row, and how near rows are to these.

    `equal_held_out` is the share of real rows kept out of the fit that equal a training row: what chance
    gives. `nearer` is the share of synthetic rows that are nearer to a training row than to one kept out, of
    as many of each: 0.5 where nothing was learned by heart. `ratio` is the median of the two distances'. Both
    are None where there are too few rows to say.
    """

    equal: float
    equal_held_out: float
    nearer: float | None
    ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticReport:
    """A synthetic table of `rows` rows by `seed`, of the training rows of `dataset`.

    `labels` are the columns whose values tell nothing, `rare` those of which rare values were left out, and
    `left_out` the protected ones, which are not in the table.
    """

    dataset: str
    rows: int
    seed: int
    fitted: int
    closeness: Closeness
    privacy: Privacy
    labels: tuple[str, ...]
    rare: tuple[str, ...]
    left_out: tuple[str, ...]
