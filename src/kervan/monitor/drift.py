"""How far the rows that production sees have moved from the rows that a model learned from.

For each input the population stability index over bins, PSI = Σ (now - before) ln(now / before)
(N. Siddiqi, Credit Risk Scorecards, 2006), and for numbers the Kolmogorov-Smirnov distance.

Without any drift, PSI / (1/n + 1/m) is about chi-square with one degree of freedom less than bins
(B. Yurdakul and J. Naranjo, Statistical properties of the population stability index, Journal of Risk
Model Validation 14 (4), 2020), n and m being the numbers of rows. So its mean, (bins - 1)(1/n + 1/m),
is taken off, and an index above the bound only counts where it is not chance. What lies where training had
nothing, unseen categories and numbers beyond its extremes, has a bin and a test of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.core.nouns import Finding, Verdict
from kervan.core.schema import Type
from kervan.data.html import number
from kervan.data.validate import verdict_of
from kervan.monitor.bins import MISSING, Bin, Binned, category_bins, number_bins, raw_index
from kervan.monitor.distance import difference_chance, distance, p_value
from kervan.monitor.values import labels_of, numbers_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from kervan.core.config import WatchSettings
    from kervan.core.schema import Column, Schema
    from kervan.data.profile import ColumnProfile, NumberProfile, Profile

_NOT_COMPARED = {Type.DATE, Type.DATETIME, Type.TEXT}
MINIMUM_ROWS = 100  # with fewer, chance moves bins as far as real drift does


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberDrift:
    """How an input's numbers moved: means and the Kolmogorov-Smirnov distance with its p-value."""

    mean_before: float | None
    mean_now: float
    distance: float
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDrift:
    """How one input moved.

    `psi` has its expected value without drift taken off and is not negative; `chance` is how likely the bins
    are to differ so much without drift. `unseen` is the share of rows with a category that training did not
    know, or with a number beyond those that it knew.
    """

    name: str
    type: Type
    verdict: Verdict
    psi: float
    chance: float
    bins: tuple[Bin, ...]
    missing_before: float
    missing_now: float
    unseen: float = 0.0
    numbers: NumberDrift | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """How `rows` rows compare with the `reference_rows` of training; the most moved column comes first."""

    rows: int
    reference_rows: int
    verdict: Verdict
    columns: tuple[ColumnDrift, ...] = ()
    findings: tuple[Finding, ...] = ()


def drift(
    reference: Profile, rows: Sequence[Mapping[str, Any]], watch: WatchSettings, inputs: Schema
) -> DriftReport:
    """Compare rows (column name → JSON value, absent or null where missing) with a training profile.

    A column fails where its index is above `watch.psi` and not chance; it is warned about where its bins
    or the Kolmogorov-Smirnov test show a difference that is not chance, but a small one. Each of the two
    has the false-alarm rate `watch.alpha` over all columns together (Bonferroni), for rows that are
    independent of each other. Dates and times move on by
    themselves and are not compared, nor are free texts. Fewer than 100 rows are not judged: the report then
    warns.
    """
    if len(rows) < MINIMUM_ROWS:
        return _too_few(reference, len(rows))
    compared = [column for column in inputs if column.type not in _NOT_COMPARED]
    alpha = watch.alpha / max(1, len(compared))
    found = [_compare(reference, column, rows, psi_bound=watch.psi, alpha=alpha) for column in compared]
    columns = tuple(sorted(found, key=lambda each: (-each.psi, each.name)))
    findings = tuple(_finding(each, watch.psi) for each in columns if each.verdict is not Verdict.PASSED)
    return DriftReport(
        rows=len(rows),
        reference_rows=reference.rows,
        verdict=verdict_of(findings),
        columns=columns,
        findings=findings,
    )


def _too_few(reference: Profile, rows: int) -> DriftReport:
    are = "1 row is" if rows == 1 else f"{rows:,} rows are"
    message = f"{are} not enough to judge drift, at least {MINIMUM_ROWS} are needed"
    hint = "wait for more predictions"
    found = Finding(rule="rows", subject="", verdict=Verdict.WARNED, message=message, hint=hint)
    return DriftReport(rows=rows, reference_rows=reference.rows, verdict=Verdict.WARNED, findings=(found,))


def _compare(
    reference: Profile, column: Column, rows: Sequence[Mapping[str, Any]], *, psi_bound: float, alpha: float
) -> ColumnDrift:
    before = reference.column(column.name)
    numbers = None
    if before.numbers is not None:
        ordered = numbers_of(rows, column.name)
        binned = number_bins(before, before.numbers, ordered, len(rows))
        missing = 1 - len(ordered) / len(rows)
        numbers = _number_drift(before, before.numbers, ordered) if len(ordered) else None
    else:
        labels = labels_of(rows, column.name)
        binned = category_bins(before, labels, column.allowed)
        missing = labels.count(None) / len(rows)
    psi, chance = _index(binned, len(rows), reference.rows)
    return ColumnDrift(
        name=column.name,
        type=column.type,
        verdict=_verdict(psi > psi_bound, chance, numbers, alpha),
        psi=psi,
        chance=chance,
        bins=binned.shown,
        missing_before=before.missing_share,
        missing_now=missing,
        unseen=binned.outside,
        numbers=numbers,
    )


def _number_drift(before: ColumnProfile, numbers: NumberProfile, ordered: NDArray[np.float64]) -> NumberDrift:
    found = distance(numbers, ordered)
    return NumberDrift(
        mean_before=numbers.mean,
        mean_now=float(ordered.mean()),
        distance=found,
        p_value=p_value(found, len(ordered), before.count),
    )


def _index(binned: Binned, rows: int, reference_rows: int) -> tuple[float, float]:
    """Return the index without its bias, and how likely bins are to differ so much without drift."""
    freedom, noise = len(binned.inner) - 1, 1 / rows + 1 / max(1, reference_rows)
    raw = raw_index(binned.shown, rows, reference_rows)
    chance = min(difference_chance(binned.inner, rows, reference_rows), binned.chance)
    return max(0.0, raw - freedom * noise), min(1.0, 2 * chance)


def _verdict(is_far: bool, chance: float, numbers: NumberDrift | None, alpha: float) -> Verdict:
    if is_far and chance < alpha:
        return Verdict.FAILED
    is_moved = chance < alpha or (numbers is not None and numbers.p_value < alpha)
    return Verdict.WARNED if is_moved else Verdict.PASSED


def _finding(column: ColumnDrift, bound: float) -> Finding:
    if column.verdict is Verdict.WARNED:
        apart = (
            f"its distribution is {column.numbers.distance:.2f} away (Kolmogorov-Smirnov)"
            if column.numbers
            else f"PSI {column.psi:.3f}"
        )
        what = f"differs a little: {apart}"
        hint = "look at it; it is more than chance, but less than what counts as drift"
    else:
        what = f"has drifted: PSI {column.psi:.2f}, above {bound:g}"
        hint = "find out why these rows are different; train again if they will stay so"
    return Finding(
        rule="drift",
        subject=column.name,
        verdict=column.verdict,
        message=f"column {column.name!r} {what}; {_how(column)}",
        hint=hint,
    )


def _how(column: ColumnDrift) -> str:
    """Say in figures what moved most."""
    most = max(column.bins, key=lambda each: abs(each.now - each.before))
    parts = [f"{most.label!r} {most.before:.1%} → {most.now:.1%}"]
    if column.numbers:
        parts = [f"mean {number(column.numbers.mean_before)} → {number(column.numbers.mean_now)}"]
    if abs(column.missing_now - column.missing_before) > 0.01 and (column.numbers or most.label != MISSING):
        parts.append(f"missing {column.missing_before:.1%} → {column.missing_now:.1%}")
    if column.unseen:
        where = "beyond those that training saw" if column.numbers else "that training did not see"
        parts.append(f"{column.unseen:.1%} of the rows hold values {where}")
    return ", ".join(parts)
