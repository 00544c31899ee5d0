"""Steps that make a table: what each gives, and what it says of a table that it does not fit."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kervan.core import shaping as steps
from kervan.core.errors import InvalidConfig, InvalidData, KervanError, NotFound
from kervan.data.steps.escape import transform
from kervan.data.steps.outliers import DETECTORS, within
from kervan.data.steps.shape import Around, Shaped, shape

TABLE = pl.DataFrame(
    {
        "id": [1, 2, 2, 3],
        "city": ["06 Ankara", "34 İstanbul", None, "x"],
        "v": [1.0, 2.0, 3.0, None],
        "m": ["a", "b", "a", "b"],
    }
)


def shaped(*wanted: Any, table: pl.DataFrame = TABLE, **around: Any) -> Shaped:
    return shape(table, wanted, Around(**around))


def columns(*wanted: Any, table: pl.DataFrame = TABLE, **around: Any) -> dict[str, list[Any]]:
    return shaped(*wanted, table=table, **around).table.to_dict(as_series=False)


def parsed(values: list[Any], **options: Any) -> list[Any]:
    return columns(steps.Parse(parse=("x",), **options), table=pl.DataFrame({"x": values}))["x"]


def test_renames_drops_and_selects() -> None:
    found = shaped(
        steps.Rename(rename={"id": "no"}), steps.Drop(drop=("m",)), steps.Select(select=("v", "no"))
    )
    assert found.table.columns == ["v", "no"]
    assert [(each.added, each.removed) for each in found.steps] == [
        (("no",), ("id",)),
        ((), ("m",)),
        ((), ("city",)),
    ]


def test_swaps_names() -> None:
    assert columns(steps.Rename(rename={"id": "v", "v": "id"}))["v"] == [1, 2, 2, 3]


@pytest.mark.parametrize(
    ("step", "message", "hint"),
    [
        (steps.Rename(rename={"idd": "no"}), "no column 'idd'", '"id"'),
        (steps.Rename(rename={"id": "v"}), "two columns would be called 'v'", "another name"),
        (steps.Drop(drop=("w",)), "no column 'w'", "known"),
        (steps.Filter(filter="w >= 2"), "no column 'w'", "known"),
        (steps.Filter(filter="v +"), "cannot be used", "age >= 18"),
        (steps.Filter(filter="v"), "not true or false", "age >= 18"),
        (steps.Derive(derive={"r": "sum(v)"}), "gives 1 values for 4 rows", "aggregate"),
        (steps.Derive(derive={"r": "year(city)"}), "cannot be", ""),
        (steps.Aggregate(aggregate={"s": "v"}, by=("m",)), "many values for one group", "max"),
        (steps.Aggregate(aggregate={"s": "sum(v)"}, by=()), "by is empty", "by ="),
        (steps.Extract(extract="city", pattern="("), "is no pattern", ""),
        (steps.Extract(extract="city", pattern="a"), "names no group", "<"),
        (steps.Combine(combine=("id", "m"), into="v"), "a column 'v' already", "another name"),
        (steps.Pivot(pivot="m", values="v", by=("id",), function="all"), "function", ""),
        (steps.Unpivot(unpivot=("v", "city"), into="k", values="w"), "hold Float64, String", "one kind"),
        (steps.Deduplicate(deduplicate=("id",), keep="best"), "none of first", ""),
        (steps.Sql(sql="select zz from data"), '"zz"', "table `data`"),
        (steps.Sql(sql="select * from read_csv('a.csv')"), "on record", "table `data`"),
        (steps.Parse(parse=("m",), to="money"), "none of number", ""),
        (steps.Parse(parse=("m",), day_first=False), "day_first is not for numbers", ""),
    ],
    ids=lambda each: getattr(each, "__class__", type(each)).__name__ if not isinstance(each, str) else "",
)
def test_a_step_that_does_not_fit_says_why(step: Any, message: str, hint: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        shaped(step)
    assert message in str(caught.value)
    assert "[[data.steps]] 1" in str(caught.value)
    assert hint in (caught.value.hint or "")


def test_extracts_named_groups_and_tells_what_did_not_fit() -> None:
    found = shaped(steps.Extract(extract="city", pattern=r"(?<code>\d+) (?P<name>.+)"))
    assert found.table["name"].to_list() == ["Ankara", "İstanbul", None, None]
    assert "1 of 4 texts do not fit" in found.findings[0].message


def test_combines_what_is_there() -> None:
    table = pl.DataFrame({"a": ["x", None, None], "b": [1, 2, None]})
    assert columns(steps.Combine(combine=("a", "b"), into="c", between="-"), table=table)["c"] == [
        "x-1",
        "2",
        None,
    ]


def test_filters_and_counts_what_nobody_knows() -> None:
    found = shaped(steps.Filter(filter="v >= 2"))
    assert found.table["v"].to_list() == [2.0, 3.0]
    assert "1 rows are left out because a value is missing" in found.findings[0].message


def test_a_column_may_be_called_as_a_word_of_sql() -> None:
    table = pl.DataFrame({"end": [1, 3], "start": [2, 2]})
    assert columns(steps.Filter(filter="end >= start"), table=table)["end"] == [3]


def test_tells_of_a_column_that_depends_on_other_rows() -> None:
    found = shaped(steps.Derive(derive={"apart": "v - avg(v) over ()", "twice": "v * 2"}))
    assert found.table["twice"].to_list() == [2.0, 4.0, 6.0, None]
    assert ["'apart'" in each.message for each in found.findings] == [True]


def test_aggregates_in_the_order_of_the_groups() -> None:
    step = steps.Aggregate(aggregate={"all": "sum(v)", "n": "count(*)"}, by=("m",))
    assert columns(step) == {"m": ["a", "b"], "all": [4.0, 2.0], "n": [2, 2]}


def test_what_a_pivot_has_no_row_for_is_missing() -> None:
    found = columns(steps.Pivot(pivot="m", values="v", by=("id",)))
    assert found == {"id": [1, 2, 3], "a": [1.0, 3.0, None], "b": [None, 2.0, None]}


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.sampled_from("abc"), st.integers(-9, 9)),
        min_size=1,
        unique_by=lambda each: each[:2],
    )
)
def test_what_is_pivoted_and_unpivoted_is_the_same(rows: list[tuple[int, str, int]]) -> None:
    table = pl.DataFrame(rows, schema={"id": pl.Int64, "key": pl.String, "value": pl.Int64}, orient="row")
    wide = shaped(steps.Pivot(pivot="key", values="value", by=("id",)), table=table).table
    keys = tuple(name for name in wide.columns if name != "id")
    long = shaped(steps.Unpivot(unpivot=keys, into="key", values="value"), table=wide).table.drop_nulls(
        "value"
    )
    assert sorted(long.select("id", "key", "value").rows()) == sorted(rows)


def test_keeps_one_of_equal_rows() -> None:
    assert columns(steps.Deduplicate(deduplicate=("id",)))["v"] == [1.0, 2.0, None]
    newest = columns(steps.Deduplicate(deduplicate=("id",), keep="last", by="v"))
    assert sorted(zip(newest["id"], newest["v"], strict=True)) == [(1, 1.0), (2, 3.0), (3, None)]
    assert columns(steps.Deduplicate(deduplicate=("id",), keep="none"))["id"] == [1, 3]


def test_joins_and_says_what_met_nothing() -> None:
    other = pl.DataFrame({"id": [1, 2], "w": ["p", "q"], "v": [0, 0]})
    found = shaped(steps.Join(join="o.csv", on=("id",)), tables={"o.csv": other})
    assert found.table["w"].to_list() == ["p", "q", "q", None]
    assert found.table["v"].to_list() == [1.0, 2.0, 3.0, None]
    assert ["already" in each.message for each in found.findings] == [True, False]
    assert "1 of 4 rows meet none" in found.findings[1].message


def test_a_join_that_would_double_rows_is_refused() -> None:
    with pytest.raises(InvalidData, match=r"2 rows of o\.csv have the same id"):
        shaped(steps.Join(join="o.csv", on=("id",)), tables={"o.csv": TABLE})


def test_keys_of_other_kinds_do_not_meet() -> None:
    other = pl.DataFrame({"id": ["1"], "w": [1]})
    with pytest.raises(InvalidConfig, match="Int64 here and String there"):
        shaped(steps.Join(join="o.csv", on=("id",)), tables={"o.csv": other})


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=20),
    st.lists(st.integers(0, 40), max_size=20, unique=True),
    st.integers(1, 20),
)
def test_as_of_never_looks_into_the_future(asked: list[int], known: list[int], within: int) -> None:
    day = [date(2024, 1, 1).toordinal() + each for each in asked]
    table = pl.DataFrame({"t": [date.fromordinal(each) for each in day], "n": range(len(day))})
    other = pl.DataFrame(
        {"t": [date.fromordinal(date(2024, 1, 1).toordinal() + each) for each in known], "seen": known},
        schema={"t": pl.Date, "seen": pl.Int64},
    )
    step = steps.Join(join="o", as_of="t", within=f"{within}d")
    found = columns(step, table=table, tables={"o": other})
    wanted = [max((each for each in known if at - within <= each <= at), default=None) for at in asked]
    assert (found["n"], found["seen"]) == (list(range(len(day))), wanted)


def test_a_query_makes_a_table_and_is_told_of() -> None:
    found = shaped(steps.Sql(sql="select m, sum(v) as s from data group by m order by m"))
    assert found.table.to_dict(as_series=False) == {"m": ["a", "b"], "s": [4.0, 2.0]}
    assert "other rows" in found.findings[0].message


def test_a_table_without_rows_stops() -> None:
    with pytest.raises(InvalidData, match="no row is left of 4"):
        shaped(steps.Filter(filter="v > 99"))


def test_calls_a_marked_function_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "from kervan import transform\n\n@transform\ndef clean(table):\n    return table.drop_nulls()\n\n"
        "@transform\ndef broken(table):\n    return 1 / 0\n\n@transform\ndef wrong(table):\n    return 3\n\n"
        "def unmarked(table):\n    return table\n"
    )
    assert columns(steps.Call(call="own.py:clean"), folder=tmp_path)["id"] == [1, 2]
    for name, message in [
        ("broken", "ZeroDivisionError"),
        ("wrong", "returned int"),
        ("unmarked", "no function 'unmarked' marked"),
        ("absent", "no function 'absent' marked"),
    ]:
        with pytest.raises(InvalidConfig, match=message):
            shaped(steps.Call(call=f"own.py:{name}"), folder=tmp_path)
    with pytest.raises(NotFound, match=r"other\.py"):
        shaped(steps.Call(call="other.py:clean"), folder=tmp_path)
    with pytest.raises(InvalidConfig, match="names no function"):
        shaped(steps.Call(call="own.py"), folder=tmp_path)


def test_a_marked_function_stays_what_it_was() -> None:
    def same(table: pl.DataFrame) -> pl.DataFrame:
        return table

    assert transform(same) is same


@pytest.mark.parametrize(
    ("written", "options", "wanted"),
    [
        (["17.244,63", "3,5", None], {}, [17244.63, 3.5, None]),
        (["$29.85", "$1,000.00", "-$3"], {}, [29.85, 1000.0, -3.0]),
        (["1.234", "2.345"], {"decimal": ","}, [1234, 2345]),
        (["1.234", "2.345"], {"decimal": "."}, [1.234, 2.345]),
        (["70 kg", "154 lb"], {"units": {"kg": 1.0, "lb": 0.5}}, [70.0, 77.0]),
        (["1.234.567", "(12)"], {}, [1234567, -12]),
        (["$(1,234.50)", "$3", "($2)"], {}, [-1234.5, 3.0, -2.0]),
        (["12 %", "3.5 %"], {}, [12.0, 3.5]),
        (["1 234,50 ₺", "₺3"], {}, [1234.5, 3.0]),
        (["1\u202f234,5", "1'234,5"], {}, [1234.5, 1234.5]),
        (["9007199254740993"], {}, [9007199254740993]),
        (["0,05", "+1,25", "−4"], {}, [0.05, 1.25, -4.0]),
        ([3, None], {}, [3, None]),
    ],
)
def test_reads_numbers_as_people_write_them(
    written: list[Any], options: dict[str, Any], wanted: list[Any]
) -> None:
    assert parsed(written, **options) == wanted


@pytest.mark.parametrize(
    ("written", "options", "message"),
    [
        (["1.234", "2.345"], {}, "nobody can tell whether '1.234' has a decimal mark"),
        (["1,5", "1.5"], {}, "writes numbers in two ways: '1,5' and '1.5'"),
        (["1.5", "2,5", "x"], {}, "holds what is no number: row 3 'x'"),
        (["1,5", "1.5"], {"decimal": ","}, "row 2 '1.5'"),
        (["70 kg", "154 lb"], {}, "several units: 'kg' in 1 rows, 'lb' in 1 rows"),
        (["70 kg", "5"], {}, "several units: 'kg' in 1 rows, no unit in 1 rows"),
        (["70 kg", "5 g"], {"units": {"kg": 1.0}}, "is in 'g', which units does not list: row 2 '5 g'"),
        (["1e5"], {}, "row 1 '1e5'"),
        (["1.2.3"], {"decimal": "."}, "row 1 '1.2.3'"),
        (["12,34,567"], {"decimal": "."}, "row 1"),
    ],
)
def test_a_number_that_cannot_be_read_is_named_by_its_row(
    written: list[Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidData) as caught:
        parsed(written, **options)
    assert message in str(caught.value)
    assert "column 'x'" in str(caught.value)


@given(st.lists(st.decimals(-(10**9), 10**9, places=2), min_size=1), st.sampled_from(["", " TL", "€"]))
def test_what_is_written_with_decimal_commas_is_read_again(numbers: list[Any], unit: str) -> None:
    texts = [f"{each:,.2f}".translate(str.maketrans(",.", ".,")) + unit for each in numbers]
    assert parsed(texts) == [float(each) for each in numbers]


@pytest.mark.parametrize(
    ("written", "options", "wanted"),
    [
        (["31.01.2024", "01.02.2024"], {}, [date(2024, 1, 31), date(2024, 2, 1)]),
        (["01/31/2024", "02/01/2024"], {}, [date(2024, 1, 31), date(2024, 2, 1)]),
        (["01-02-2011"], {"day_first": True}, [date(2011, 2, 1)]),
        (["20140613T000000", None], {}, [date(2014, 6, 13), None]),
        (["2024-01-31", "31/01/2024", "20240131"], {}, [date(2024, 1, 31)] * 3),
        (["31 Jan 2024"], {"format": "%d %b %Y"}, [date(2024, 1, 31)]),
        (["20140613T0130"], {"to": "datetime"}, [datetime(2014, 6, 13, 1, 30)]),
        (
            [1700000000, None],
            {"to": "datetime", "format": "epoch"},
            [datetime(2023, 11, 14, 22, 13, 20), None],
        ),
        (
            [1700000000123],
            {"to": "datetime", "format": "epoch ms"},
            [datetime(2023, 11, 14, 22, 13, 20, 123000)],
        ),
        (["2024-07-01T02:30:15.25+03:00"], {"to": "datetime"}, [datetime(2024, 6, 30, 23, 30, 15, 250000)]),
        (["2024-07-01 02:30"], {"to": "datetime", "zone": "Europe/Berlin"}, [datetime(2024, 7, 1, 0, 30)]),
    ],
)
def test_reads_dates_as_people_write_them(
    written: list[Any], options: dict[str, Any], wanted: list[Any]
) -> None:
    assert parsed(written, **{"to": "date", **options}) == wanted


@pytest.mark.parametrize(
    ("written", "options", "error", "message"),
    [
        (["01-02-2011"], {}, InvalidData, "whether the day or the month comes first in '01-02-2011'"),
        (["13/01/2024", "01/13/2024"], {}, InvalidData, "'13/01/2024' and '01/13/2024'"),
        (["2024-02-30"], {}, InvalidData, "holds what is no date: row 1 '2024-02-30'"),
        (["2024-01-31", "yesterday"], {}, InvalidData, "row 2 'yesterday'"),
        (["31.01.24"], {}, InvalidData, "row 1 '31.01.24'"),
        (["20140613T010000"], {}, InvalidData, "has times of the day"),
        (
            ["2024-03-31 02:30"],
            {"to": "datetime", "zone": "Europe/Berlin"},
            InvalidData,
            "times that Europe/Berlin skips or has twice: row 1",
        ),
        (["2024-10-27 02:30"], {"to": "datetime", "zone": "Europe/Berlin"}, InvalidData, "row 1"),
        (["2024-10-27 02:30"], {"to": "datetime", "zone": "Europe/Atlantis"}, InvalidConfig, "zone"),
        (["soon"], {"format": "epoch"}, InvalidData, "no number: row 1 'soon'"),
    ],
)
def test_a_date_that_cannot_be_read_is_named_by_its_row(
    written: list[Any], options: dict[str, Any], error: type[KervanError], message: str
) -> None:
    with pytest.raises(error) as caught:
        parsed(written, **{"to": "date", **options})
    assert message in str(caught.value)


@given(st.lists(st.dates(date(1900, 1, 1), date(2100, 1, 1)), min_size=1), st.sampled_from("./-"))
def test_dates_that_are_written_are_read_again_or_refused(days: list[date], mark: str) -> None:
    texts = [day.strftime(f"%d{mark}%m{mark}%Y") for day in days]
    try:
        found = parsed(texts, to="date")
    except InvalidData as error:
        assert "nobody can tell" in str(error)  # noqa: PT017 - refusing is as good
        assert all(day.day <= 12 for day in days)
        found = parsed(texts, to="date", day_first=True)
    assert found == days


def test_values_of_hidden_columns_are_not_shown() -> None:
    table = pl.DataFrame({"x": ["secret", "1"]})
    with pytest.raises(InvalidData, match="row 1") as caught:
        shaped(steps.Parse(parse=("x",)), table=table, hidden=frozenset(["x"]))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("detector", DETECTORS)
def test_outliers_are_left_out_and_missing_values_are_none(detector: str) -> None:
    values = [float(each % 10) for each in range(300)] + [None, 900.0]
    table = pl.DataFrame({"x": values})
    found = within(table, steps.Outliers(outliers=("x",), detector=detector), seed=0)["x"].to_list()
    assert 900.0 not in found
    assert None in found
    assert len(found) >= 295


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (steps.Outliers(outliers=("x",)), "no column 'x'"),
        (steps.Outliers(outliers=("m",)), "holds no numbers"),
        (steps.Outliers(outliers=("v",), detector="iqrr"), "no detector 'iqrr'"),
        (steps.Outliers(outliers=("v",), limit=0.0), "not above 0"),
        (steps.Outliers(outliers=("v",), detector="isolation", limit=0.7), "no share"),
    ],
)
def test_outliers_that_cannot_be_found_are_refused(step: steps.Outliers, message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        within(TABLE, step, seed=0)
