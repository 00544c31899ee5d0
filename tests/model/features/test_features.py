"""Features: what is refused before training and how, what they learn, and what they bring a model."""

from __future__ import annotations

import numpy as np
import pytest

from kervan.core.errors import InvalidConfig, InvalidData
from kervan.core.features import Feature
from kervan.core.schema import Column, Difference, Effect, Schema, Signature, Type, difference
from kervan.model.features.columns import feature_columns
from kervan.model.features.signature import computed
from kervan.model.folds import Folding
from kervan.model.train import cross_validate, fit
from kervan.package.writing.fitted import Fitted

INPUTS = Schema(
    (
        Column(name="age", type=Type.INTEGER, nullable=True),
        Column(name="city", type=Type.CATEGORY, nullable=True, allowed=("Ankara", "İZMİR", "Iğdır")),
        Column(name="day", type=Type.DATE, nullable=True),
        Column(name="at", type=Type.DATETIME, nullable=True),
        Column(name="note", type=Type.TEXT, words=("late", "ok")),
        Column(name="hours per week", type=Type.NUMBER, nullable=True),
    )
)
OUTPUT = Column(name="y", type=Type.CATEGORY, allowed=("no", "yes"))
NAN = np.nan


def signature(*features: Feature) -> Signature:
    return Signature(inputs=INPUTS, output=OUTPUT, features=features)


def column_of(formula: str) -> Column:
    return computed(signature(Feature("x", formula)))[0]


def values_of(
    rows: list[list[float]], *features: Feature, then: list[list[float]] | None = None
) -> list[float]:
    """The last feature for some rows: age, city, day, days and seconds of at, late, ok, hours per week."""
    (columns,) = feature_columns(signature(*features))
    found = columns.fit(np.array(rows)).transform(np.array(rows if then is None else then))
    return [float(each) for each in found[:, -1]]


@pytest.mark.parametrize(
    ("formula", "place", "message", "hint"),
    [
        ("agee + 1", 1, "takes no column 'agee'", '"age"'),
        ("1 + lowr(city)", 5, "no function 'lowr'", '"lower"'),
        ("age + city", 7, "'city' is a category, where a number is needed", ""),
        ("age + 'x'", 7, "'x' is a text, where a number is needed", ""),
        ("if(age, 1, 2)", 4, "where true or false is needed", "age > 30"),
        ("if(age > 1, 1, 'x')", 16, "'x' is a text, where a number is needed", ""),
        ("y == 'yes'", 1, "'y' cannot be read: the model predicts it", ""),
        ("x + 1", 1, "go round in a circle: x → x", ""),
        ("city == 'Ankra'", 9, "no category 'Ankra'", '"Ankara"'),
        ("city in ['Van']", 10, "no category 'Van'", "Ankara"),
        ("hour(day)", 6, "'day' is a date, where a time is needed", ""),
        ("day < 'soon'", 7, "'soon' is no date or time", "2026-01-31"),
        ("lower(note)", 7, "'note' is a free text, where a category is needed", "count(note"),
        ("count(note, 'latte')", 13, "the word 'latte' of 'note' is not counted", "late"),
        ("age / 0", 5, "divides by zero", ""),
        ("age ** age", 5, "exponent has to be a number", ""),
        ("bin(age, [3, 1])", 10, "do not rise", ""),
        ("bin(age)", 1, "between which edges", "quantiles = 4"),
        ("bin(age, quantile = 4)", 1, "takes no `quantile`", '"quantiles"'),
        ("min(age)", 1, "at least 2 arguments", ""),
        ("1 < age < 5", 9, "do not follow one another", "and"),
        ("age +", 6, "a value is expected", ""),
        ("age ? 1", 5, "'?' is no sign", "backticks"),
        ("hours per week", 7, "'per' is not expected", ""),
        ("(" * 70 + "age" + ")" * 70, 61, "nests deeper", "a name"),
        (" + ".join(["age"] * 70), 365, "operators in a row", "a name"),
    ],
)
def test_an_expression_without_meaning_is_refused_with_its_place(
    formula: str, place: int, message: str, hint: str
) -> None:
    with pytest.raises(InvalidConfig, match="feature") as refused:
        column_of(formula)
    told = str(refused.value)
    assert told.startswith(f"[[model.features]] 'x', at character {place} of `")
    assert message in told
    assert hint in refused.value.hint


@pytest.mark.parametrize(
    ("formula", "message"),
    [("1 + 1", "the same in every row"), ("day", "it is a date"), ("note", "free text")],
)
def test_what_no_column_can_be_is_refused(formula: str, message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        column_of(formula)


@pytest.mark.parametrize("name", ["age", "y", "one"])
def test_a_name_that_is_taken_is_refused(name: str) -> None:
    with pytest.raises(InvalidConfig, match="has this name already"):
        computed(signature(Feature("one", "age + 1"), Feature(name, "age + 2")))


def test_features_may_use_features_in_any_order_but_not_in_a_circle() -> None:
    found = computed(signature(Feature("b", "a * 2"), Feature("a", "age + 1")))
    assert [each.type for each in found] == [Type.NUMBER, Type.NUMBER]
    with pytest.raises(InvalidConfig, match="circle: a → b → a"):
        computed(signature(Feature("a", "b"), Feature("b", "a")))


def test_a_text_for_an_answer_makes_a_category() -> None:
    found = column_of("if(age < 30, 'young', if(age < 60, 'grown', 'old'))")
    assert (found.type, found.allowed) == (Type.CATEGORY, ("young", "grown", "old"))
    assert column_of("age > 3 or `hours per week` > 1").type is Type.BOOLEAN


def test_letters_follow_one_rule_in_every_country() -> None:
    assert column_of("lower(city)").allowed == ("ankara", "izmir", "iğdır")
    assert column_of("upper(lower(city))").allowed == ("ANKARA", "IZMIR", "IĞDIR")


def test_quantiles_are_those_of_the_rows_that_are_fitted() -> None:
    rows = [[float(each), 0, 1, 1, 1, 0, 0, 1] for each in range(1, 101)]
    asked = [[each, 0, 1, 1, 1, 0, 0, 1] for each in (-5.0, 25, 26, 51, 1000, NAN)]
    found = values_of(rows, Feature("q", "bin(age, quantiles = 4)"), then=asked)
    np.testing.assert_array_equal(found, [0, 1, 1, 2, 3, NAN])


def test_times_are_apart_to_the_second_however_far_they_are_from_1970() -> None:
    rows = [[30.0, 0, 1, 20_454, 86_399, 2, 0, 1], [30.0, 0, 1, 20_455, 0.5, 0, 1, 1]]
    seconds = values_of(rows, Feature("s", "seconds_between('2026-01-01T00:00:00', at)"))
    assert seconds == [86_399, 86_400.5]
    assert values_of(rows, Feature("n", "count(note, 'LATE')")) == [2, 0]


def test_a_feature_that_is_missing_everywhere_is_refused() -> None:
    with pytest.raises(InvalidData, match="'x': it is missing in every row"):
        values_of([[1.0, 0, 1, 1, 1, 0, 0, 1]], Feature("x", "log(age - 5)"))


def test_other_features_mean_nothing_for_callers() -> None:
    old, new = signature(), signature(Feature("x", "age + 1"))
    assert difference(old, new) == (
        Difference("", "computes other features from its inputs", Effect.HARMLESS),
    )


@pytest.mark.parametrize("family", ["linear", "tree", "forest", "boosting"])
def test_a_difference_of_large_numbers_reaches_a_model_whole(family: str) -> None:
    random = np.random.default_rng(0)
    start = 1_760_000_000 + random.integers(0, 10**7, 600)
    took = random.integers(0, 100, 600)
    matrix = np.column_stack([start, start + took]).astype(float)
    truth = (took > 50).astype(np.int64)
    inputs = Schema(tuple(Column(name=name, type=Type.INTEGER) for name in ("start", "end")))
    plain = Signature(inputs=inputs, output=OUTPUT)
    folding = Folding(folds=3, seed=0)
    assert cross_validate(family, matrix, truth, plain, folding).means["roc_auc"] < 0.7
    asked = Signature(inputs=inputs, output=OUTPUT, features=(Feature("took", "end - start"),))
    assert cross_validate(family, matrix, truth, asked, folding).means["roc_auc"] > 0.99


def test_five_hundred_features_are_computed() -> None:
    features = [Feature(f"f{each}", f"age * {each} + 1") for each in range(500)]
    rows = [[float(each), 0, 1, 1, 1, 0, 0, 1] for each in range(1, 31)]
    assert values_of(rows, *features)[:2] == [500, 999]
    truth = (np.arange(30) > 14).astype(np.int64)
    asked = signature(*features)
    fitted = Fitted(fit("linear", np.array(rows), truth, asked, seed=0), asked)
    assert len(fitted.form.layers) < 3_000
