"""Features that are functions of Python: what they get, what they may give, and what is refused."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kervan.core.called import OwnFeature, feature, located, own_feature
from kervan.core.errors import InvalidConfig, InvalidData, KervanError, NotFound, Refused, RefusedRow
from kervan.core.features import Feature, as_features
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.model.features.calls import FunctionColumns
from kervan.model.features.signature import computed
from kervan.model.features.stages import staged
from kervan.model.prepared import prepared, prepared_table
from kervan.package.encoding import encode_table
from kervan.serve.decode import RowDecoder

NAN = np.nan
INPUTS = Schema(
    (
        Column(name="age", type=Type.INTEGER, nullable=True),
        Column(name="city", type=Type.CATEGORY, nullable=True, allowed=("Ankara", "Iğdır")),
        Column(name="member", type=Type.BOOLEAN, nullable=True),
        Column(name="day", type=Type.DATE, nullable=True),
        Column(name="at", type=Type.DATETIME, nullable=True),
        Column(name="note", type=Type.TEXT, words=("late", "ok"), nullable=True),
        Column(name="hours per week", type=Type.NUMBER, nullable=True),
    )
)
OUTPUT = Column(name="y", type=Type.CATEGORY, allowed=("no", "yes"))
HEAD = "import numpy as np\nfrom kervan import feature\n\n@feature\ndef f"
TWO = "\n\n@feature\ndef two(age, note): return age"
TEXTS = ("Late, and BROKEN 😡", "", None, "çok İYİ")
ROWS = np.array(  # age, city, member, day, days and seconds of at, late, ok, hours
    [[30.0 + row, row % 2, row % 2, 20_000.0, 20_000.0, 60.5, 0, 1, 40.0 - row] for row in range(20)]
)
EMPTY = np.array([[NAN, -1, NAN, NAN, NAN, NAN, 0, 0, NAN]])


def signature_of(folder: Path, source: str, *features: Feature) -> Signature:
    (folder / "geo.py").write_text(source, encoding="utf-8")
    wanted = features or (Feature("f", call="geo:f"),)
    return Signature(inputs=INPUTS, output=OUTPUT, features=located(wanted, folder))


def answers(folder: Path, source: str, *features: Feature, rows: np.ndarray = ROWS) -> list[float]:
    return [float(each) for each in prepared(signature_of(folder, source, *features), rows)[:, -1]]


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("(age): return age * 2", [60, 62, NAN]),
        ("(member): return np.nan_to_num(member, nan=7)", [0, 1, 7]),
        ("(city): return np.array([each == 'Iğdır' for each in city])", [0, 1, 0]),
        ("(city): return np.array([each is None for each in city])", [0, 0, 1]),
        ("(day): return (day - np.datetime64('2024-01-01')).astype(float)", [277, 277, NAN]),
        ("(at): return (at - at.astype('datetime64[m]')) / np.timedelta64(1, 's')", [0.5, 0.5, NAN]),
        ("(age, share=0.5): return age * share", [15, 15.5, NAN]),
    ],
)
def test_columns_come_as_people_know_them(source: str, wanted: list[float], tmp_path: Path) -> None:
    rows = np.vstack([ROWS[:2], EMPTY])
    if "day" in source:
        source = source.replace(".astype(float)", " / np.timedelta64(1, 'D')")
    np.testing.assert_equal(answers(tmp_path, HEAD + source, rows=rows), wanted)


def test_functions_and_expressions_read_what_stands_before_them(tmp_path: Path) -> None:
    source = f"{HEAD}(young, hours): return np.where(young == 1, hours, 0)\n"
    features = (
        Feature("young", "age < 33"),
        Feature("busy", call="geo:f", of=("young", "hours per week")),
        Feature("half", "busy / 2"),
        Feature("again", call="geo:f", of=("member", "half")),
        Feature(scale=("busy",)),
    )
    signature = signature_of(tmp_path, source, *features)
    assert [(each.name, each.type) for each in computed(signature)] == [
        ("young", Type.BOOLEAN),
        ("busy", Type.NUMBER),
        ("half", Type.NUMBER),
        ("again", Type.NUMBER),
    ]
    found = prepared(signature, ROWS)[:, -4:]
    np.testing.assert_equal(
        found[:4].tolist(), [[1, 40, 20, 0], [1, 39, 19.5, 19.5], [1, 38, 19, 0], [0] * 4]
    )
    assert [str(each) for each in signature.features][1] == "busy = geo:f(young, hours per week)"
    staged(signature)


def table_of(rows: int) -> pl.DataFrame:
    columns = {
        "age": range(rows),
        "city": ["Ankara"] * rows,
        "member": [True] * rows,
        "day": [date(2024, 2, 29)] * rows,
        "at": [datetime(2024, 2, 29, 18, 30)] * rows,
        "note": [TEXTS[row % len(TEXTS)] for row in range(rows)],
        "hours per week": [40.0] * rows,
    }
    return pl.DataFrame(columns)


def test_a_function_of_a_free_text_gets_it_as_it_was_written_alike_in_a_table_and_a_request(
    tmp_path: Path,
) -> None:
    signature = signature_of(
        tmp_path,
        f"{HEAD}(note): return np.array([np.nan if each is None else float(len(each)) for each in note])\n"
        "@feature\ndef g(long, age): return long + age",
        Feature("long", call="geo:f"),
        Feature("twice", "long * 2 + count(note, 'late')"),
        Feature("both", call="geo:g"),
    )
    table = table_of(8)
    columns = computed(signature)
    assert [each.name for each in columns] == ["long", "twice", "both"]
    lengths = [len(each) if each is not None else NAN for each in TEXTS]
    found = prepared_table(signature, table)[:4, -3:]
    twice = [length * 2 + (place == 0) for place, length in enumerate(lengths)]
    wanted = [lengths, twice, [length + place for place, length in enumerate(lengths)]]
    np.testing.assert_equal(found, np.transpose(wanted))
    rows = [
        {name: str(value) if name in {"day", "at"} else value for name, value in row.items()}
        for row in table.to_dicts()
    ]
    np.testing.assert_equal(RowDecoder(signature).decode(rows), encode_table(table, signature))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "(note): return np.full(len(note), float(len(note)))",
            "another answer when other rows stand beside",
        ),
        ("(note): return np.array([float(len(each)) for each in note])", r"TypeError.*\(row 2 of those"),
        ("(note): return note", "returned an array of object"),
        ("(note): return np.full(len(note), np.nan)", "is missing in every row"),
        ("(note):\n    note[0] = ''\n    return np.zeros(len(note))", "read-only"),
    ],
)
def test_a_function_of_a_free_text_is_held_to_what_all_functions_are(
    body: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises((InvalidConfig, InvalidData), match=message):
        prepared_table(signature_of(tmp_path, f"{HEAD}{body}"), table_of(8))


def test_a_column_that_the_model_leaves_out_is_refused_with_the_reason(tmp_path: Path) -> None:
    signature = signature_of(tmp_path, f"{HEAD}(name): return name")
    with pytest.raises(InvalidConfig, match="'name' cannot be read: it is free text") as refused:
        computed(signature, {"name": "it is free text"})
    assert "[[data.steps]]" in refused.value.hint


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ((Feature("a", "f + 1"), Feature("f", call="geo:f")), "'f' cannot be read: it stands behind"),
        ((Feature("f", call="geo:f", of=("a",)), Feature("a", "f")), "'a' cannot be read: it stands behind"),
        ((Feature("f", call="geo:f", of=("f",)),), "the model takes no column 'f'|cannot be read"),
        ((Feature("f", call="geo:f", of=("y",)),), "'y' cannot be read: the model predicts it"),
        ((Feature("f", call="geo:f", of=("agee",)),), "takes no column 'agee'"),
        (
            (Feature("g", call="geo:two", of=("note", "age")),),
            "'note' is a free text, and a function gets a free text alone",
        ),
        ((Feature("age", call="geo:f"),), "a column has this name already"),
        ((Feature("g", call="geo:g"),), "geo.py has no function 'g' marked"),
        ((Feature("f", call="geo:f", of=("age", "day")),), "geo:f does not take 2 columns"),
    ],
)
def test_columns_that_no_function_can_have_are_refused(
    features: tuple[Feature, ...], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidConfig, match=message):
        computed(signature_of(tmp_path, f"{HEAD}(age): return age{TWO}", *features))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("(age):\n    return age.nothing", r"geo.py:6: the feature 'f' failed: AttributeError"),
        ("(age):\n    raise SystemExit", r"geo.py:6: the feature 'f' failed: SystemExit"),
        ("(age):\n    age[0] = 1\n    return age", r"geo.py:6: the feature 'f' failed: .*read-only"),
        ("(age, city): return age", r""),
        ("(age): return age[:3]", r"geo.py:4: .* returned the shape \(3,\) for 20 rows"),
        ("(age): return age.mean()", r"returned float64"),
        ("(age): return age.tolist()", r"returned list"),
        ("(age): return np.ma.masked_less(age, 35)", r"returned MaskedArray"),
        ("(age): return age.astype(str)", r"returned an array of <U"),
        ("(age): return 1 / (age - 35)", r"infinite.*\(row 5 of those to learn from"),
        ("(age): return age - age.mean()", r"another answer when other rows stand beside it"),
        ("(age): return np.cumsum(age)", r"another answer when other rows stand beside it"),
        ("(age): return (age - age.min()) / max(np.ptp(age), 1)", r"other rows stand beside it"),
        ("(age): return age if len(age) < 2 else age - age.mean()", r"other rows stand beside it"),
        ("(age): return np.random.default_rng().random(len(age))", r"otherwise each time"),
    ],
)
def test_what_a_function_may_not_do_is_refused_with_its_name(body: str, message: str, tmp_path: Path) -> None:
    if not message:
        assert answers(tmp_path, HEAD + body)
        return
    with pytest.raises(InvalidConfig, match=message) as refused:
        answers(tmp_path, HEAD + body)
    assert "geo.py:" in str(refused.value)
    assert "'f'" in str(refused.value)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def f(age): return age", "has no function 'f' marked with @kervan.feature"),
        ("def f(age:", "geo.py:1: it cannot be loaded: SyntaxError"),
        ("\n1 / 0", "geo.py:2: it cannot be loaded: ZeroDivisionError"),
        (f"import beside\n{HEAD}(age): return age", "imports beside, which lies beside it"),
        (f"from . import x\n{HEAD}(age): return age", "imports by a dot"),
        (f"{HEAD}(): return 1", "the arguments of f name no columns"),
        (f"{HEAD}(*columns): return 1", "the arguments of f name no columns"),
    ],
)
def test_a_file_that_cannot_travel_is_refused(source: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("")
    with pytest.raises(InvalidConfig, match=message):
        signature_of(tmp_path, source)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"there is no file .*places/geo.py"):
        located([Feature("f", call="places.geo:f")], tmp_path)


def test_a_function_without_an_answer_for_any_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match=r"geo.py:4: the feature 'f' \(geo:f\) is missing in every row"):
        answers(tmp_path, f"{HEAD}(age): return age * np.nan")
    rows = np.repeat(ROWS, 60, axis=0)
    rows[:, 0] = np.arange(len(rows)) == 601
    found = answers(tmp_path, f"{HEAD}(age): return np.where(age == 1, 1, np.nan)", rows=rows)
    assert np.nansum(found) == 1


def test_the_row_is_counted_in_the_whole_table(tmp_path: Path) -> None:
    rows = np.repeat(ROWS, 150, axis=0)
    rows[:, 0] = np.arange(len(rows))
    source = f"{HEAD}(age): return np.where(age >= 2500, np.inf, age)"
    signature = signature_of(tmp_path, source)
    with pytest.raises(InvalidConfig, match=r"row 25\d\d of those"):
        prepared(signature, rows)
    source = f"{HEAD}(age): return np.where(age == 2501, np.inf, age)"
    with pytest.raises(InvalidConfig, match="row 2501 of those"):
        answers(tmp_path, source, rows=rows)


def test_a_row_that_a_function_does_not_take_is_named(tmp_path: Path) -> None:
    source = f"{HEAD}(age): return np.array([np.log(each) if each > 0 else 1 / 0 for each in age])"
    signature = signature_of(tmp_path, source)
    (columns,) = _columns(signature)
    columns.fit(ROWS)
    bad = ROWS.copy()
    bad[13, 0] = 0
    with pytest.raises(RefusedRow, match="ZeroDivisionError") as refused:
        columns.transform(bad)
    assert (refused.value.row, refused.value.field) == (13, "f")
    assert np.isfinite(columns.transform(ROWS)).all()  # it goes on


def test_a_function_that_nobody_allowed_does_not_run() -> None:
    told = {"name": "f", "call": "geo:f", "of": ["age"], "code": "0" * 64}
    columns = FunctionColumns([told], [{"name": "age", "kind": "a number", "labels": [], "places": [0]}])
    columns.n_features_in_ = 1
    with pytest.raises(Refused, match="nobody allowed it to run here"):
        columns.transform(ROWS[:, :1])


@given(arrays(np.float64, (7,), elements=st.floats(-1e6, 1e6)))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_gives_what_the_function_gives(tmp_path: Path, ages: np.ndarray) -> None:
    rows = ROWS[:7].copy()
    rows[:, 0] = ages
    found = answers(tmp_path, f"{HEAD}(age): return np.sqrt(np.abs(age)) - age", rows=rows)
    np.testing.assert_array_equal(found, np.sqrt(np.abs(ages)) - ages)


EARTH = 6371.0


def half(angle: np.ndarray) -> np.ndarray:
    return np.divide(angle, 2)


def test_a_function_that_was_typed_in_travels_with_what_it_uses() -> None:
    share = 3

    @feature(of=["age"])
    def typed(years: np.ndarray, more: float = EARTH) -> np.ndarray:
        return half(years) * share + more

    (found,) = as_features([typed])
    assert (found.name, found.call, found.of) == ("typed", "notebook:typed", ("age",))
    again = own_feature(found.call, found.code)
    assert isinstance(again, OwnFeature)
    assert again(np.array([4.0])).tolist() == [6377.0]


def test_a_function_that_numpy_wraps_is_one(tmp_path: Path) -> None:
    source = "import numpy as np\nfrom kervan import feature\n\n@feature(of=['age'])\n@np.vectorize\n"
    assert answers(tmp_path, f"{source}def f(age):\n    return age + 1.5")[:2] == [31.5, 32.5]
    with pytest.raises(InvalidConfig, match=r"geo.py: the feature 'f' .*infinite"):
        answers(tmp_path, f"{source}def f(age):\n    return age + np.inf")


def test_a_function_stands_for_itself() -> None:
    with pytest.raises(InvalidConfig, match="'half' calls") as refused:
        Feature("half", call=half)  # type: ignore[arg-type]
    assert "features=[" in refused.value.hint


def test_what_cannot_be_written_down_is_named() -> None:
    table = np.ones(3)

    @feature
    def typed(age: np.ndarray) -> np.ndarray:
        return age * table[0]

    with pytest.raises(KervanError, match="it uses table, a ndarray, which cannot travel") as refused:
        as_features([typed])
    assert "file of its own" in refused.value.hint
    assert typed(np.array([2.0])).tolist() == [2.0]


def _columns(signature: Signature) -> list[FunctionColumns]:
    from kervan.model.features.columns import feature_columns

    return feature_columns(signature)
