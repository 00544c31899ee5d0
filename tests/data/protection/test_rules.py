"""Properties of every rule: missing values and rows stay, a part is protected as the whole is."""

from __future__ import annotations

import math
import statistics
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kervan.core.errors import InvalidConfig
from kervan.core.keeping import pseudonym
from kervan.core.protecting import Generalise, Mask, Noise, Prefix, Rule, rule_of
from kervan.data.protection.apply import Protection, protect, tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEY = b"0123456789abcdef"
RULES: list[Rule] = [
    *("hash", "mask", "pseudonymise", "tokenise"),
    *(Mask(mask=shown) for shown in ("last 4", "first 3", "domain", "nothing")),
    *(Generalise(generalise=how) for how in (10, 0.25, "year", "month", "day")),
    Generalise(generalise={"1": "one", "*": "other"}),
    Prefix(prefix=2),
    Noise(noise=3.0),
    Noise(noise=3.0, law="gaussian"),
]
COLUMNS = {
    "text": pl.Series(["ada@example.org", None, "Şule", "", "05321234567", "1"]),
    "whole": pl.Series([39, None, -1, 0, 2**62, 1]),
    "small": pl.Series([-128, None, 127, 0, 5, 1], dtype=pl.Int8),
    "large": pl.Series([2**64 - 1, None, 0, 9, 10, 1], dtype=pl.UInt64),
    "number": pl.Series([1.5, None, math.nan, math.inf, -2.5, 1.0]),
    "exact": pl.Series([Decimal("1.10"), None, Decimal("-2.00"), Decimal(0), Decimal(9), Decimal(1)]),
    "day": pl.Series(
        [date(2024, 2, 29), None, date(1900, 1, 1), date(1970, 1, 1), date(1, 1, 1), date(2, 1, 1)]
    ),
    "time": pl.Series([datetime(2024, 2, 29, 12, 1), None, *[datetime(1969, 12, 31, 23)] * 4]),
    "flag": pl.Series([True, None, False, True, True, False]),
    "empty": pl.Series([None] * 6, dtype=pl.String),
}


def keys_of(persons: Sequence[str]) -> Mapping[str, bytes]:
    return {person: pseudonym(person, KEY).encode() for person in persons}


def by(rules: Mapping[str, Rule]) -> Protection:
    return Protection(rules=rules, key=KEY, person="person", keys_of=keys_of)


def _or_refused(table: pl.DataFrame, protection: Protection) -> pl.DataFrame | InvalidConfig:
    try:
        return protect(table, protection)
    except InvalidConfig as error:
        return error


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_rule_suits_a_column_or_is_refused_by_its_name(rule: Rule, name: str) -> None:
    table = pl.DataFrame([COLUMNS[name].alias(name), pl.Series("person", list("aabbcc"))])
    found = _or_refused(table, by({name: rule}))
    if isinstance(found, InvalidConfig):
        assert repr(name) in str(found)
        assert found.hint
        return
    assert found.columns == table.columns
    assert found.height == table.height
    known = COLUMNS[name].is_not_null()
    assert not found[name].is_not_null().filter(~known).any()
    if name not in {"number", "empty"}:  # what is not finite has no text
        assert found[name].is_not_null().to_list() == known.to_list()


ROWS = st.lists(
    st.tuples(
        st.none() | st.text(max_size=8),
        st.none() | st.integers(-(2**40), 2**40),
        st.none() | st.sampled_from("xyz"),
    ),
    min_size=1,
    max_size=20,
)


@given(ROWS, st.data())
def test_rows_are_protected_alone_as_they_are_among_others(
    rows: list[tuple[str | None, int | None, str | None]], data: st.DataObject
) -> None:
    schema = {"a": pl.String, "b": pl.Int64, "person": pl.String}
    table = pl.DataFrame(rows, schema=schema, orient="row")
    some = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1))
    numbers: list[Rule] = [Generalise(generalise=10), Generalise(generalise=0.25), Noise(noise=2.0)]
    texts = [rule for rule in RULES if not isinstance(rule, Noise | Generalise)]
    protection = by({"a": data.draw(st.sampled_from(texts)), "b": data.draw(st.sampled_from(numbers))})
    assert protect(table, protection)[some].equals(protect(table[some], protection))


def test_a_person_has_a_pseudonym_of_each_column_and_shares_none() -> None:
    table = pl.DataFrame({"name": ["Ada", "Ada", "Can", "Can"], "person": ["1", "1", "1", None]})
    found = protect(table, by({"name": "pseudonymise", "person": "pseudonymise"}))
    first, same, other, nobody = found["name"].to_list()
    assert first == same != other
    assert nobody is None
    apart = protect(table.with_columns(person=pl.lit("2")), by({"name": "pseudonymise"}))
    assert apart["name"][0] != first


def test_noise_has_the_law_and_the_scale_that_were_asked_for() -> None:
    table = pl.DataFrame({"x": [0.0] * 20_000, "row": range(20_000)})
    laplace = protect(table, by_key({"x": Noise(noise=2.0)}))["x"].to_list()
    normal = protect(table, by_key({"x": Noise(noise=2.0, law="gaussian")}))["x"].to_list()
    for found, deviation, inside in ((laplace, 2.0 * math.sqrt(2), 0.75), (normal, 2.0, 0.6827)):
        assert statistics.mean(found) == pytest.approx(0, abs=0.1)
        assert statistics.pstdev(found) == pytest.approx(deviation, rel=0.05)
        share = sum(abs(each) < deviation for each in found) / len(found)
        assert share == pytest.approx(inside, abs=0.02)
    assert protect(table, by_key({"x": Noise(noise=2.0)}, b"f" * 16))["x"].to_list() != laplace


def by_key(rules: Mapping[str, Rule], key: bytes = KEY) -> Protection:
    return Protection(rules=rules, key=key)


def test_tokens_are_turned_back_by_their_table() -> None:
    table = pl.DataFrame({"iban": ["TR1", "TR2", None, "TR1"], "n": [1, 2, 3, 4]})
    protection = by_key({"iban": "tokenise", "n": "tokenise"})
    back = {(name, token): value for name, token, value in tokens(table, protection).iter_rows()}
    kept = protect(table, protection)
    assert [back.get(("iban", token)) for token in kept["iban"]] == ["TR1", "TR2", None, "TR1"]
    assert [back["n", token] for token in kept["n"]] == ["1", "2", "3", "4"]
    assert len(set(kept["iban"].drop_nulls()) & set(kept["n"])) == 0


def test_rules_are_written_in_python_as_in_the_file() -> None:
    assert rule_of({"noise": 2.0, "law": "gaussian"}) == Noise(noise=2.0, law="gaussian")
    for wrong in ({"blur": 1}, {"noise": 2.0, "scale": 1}, {}):
        with pytest.raises(InvalidConfig, match="is no rule"):
            rule_of(wrong)
