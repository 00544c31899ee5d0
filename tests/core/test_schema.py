from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kervan.core.errors import InvalidInput
from kervan.core.identity import Bump
from kervan.core.schema import Column, Effect, Schema, Signature, Type, Unseen, difference, smallest_bump

AGE = Column(name="yaş", type=Type.INTEGER, minimum=0, maximum=120)
CITY = Column(name="şehir", type=Type.CATEGORY, allowed=("Ankara", "İstanbul"))
LABEL = Column(name="gelir", type=Type.CATEGORY, allowed=("az", "çok"))
OLD = Signature(inputs=Schema((AGE, CITY)), output=LABEL)
STRICT = replace(CITY, unseen=Unseen.REFUSE)
EXTRA = Column(name="ı", type=Type.NUMBER)


def inputs(*columns: Column) -> Signature:
    return replace(OLD, inputs=Schema(columns))


def output(**changes: Any) -> Signature:
    return replace(OLD, output=replace(LABEL, **changes))


@pytest.mark.parametrize(
    ("old", "new", "bump", "words"),
    [
        (OLD, OLD, Bump.PATCH, ()),
        (OLD, inputs(CITY, AGE), Bump.PATCH, ()),
        (OLD, inputs(AGE), Bump.MAJOR, ("was removed",)),
        (OLD, inputs(AGE, CITY, EXTRA), Bump.MAJOR, ("was added, required",)),
        (OLD, inputs(AGE, CITY, replace(EXTRA, nullable=True)), Bump.MINOR, ("was added, optional",)),
        (OLD, inputs(replace(AGE, type=Type.NUMBER), CITY), Bump.MAJOR, ("is number, was integer",)),
        (OLD, inputs(replace(AGE, unit="ay"), CITY), Bump.MAJOR, ("is in ay, was no unit",)),
        (OLD, inputs(replace(AGE, nullable=True), CITY), Bump.MINOR, ("may be missing",)),
        (inputs(replace(AGE, nullable=True), CITY), OLD, Bump.MAJOR, ("may no longer be missing",)),
        (OLD, inputs(replace(AGE, maximum=100), CITY), Bump.MAJOR, ("allows a narrower range",)),
        (OLD, inputs(replace(AGE, maximum=None), CITY), Bump.MINOR, ("allows a wider range",)),
        (OLD, inputs(replace(AGE, minimum=1, maximum=200), CITY), Bump.MAJOR, ("allows a narrower range",)),
        (OLD, inputs(AGE, replace(CITY, allowed=("Ankara",))), Bump.PATCH, ("no longer knows 1",)),
        (OLD, inputs(AGE, replace(CITY, allowed=(*CITY.allowed, "x"))), Bump.PATCH, ("knows 1 more",)),
        (OLD, inputs(AGE, STRICT), Bump.MAJOR, ("refuses categories",)),
        (inputs(AGE, STRICT), OLD, Bump.MINOR, ("accepts categories",)),
        (
            inputs(AGE, STRICT),
            inputs(AGE, replace(STRICT, allowed=("Ankara",))),
            Bump.MAJOR,
            ("no longer knows 1",),
        ),
        (
            inputs(AGE, STRICT),
            inputs(AGE, replace(STRICT, allowed=(*CITY.allowed, "x"))),
            Bump.MINOR,
            ("knows 1 more",),
        ),
        (OLD, output(name="maaş"), Bump.MAJOR, ("the output 'gelir' was renamed",)),
        (OLD, output(type=Type.NUMBER, allowed=()), Bump.MAJOR, ("the output is number, was category",)),
        (OLD, output(allowed=("az",)), Bump.MAJOR, ("never answers çok any more",)),
        (OLD, output(allowed=("az", "çok", "orta")), Bump.MINOR, ("answers more classes",)),
        (OLD, output(allowed=("çok", "az")), Bump.PATCH, ()),
    ],
)
def test_a_difference_demands_its_step(
    old: Signature, new: Signature, bump: Bump, words: tuple[str, ...]
) -> None:
    found = difference(old, new)
    assert smallest_bump(old, new) is bump
    assert len(found) == len(words)
    for one, said in zip(found, words, strict=True):
        assert said in one.what


def test_a_difference_names_its_column() -> None:
    new = inputs(replace(AGE, type=Type.TEXT, minimum=None, maximum=None, nullable=True))
    assert [(one.column, one.effect) for one in difference(OLD, new)] == [
        ("yaş", Effect.BREAKS),
        ("yaş", Effect.EXTENDS),
        ("yaş", Effect.EXTENDS),
        ("şehir", Effect.BREAKS),
    ]


LIMITS = st.none() | st.integers(-3, 3).map(float)
COLUMNS = st.builds(
    lambda name, low, high, allowed, **others: Column(
        name=name,
        minimum=low if low is None or high is None else min(low, high),
        maximum=high if low is None or high is None else max(low, high),
        allowed=tuple(allowed),
        **others,
    ),
    name=st.sampled_from(["a", "ı", "İ", "*", "^a$"]),
    low=LIMITS,
    high=LIMITS,
    allowed=st.lists(st.sampled_from("xyz"), unique=True),
    type=st.sampled_from(Type),
    nullable=st.booleans(),
    unit=st.sampled_from(["", "TL"]),
    unseen=st.sampled_from(Unseen),
)
SIGNATURES = st.builds(
    lambda columns, output: Signature(inputs=Schema(tuple(columns)), output=output),
    st.lists(COLUMNS, max_size=4, unique_by=lambda column: column.name),
    COLUMNS,
)
STEPS = {Effect.BREAKS: Bump.MAJOR, Effect.EXTENDS: Bump.MINOR, Effect.HARMLESS: Bump.PATCH}


@given(SIGNATURES)
def test_nothing_differs_from_itself(signature: Signature) -> None:
    assert difference(signature, signature) == ()
    assert smallest_bump(signature, signature) is Bump.PATCH


@given(SIGNATURES, SIGNATURES)
def test_a_bump_is_the_largest_that_any_difference_demands(old: Signature, new: Signature) -> None:
    demanded = [STEPS[one.effect] for one in difference(old, new)]
    assert smallest_bump(old, new) is max(demanded, default=Bump.PATCH)


@given(SIGNATURES, SIGNATURES)
def test_what_only_extends_breaks_when_taken_back(old: Signature, new: Signature) -> None:
    if smallest_bump(old, new) is Bump.MINOR:
        assert smallest_bump(new, old) is Bump.MAJOR


def test_columns_and_schemas_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no name"):
        Column(name="", type=Type.TEXT)
    with pytest.raises(InvalidInput, match="'yaş': 3 to 2 is no range"):
        Column(name="yaş", type=Type.NUMBER, minimum=3, maximum=2)
    with pytest.raises(InvalidInput, match="'şehir' lists a category twice"):
        Column(name="şehir", type=Type.CATEGORY, allowed=("a", "a"))
    with pytest.raises(InvalidInput, match="two columns are called 'yaş'"):
        Schema((AGE, AGE))


def test_a_schema_is_read_by_name() -> None:
    schema = OLD.inputs
    assert (schema.names, len(schema), list(schema)) == (("yaş", "şehir"), 2, [AGE, CITY])
    assert schema["şehir"] is CITY
    assert "şehir" in schema
    assert "sehir" not in schema
    assert schema.without("yaş", "yok").names == ("şehir",)
    with pytest.raises(InvalidInput, match="no column 'sehir'") as caught:
        schema["sehir"]
    assert caught.value.hint == 'did you mean "şehir"?'


def test_a_type_says_whether_it_counts() -> None:
    assert [kind for kind in Type if kind.is_numeric] == [Type.INTEGER, Type.NUMBER, Type.BOOLEAN]
    assert OLD.is_classification
    assert not output(type=Type.NUMBER, allowed=()).is_classification
