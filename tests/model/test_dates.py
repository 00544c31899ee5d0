from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from kervan.core.errors import InvalidInput, RefusedRow
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.model.dates import DateParts
from kervan.model.families.registry import FAMILIES
from kervan.model.train import fit
from kervan.package.encoding import EXACT_UP_TO, encode_table, encoded
from kervan.package.proving.build import write_format
from kervan.package.proving.parity import nasty_rows, proof_rows
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.neutral.score import score
from kervan.serve.decode import RowDecoder

SIGNATURE = Signature(
    inputs=Schema(
        (
            Column(name="gün", type=Type.DATE, nullable=True),
            Column(name="yaş", type=Type.INTEGER),
            Column(name="an", type=Type.DATETIME, nullable=True),
            Column(name="an seconds since midnight", type=Type.BOOLEAN),
        )
    ),
    output=Column(name="satış", type=Type.NUMBER),
)
DATES = st.none() | st.dates()
TIMES = st.none() | st.datetimes() | st.datetimes(timezones=st.timezones())


def rows_of(size: int) -> list[dict[str, Any]]:
    random = np.random.default_rng(0)
    start = datetime(2019, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    moments = [start + timedelta(minutes=int(each)) for each in random.integers(0, 2_000_000, size)]
    return [
        {
            "gün": None if place % 11 == 0 else moment.date(),
            "yaş": int(random.integers(18, 90)),
            "an": None if place % 13 == 0 else moment,
            "an seconds since midnight": bool(place % 2),
        }
        for place, moment in enumerate(moments)
    ]


@given(st.lists(st.dates(), min_size=1))
def test_days_are_taken_apart_as_the_calendar_does(days: list[date]) -> None:
    matrix = np.array([[7.0, (day - date(1970, 1, 1)).days] for day in days])
    found = DateParts(days=(1,)).fit(matrix).transform(matrix)
    wanted = [[day.year, day.month, day.day, day.weekday()] for day in days]
    np.testing.assert_array_equal(found, np.column_stack([matrix, wanted]))


@given(st.integers(-EXACT_UP_TO, EXACT_UP_TO))
def test_days_beyond_pythons_calendar_repeat_every_four_centuries(days: int) -> None:
    matrix = np.array([[days], [days % 146_097]], dtype=np.float64)
    [far, near] = DateParts(days=(0,)).fit(matrix).transform(matrix)
    np.testing.assert_array_equal(far[2:], near[2:])
    assert far[1] - near[1] == 400 * (days // 146_097)


@given(st.times())
def test_seconds_are_taken_apart_as_the_clock_does(time: Any) -> None:
    seconds = time.hour * 3600 + time.minute * 60 + time.second + time.microsecond / 1e6
    matrix = np.array([[seconds]])
    found = DateParts(seconds=(0,)).fit(matrix).transform(matrix)
    assert found.tolist() == [[seconds, time.hour, time.minute]]


def test_what_is_missing_stays_missing() -> None:
    matrix = np.full((1, 2), np.nan)
    assert np.isnan(DateParts(days=(0,), seconds=(1,)).fit(matrix).transform(matrix)).all()


@given(st.lists(st.tuples(DATES, TIMES), min_size=1, max_size=30))
def test_training_and_serving_see_the_same_numbers(pairs: list[tuple[date | None, datetime | None]]) -> None:
    """The table's times have one zone, or none; a request names dates and times as texts."""
    rest = {"yaş": 1, "an seconds since midnight": True}
    moments = [None if at is None or at.year in {1, 9999} else at for _, at in pairs]
    plain = [None if at is None else at if at.tzinfo is None else _in_utc(at) for at in moments]
    table = pl.DataFrame(
        {
            "gün": pl.Series([day for day, _ in pairs], dtype=pl.Date),
            "yaş": [1] * len(pairs),
            "an": pl.Series(plain, dtype=pl.Datetime("us")),
            "an seconds since midnight": [True] * len(pairs),
        }
    )
    asked = [
        {"gün": day and day.isoformat(), "an": at and at.isoformat(), **rest}
        for (day, _), at in zip(pairs, moments, strict=True)
    ]
    matrix = encode_table(table, SIGNATURE)
    np.testing.assert_array_equal(RowDecoder(SIGNATURE).decode(asked), matrix)
    assert matrix.shape == (len(pairs), len(encoded(SIGNATURE).inputs))
    zoned = table.with_columns(
        pl.col("an").dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Istanbul")
    )
    np.testing.assert_array_equal(encode_table(zoned, SIGNATURE), matrix)


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def test_the_columns_of_the_matrix_have_names_of_their_own() -> None:
    names = encoded(SIGNATURE).inputs.names
    assert names == ("gün", "yaş", "an", "_an seconds since midnight", "an seconds since midnight")
    assert encoded(encoded(SIGNATURE)) == encoded(SIGNATURE)


@pytest.mark.parametrize("name", ["gün", "an"])
@pytest.mark.parametrize("value", ["2023-02-29", "yesterday", "", "2024-13-01", 20_000, True])
def test_what_is_no_date_is_named(name: str, value: Any) -> None:
    row = {"gün": None, "yaş": 3, "an": None, "an seconds since midnight": True, name: value}
    with pytest.raises(RefusedRow, match=name) as caught:
        RowDecoder(SIGNATURE).decode([row])
    assert "2024-02-29" in caught.value.hint


def test_a_date_that_has_to_be_there_is_asked_for() -> None:
    inputs = Schema((Column(name="gün", type=Type.DATE),))
    decoder = RowDecoder(Signature(inputs=inputs, output=SIGNATURE.output))
    with pytest.raises(RefusedRow, match="is missing"):
        decoder.decode([{"gün": None}])
    assert decoder.decode([{"gün": "1970-01-02"}]).tolist() == [[1.0]]


def test_a_column_that_holds_something_else_is_named() -> None:
    table = pl.DataFrame(
        {"gün": ["2024-01-01"], "yaş": [1], "an": [None], "an seconds since midnight": [True]}
    )
    with pytest.raises(InvalidInput, match=r"'gün' is to be a date, but holds String"):
        encode_table(table, SIGNATURE)


@pytest.mark.parametrize(
    "family", [name for name, each in FAMILIES.items() if each.regresses and not each.needs]
)
def test_every_family_learns_from_dates(family: str) -> None:
    """What is sold hangs on the weekday and the hour: who sees them beats who does not."""
    rows = rows_of(600)
    matrix = RowDecoder(SIGNATURE).decode(rows)
    truth = np.array(
        [
            5.0 * (row["gün"].weekday() >= 5 if row["gün"] else 0) + (row["an"].hour if row["an"] else 0) / 6
            for row in rows
        ]
    )
    fitted = Fitted(fit(family, matrix, truth, SIGNATURE, seed=0), SIGNATURE)
    nasty = nasty_rows(matrix, fitted.signature, seed=0, splits=fitted.splits())
    np.testing.assert_allclose(score(fitted.form, nasty), fitted.predict(nasty), rtol=1e-9, atol=1e-9)
    if family in {"tree", "forest", "boosting"}:
        error = np.abs(fitted.predict(matrix)[:, 0] - truth).mean()
        assert error < 0.5 * np.abs(truth - truth.mean()).mean()


def written(name: str, folder: Path, *between: Any) -> bool:
    """Write a model with dates in front of its trees in a format; say whether the proof holds."""
    matrix = RowDecoder(SIGNATURE).decode(rows_of(300))
    trees = HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=5)
    truth = np.nan_to_num(matrix[:, 0] % 7) + np.nan_to_num(matrix[:, 3]) / 10_000
    model = make_pipeline(DateParts(days=(0, 2), seconds=(3,)), *between, trees)
    fitted = Fitted(model.fit(matrix.astype(np.float64), truth), SIGNATURE)
    [proof, *_] = write_format(name, fitted, folder / name, proof_rows(fitted, matrix, seed=0))
    return proof.holds


@pytest.mark.parametrize(
    "name", ["c", "duckdb", "excel", "javascript", "native", "onnx", "pfa", "pmml", "python", "savedmodel"]
)
def test_dates_reach_every_way_of_writing(name: str, tmp_path: Path) -> None:
    """Nothing folds here, and dates are missing: every step in front of the trees is written out."""
    assert written(name, tmp_path, MinMaxScaler(clip=True))


@pytest.mark.parametrize("name", ["litert", "openvino"])
def test_single_precision_is_enough_for_the_calendar(name: str, tmp_path: Path) -> None:
    assert written(name, tmp_path)
