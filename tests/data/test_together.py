"""What columns say together: pairs, keys, dependencies, twins, signs for missing, shifts, and the advice."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import polars as pl
import pytest
from scipy import stats
from scipy.stats.contingency import association

from kervan.core.config import DataSettings
from kervan.core.nouns import Finding, Verdict
from kervan.data.columns import infer_schema
from kervan.data.page import profile_page
from kervan.data.profile import Kind, Profile, profile
from kervan.data.profile.advice import pasteable
from kervan.data.profile.twins import same

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 2000
DICE = np.random.default_rng(0)
CITY = DICE.integers(0, 12, SIZE)
NOISE = DICE.normal(size=SIZE)
TABLE = pl.DataFrame(
    {
        "müşteri_id": [f"M-{number:05d}" for number in range(SIZE)],
        "posta": [f"{34000 + place}" for place in (CITY * 5 + DICE.integers(0, 5, SIZE)).tolist()],
        "şehir": [f"şehir {place}" for place in CITY.tolist()],
        "boy": np.where(np.arange(SIZE) < 1100, 1.0, 100.0) * DICE.normal(1.7, 0.1, SIZE),
        "gelir": np.where(DICE.random(SIZE) < 0.02, -999.0, DICE.lognormal(8, 0.5, SIZE)),
        "a": NOISE,
        "b": NOISE * 3 + 1,
        "il": DICE.choice(["İzmir", "IZMIR", "izmir ", "Van", "Cafe\u0301", "Caf\u00e9"], SIZE),
        "ziyaret_adedi": DICE.poisson(2, SIZE),
        "fnlwgt": DICE.integers(10_000, 90_000, SIZE),
        "not": [f"müşteri {number} memnun ve yine gelecek" for number in range(SIZE)],
        "sabit": ["x"] * SIZE,
        "y": np.where(DICE.random(SIZE) < 0.02, "evet", "hayır"),
    }
)


@pytest.fixture(scope="module")
def found() -> Profile:
    return profile(TABLE, infer_schema(TABLE, DataSettings()), "y")


def rules(profile: Profile) -> set[tuple[str, str]]:
    return {(each.rule, each.subject) for each in profile.findings}


def test_kinds(found: Profile) -> None:
    assert {each.name: each.kind for each in found.columns} == {
        "müşteri_id": Kind.IDENTIFIER,
        "posta": Kind.CATEGORY,
        "şehir": Kind.CATEGORY,
        "boy": Kind.NUMBER,
        "gelir": Kind.NUMBER,
        "a": Kind.NUMBER,
        "b": Kind.NUMBER,
        "il": Kind.CATEGORY,
        "ziyaret_adedi": Kind.COUNT,
        "fnlwgt": Kind.WEIGHT,
        "not": Kind.TEXT,
        "sabit": Kind.CATEGORY,
        "y": Kind.CATEGORY,
    }


def test_what_is_odd_is_found_and_nothing_else(found: Profile) -> None:
    assert rules(found) == {
        ("imbalance", "y"),
        ("level_shift", "boy"),
        ("sentinel", "gelir"),
        ("twins", "il"),
        ("same_column", "b"),
    }
    messages = {each.rule: each.message for each in found.findings}
    assert "near row 1,1" in messages["level_shift"]
    assert "metres and centimetres" in messages["level_shift"]
    assert "-999" in messages["sentinel"]
    assert "Turkish i" in messages["twins"]
    assert "Unicode form" in messages["twins"]


def test_keys_and_dependencies(found: Profile) -> None:
    assert ("müşteri_id",) in found.keys
    (told,) = found.dependencies
    assert (told.determinant, told.dependent, told.share) == ("posta", "şehir", 1.0)


def test_advice_is_pasted_as_it_stands(found: Profile) -> None:
    settings = tomllib.loads(pasteable(found.advice))
    assert settings["data"]["ignore"] == ["müşteri_id", "b", "fnlwgt", "sabit"]
    assert "-999" in settings["data"]["missing"]
    assert settings["model"]["texts"] == ["not"]
    assert settings["model"]["goal"] == {"metric": "average_precision"}
    assert any("'evet'" in each.what and "more rows" in each.what for each in found.advice)


def test_pairs_are_those_of_scipy(found: Profile) -> None:
    pairs = {(each.first, each.second): each for each in found.pairs}
    pair = pairs["gelir", "a"]
    gelir, a = TABLE["gelir"].to_numpy(), TABLE["a"].to_numpy()
    assert pair.pearson == pytest.approx(stats.pearsonr(gelir, a).statistic)
    assert pair.spearman == pytest.approx(stats.spearmanr(gelir, a).statistic)
    table = TABLE.group_by("posta", "şehir").len().pivot("şehir", index="posta").fill_null(0).drop("posta")
    plain = association(table.to_numpy())
    assert pairs["posta", "şehir"].cramer == pytest.approx(plain, abs=0.02)
    ratio = next(each.ratio for each in found.pairs if {each.first, each.second} == {"il", "boy"})
    assert ratio is not None
    assert ratio < 0.1
    assert max(each.strength for each in found.pairs) <= 1


def test_missing_values_leave_pairs_of_the_others() -> None:
    gaps = DICE.random(SIZE) < 0.3
    table = pl.DataFrame({"a": NOISE, "c": NOISE + DICE.normal(size=SIZE)})
    table = table.with_columns(c=pl.when(pl.Series(~gaps)).then("c"))
    (pair,) = profile(table).pairs
    there = table.drop_nulls()
    assert pair.pearson == pytest.approx(stats.pearsonr(there["a"], there["c"]).statistic)
    assert pair.spearman == pytest.approx(stats.spearmanr(there["a"], there["c"]).statistic, abs=0.02)


def test_what_tells_the_target_is_more_than_what_does_not() -> None:
    answer = DICE.integers(0, 2, SIZE)
    table = pl.DataFrame({"told": answer * 2.0 + DICE.normal(size=SIZE), "noise": NOISE, "y": answer})
    figures = profile(table, None, "y")
    told, noise = figures.column("told").tells, figures.column("noise").tells
    assert told is not None
    assert noise is not None
    assert told > 0.2
    assert noise < 0.01


def test_contradicting_labels_are_found() -> None:
    table = pl.DataFrame({"a": CITY, "b": CITY * 7 % 5, "c": CITY % 3, "y": DICE.integers(0, 2, SIZE)})
    assert ("contradictions", "y") in rules(profile(table, None, "y"))


def test_a_sorted_column_has_no_shift() -> None:
    table = pl.DataFrame({"trend": np.arange(SIZE) + NOISE, "stairs": np.arange(SIZE) // 200 + NOISE / 9})
    assert rules(profile(table)) == set()


def test_twins_are_the_same_letters() -> None:
    assert same("Ilgın") == same("ILGIN") == same(" ılgın")
    assert same("Şanlıurfa") != same("Sanliurfa")


def test_patterns_of_codes() -> None:
    codes = [f"AB-{number:04d}" for number in range(300)] + [f"x{number}" for number in range(100)]
    texts = profile(pl.DataFrame({"a": codes})).column("a").texts
    assert texts is not None
    assert (texts.patterns[0].shape, texts.patterns[0].share) == ("AA-9999", 0.75)


def test_profiles_of_before_are_still_read() -> None:
    old = {"rows": 1, "duplicates": 0, "memory": 8, "target": "", "classes": []}
    numbers = {"minimum": 1.0, "maximum": 1.0, "mean": 1.0, "median": 1.0, "deviation": None, "skew": None}
    numbers |= {"quantiles": [1.0] * 101, "below": [0.0] * 101, "upto": [1.0] * 101, "edges": [1.0, 1.0]}
    column = {"name": "a", "type": "number", "count": 1, "missing": 0, "distinct": 1, "texts": None}
    old["columns"] = [column | {"numbers": numbers | {"counts": [1], "outliers": 0.0}}]
    read = msgspec.convert(old, Profile)
    assert read.column("a").kind is Kind.UNKNOWN
    assert "<svg" in profile_page(read)


def test_page_of_a_thousand_columns_is_small() -> None:
    columns = {f"sütun {place}": DICE.normal(size=200) for place in range(800)}
    columns |= {f"sınıf {place}": DICE.choice(["evet", "hayır", "belki"], 200) for place in range(199)}
    table = pl.DataFrame({**columns, "y": DICE.choice(["a", "b"], 200)})
    page = profile_page(profile(table, None, "y"))
    assert len(page.encode()) < 2_000_000
    assert all(f">{name}</a>" in page for name in columns)


def test_page_shows_no_row_but_those_allowed(found: Profile) -> None:
    assert "M-00001" not in profile_page(found)
    shown = profile_page(found, samples=[tuple(f"<{place}>" for place in range(len(found.columns)))])
    assert "&lt;0&gt;" in shown


@pytest.mark.data
def test_public_tables(public: Callable[[str], pl.DataFrame]) -> None:
    adult = profile(public("adult/adult.csv.gz"), None, "income")
    assert ("sentinel", "capital-gain") in rules(adult)
    assert [(each.determinant, each.dependent) for each in adult.dependencies] == [
        ("education", "education-num")
    ]
    assert adult.column("fnlwgt").kind is Kind.WEIGHT
    bank = profile(public("bank-marketing/bank-full.csv.gz"), None, "y")
    assert rules(bank) == {("sentinel", "pdays")}
    houses = profile(public("california-housing/housing.csv.gz"), None, "median_house_value")
    assert houses.findings == ()


def test_nobody_is_advised_to_learn_from_private_columns() -> None:
    schema = infer_schema(TABLE, DataSettings())
    advised = {name for each in profile(TABLE, schema, "y").advice for name in each.about}
    assert {"not", "müşteri_id"} <= advised
    found = profile(TABLE, schema, "y", private={"not", "müşteri_id"})
    assert not {"not", "müşteri_id"} & {name for each in found.advice for name in each.about}


def test_the_lines_of_a_hint_stand_out_on_the_page() -> None:
    hint = '`[data] ignore = ["<id>"]` leaves it out'
    told = Finding(rule="x", subject="y", verdict=Verdict.WARNED, message="look", hint=hint)
    page = profile_page(profile(TABLE, None, "y"), findings=[told])
    assert "look; " in page
    assert "<code>[data] ignore = [&quot;&lt;id&gt;&quot;]</code> leaves it out" in page
