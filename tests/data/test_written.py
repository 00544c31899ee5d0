"""What a step reads in a table, a caller may write: a single value is read by the same rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kervan.core import shaping as steps
from kervan.core.errors import InvalidData
from kervan.core.written import Written
from kervan.data.steps.kept import written_of
from kervan.data.steps.shape import Around, Shaped, shape
from kervan.package.encoding import moment_of

NUMBERS = st.text("0123456789.,-+−() '  TLkg%", max_size=12)
DATES = st.text("0123456789-./T: Z+", max_size=26)
WHOLE_DATES = st.builds(
    "{:02}{}{:02}{}{}{}".format,
    st.integers(0, 32),
    st.sampled_from("-./"),
    st.integers(0, 13),
    st.sampled_from("-./"),
    st.sampled_from([1900, 2000, 2024, 2025]),
    st.sampled_from(
        ["", " 02:30", "T02:30:15.25", " 24:00", "T0130", " 02:30+03:00", "T02:30:00Z", " 02:30-0330"]
    ),
)


def shaped(texts: list[Any], **options: Any) -> Shaped[pl.DataFrame]:
    return shape(pl.DataFrame({"x": texts}), [steps.Parse(parse=("x",), **options)], Around())


def as_read(texts: list[Any], **options: Any) -> tuple[list[Any], Written]:
    """Return what a table of texts says, dates by ISO 8601, and how they were written."""
    found = shaped(texts, **options)
    values = found.table["x"].to_list()
    return [each.isoformat() if hasattr(each, "isoformat") else each for each in values], found.steps[
        0
    ].written["x"]


def meant(value: Any) -> Any:
    """Return a moment for what is a date by ISO 8601, as all decoders understand it."""
    try:
        return moment_of(value) if isinstance(value, str) else value
    except ValueError:
        return value


@pytest.mark.parametrize(
    ("texts", "options"),
    [
        (["17.244,63", "3,5", "1.234"], {}),
        (["$29.85", "$1,000.00", "-$3"], {}),
        (["70 kg", "154 lb"], {"units": {"kg": 1.0, "lb": 0.45359237}}),
        (["1 234,50 ₺", "₺3", "(12,5) ₺"], {"decimal": ","}),
        (["31.01.2024", "01.02.2024", "2024-03-01", "20240302"], {"to": "date"}),
        (["01/31/2024", "02/01/2024"], {"to": "date"}),
        (["31.01.2024 10:00", "01.02.2024 23:59:59,5", "2024-02-01T10:00:00+03:00"], {"to": "datetime"}),
        (["31.07.2024 02:30", "2024-07-01T02:30Z"], {"to": "datetime", "zone": "Europe/Istanbul"}),
        (["31|01|2024"], {"to": "date", "format": "%d|%m|%Y"}),
        ([1_700_000_000, 0], {"to": "datetime", "format": "epoch"}),
        (["1700000000123"], {"to": "datetime", "format": "epoch ms"}),
    ],
)
def test_a_single_value_is_read_as_in_the_table(texts: list[Any], options: dict[str, Any]) -> None:
    values, written = as_read(texts, **options)
    assert [meant(written.value(text)) for text in texts] == list(map(meant, values))


@given(NUMBERS, st.sampled_from([",", "."]))
def test_numbers_are_read_alike_or_nowhere(text: str, decimal: str) -> None:
    units = {"": 1.0, "TL": 1.0, "kg": 2.5, "%": 0.01}
    try:
        values, _ = as_read([text], decimal=decimal, units=units)
    except InvalidData:
        values = [text]
    assert Written(decimal=decimal, units=units).value(text) == values[0]


@given(
    DATES | WHOLE_DATES,
    st.sampled_from(["date", "datetime"]),
    st.booleans(),
    st.sampled_from(["", "Europe/Berlin"]),
)
def test_dates_are_read_alike_or_nowhere(text: str, to: str, day_first: bool, zone: str) -> None:
    zone = zone if to == "datetime" else ""
    try:
        values, _ = as_read([text], to=to, day_first=day_first, zone=zone)
    except InvalidData:
        values = [text]
    found = Written(to=to, is_day_first=day_first, zone=zone).value(text)
    if text[4:5] == text[7:8] == "-" and text[:4].isdecimal():
        assert found == text or meant(found) == meant(values[0])
    else:
        assert meant(found) == meant(values[0])


def test_a_text_of_a_million_signs_is_given_back_at_once() -> None:
    for sign in ("'", "(", "1,", "0"):
        text = sign * 1_000_000 + "x"
        for written in (Written(decimal=",", units={"": 1.0}), Written(to="date", is_day_first=True)):
            assert written.value(text) is text


def test_what_is_written_by_iso_8601_stays_what_it_is_everywhere() -> None:
    written = Written(to="datetime", zone="Europe/Istanbul", is_day_first=True)
    assert written.value("2025-02-05 13:30") == "2025-02-05 13:30"
    assert written.value("05.02.2025 13:30") == "2025-02-05T10:30:00"
    assert not Written(to="date", format="%Y-%d-%m").is_portable


def test_times_that_name_their_offset_are_not_of_the_zone() -> None:
    values, _ = as_read(["2024-07-01 10:00", "2024-07-01 10:00+05:00"], to="datetime", zone="Europe/Istanbul")
    assert values == ["2024-07-01T07:00:00", "2024-07-01T05:00:00"]


def test_what_a_mark_means_nobody_knows_where_none_was_used() -> None:
    _, written = as_read(["120 m²", "45 m²"])
    assert [written.value(each) for each in ("80 m²", "80", "1.120 m²", "80 ft²")] == [
        80,
        80,
        "1.120 m²",
        "80 ft²",
    ]


def test_what_only_polars_reads_is_not_promised_to_callers() -> None:
    assert shaped(["31 Jan 2024"], to="date", format="%d %b %Y").steps[0].written == {}


def test_digits_of_other_scripts_are_refused_by_their_row() -> None:
    with pytest.raises(InvalidData, match="row 2"):
        shaped(["12", "١٢"])


@pytest.mark.parametrize(
    ("later", "names"),
    [
        ((), ["x"]),
        ((steps.Rename(rename={"x": "price"}), steps.Filter(filter="price > 0")), ["price"]),
        ((steps.Derive(derive={"x": "x + 1"}),), []),
        ((steps.Derive(derive={"y": "x + 1"}),), ["x"]),
        ((steps.Sql(sql="select x from data"),), []),
        ((steps.Combine(combine=("x", "x"), into="both"), steps.Parse(parse=("x",))), ["x"]),
    ],
)
def test_a_column_that_a_later_step_changes_is_no_more_what_people_write(
    later: tuple[Any, ...], names: list[str]
) -> None:
    path = (steps.Parse(parse=("x",)), *later)
    found = shape(pl.DataFrame({"x": ["1,50", "2,50"]}), path, Around(folder=Path()))
    assert list(written_of(path, found.steps)) == names


def test_how_a_hidden_column_is_written_is_not_kept() -> None:
    around = Around(hidden=frozenset(["x"]))
    found = shape(pl.DataFrame({"x": ["12 TL"]}), [steps.Parse(parse=("x",))], around)
    assert found.steps[0].written == {}
