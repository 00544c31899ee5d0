from __future__ import annotations

from itertools import accumulate, pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kervan.core.errors import InvalidConfig
from kervan.data.protection.anonymity import anonymity

ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 6)), min_size=1, max_size=30)


def test_the_example_of_the_paper_on_t_closeness() -> None:
    # Li et al. (2007), section 5: salaries of 3k, 4k and 5k among those of 3k to 11k are 0.375 away.
    table = pl.DataFrame({"group": list("aaabbbccc"), "salary": [3, 4, 5, 6, 8, 11, 7, 9, 10]})
    found = anonymity(table, ["group"], ["salary"])
    assert (found.k, found.groups, found.sensitive[0].l, found.sensitive[0].t) == (3, 3, 3, 0.375)


def test_groups_are_counted_and_missing_values_are_equal() -> None:
    table = pl.DataFrame({"age": [30, 30, 40, None, None], "sex": ["f", "f", "m", "m", "m"]})
    found = anonymity(table, ["age", "sex"], at_least=2)
    assert (found.k, found.groups, found.unique, found.small, found.breaking) == (1, 3, 1, 5, 1)


@given(ROWS)
def test_measures_are_those_of_their_definitions(rows: list[tuple[str, int | None]]) -> None:
    table = pl.DataFrame(
        {"q": [q for q, _ in rows], "n": [n for _, n in rows], "c": [str(n) for _, n in rows]},
        schema={"q": pl.String, "n": pl.Int64, "c": pl.String},
    )
    found = anonymity(table, ["q"], ["n", "c"])
    groups = {name: [n for q, n in rows if q == name] for name, _ in rows}
    assert found.k == min(map(len, groups.values()))
    assert [each.l for each in found.sensitive] == [min(len(set(each)) for each in groups.values())] * 2
    values = sorted({n for _, n in rows}, key=lambda n: (n is not None, n or 0))
    whole = _shares([n for _, n in rows], values)
    ordered = [_ordered(_shares(each, values), whole) for each in groups.values()]
    equal = [_equal(_shares(each, values), whole) for each in groups.values()]
    assert found.sensitive[0].t == pytest.approx(max(ordered), abs=1e-8)
    assert found.sensitive[1].t == pytest.approx(max(equal), abs=1e-8)


def test_columns_that_are_not_there_are_named() -> None:
    with pytest.raises(InvalidConfig, match="no column 'agee'"):
        anonymity(pl.DataFrame({"age": [1]}), ["agee"])
    with pytest.raises(InvalidConfig, match="no column is named"):
        anonymity(pl.DataFrame({"age": [1]}), [])


def _shares(some: list[int | None], values: list[int | None]) -> list[float]:
    return [some.count(value) / len(some) for value in values]


def _ordered(group: list[float], whole: list[float]) -> float:
    gaps = [abs(each) for each in accumulate(p - q for p, q in zip(group, whole, strict=True))]
    return sum(gaps[:-1]) / max(1, sum(1 for _ in pairwise(whole)))


def _equal(group: list[float], whole: list[float]) -> float:
    return sum(abs(p - q) for p, q in zip(group, whole, strict=True)) / 2
