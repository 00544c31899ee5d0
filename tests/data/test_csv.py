from __future__ import annotations

import csv
import gzip
import io
from datetime import date, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kervan.core.config import MISSING_TEXTS
from kervan.core.errors import InvalidConfig, InvalidData, KervanError
from kervan.core.ports import ReadOptions, Source
from kervan.core.reading import Reading
from kervan.data.sources.csv import CsvSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS = "".join(f"{number},şehir{number % 3}\n" for number in range(20))


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., pl.DataFrame]:
    def write_and_read(content: str | bytes, name: str = "table.csv", separator: str = "") -> pl.DataFrame:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return CsvSource().read(path, ReadOptions(separator=separator, missing=MISSING_TEXTS))

    return write_and_read


EXPECTED = pl.DataFrame({"yaş": range(20), "İl": [f"şehir{number % 3}" for number in range(20)]})


def test_is_a_source() -> None:
    assert isinstance(CsvSource(), Source)


@pytest.mark.parametrize(
    "name", ["a.csv", "a.CSV", "a.csv.gz", "a.csv.zip", "a.tsv", "iris.data", "a.txt.gz"]
)
def test_accepts_delimited_text(name: str) -> None:
    assert CsvSource().accepts(name)


@pytest.mark.parametrize("name", ["a.parquet", "csv", "a.zip", "a.gz"])
def test_leaves_other_files_alone(name: str) -> None:
    assert not CsvSource().accepts(name)


@pytest.mark.parametrize(
    "content",
    [
        f"yaş,İl\n{ROWS}".encode(),
        f"\ufeffyaş,İl\n{ROWS}".encode(),
        f"yaş,İl\n{ROWS}".replace("\n", "\r\n").encode(),
        f"yaş,İl\n{ROWS}".replace("\n", "\r").encode(),
        f"yaş;İl\n{ROWS.replace(',', ';')}".encode(),
        ("yaş,İl\n" + ROWS).replace(",", "\t").encode(),
        f"yaş|İl\n{ROWS.replace(',', '|')}".encode(),
        f"\n\n yaş , İl \n\n{ROWS.replace(',', ' , ')}\n  \n".encode(),
        f'"yaş", "İl"\n{ROWS}'.encode(),
        gzip.compress(f"yaş,İl\n{ROWS}".encode()),
        f"yaş,İl\n{ROWS}".encode("utf-16"),
    ],
    ids=["plain", "bom", "crlf", "cr", "semicolon", "tab", "bar", "blanks", "quoted", "gzip", "utf-16"],
)
def test_forms_of_one_table_read_the_same(read: Callable[..., pl.DataFrame], content: bytes) -> None:
    assert read(content).equals(EXPECTED)


def test_text_in_quotes_may_hold_separators_quotes_and_lines(read: Callable[..., pl.DataFrame]) -> None:
    table = read('a,b\n1,"x, y"\n2,"say ""ş"""\n3,"two\nlines"\n4,5" wide\n')
    assert table["b"].to_list() == ["x, y", 'say "ş"', "two\nlines", '5" wide']
    assert table["a"].to_list() == [1, 2, 3, 4]


def test_missing_texts_become_null_in_every_type(read: Callable[..., pl.DataFrame]) -> None:
    table = read("n,t,b\n1,x,true\n?, NA ,\nNaN,,null\n2.5,İ,FALSE\n")
    assert table.to_dict(as_series=False) == {
        "n": [1.0, None, None, 2.5],
        "t": ["x", None, None, "İ"],
        "b": [True, None, None, False],
    }


def test_types_are_found_from_all_values(read: Callable[..., pl.DataFrame]) -> None:
    table = read(
        "whole,number,zip,key,flag,day,time,never,empty\n"
        "-1,1e3,01234,12345678901234567890,TRUE,2024-02-29,2024-02-29 10:00,2024-02-30,\n"
        "+2,.5,34710,1,false,2023-01-01,2024-02-29T10:00:01.5,2024-02-28,?\n"
    )
    then = datetime(2024, 2, 29, 10, 0, 1, 500_000)
    row = (2, 0.5, "34710", "1", False, date(2023, 1, 1), then, "2024-02-28", None)
    assert table.row(1) == row
    assert table["whole"].dtype == pl.Int64


def test_one_late_text_makes_a_text_column(read: Callable[..., pl.DataFrame]) -> None:
    table = read("a,b\n" + "1,1\n" * 5000 + "x,1\n")
    assert table["a"].dtype == pl.String
    assert table["b"].dtype == pl.Int64


def test_infinity_is_no_number(read: Callable[..., pl.DataFrame]) -> None:
    assert read("a,b\n1,1\ninf,1e999\n").dtypes == [pl.String, pl.String]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["is empty"]),
        (b"\n \n", ["is empty"]),
        ("a,b\n1,2\n1,2,3\n4\n", ["line 3 has 3 fields", "header has 2", "2 lines in all"]),
        ('a,b\n"x\ny",2\n1,2,3\n', ["line 4 has 3 fields"]),
        ('a,b\n1,2\n"x,2\n3,4\n', ["line 3 cannot be read"]),
        ("a,b,a\n1,2,3\n", ["'a' in columns 1, 3"]),
        ("a,,c,\n1,2,3,4\n", ["column 2, 4", "no name"]),
        ("a\n1\n2\n", ["only one column"]),
        ("a;b,c\n1;2,3\n", ["',' and ';'", "equally well"]),
        ("a,b\n1\n2\n3;4\n", ["agree on no separator"]),
        ("şehir,b\n1,2\n".encode("iso8859-9"), ["not UTF-8", "0xfe", "line 1"]),
        ("a,b\n1,2\nş,2\n".encode("cp1254"), ["0xfe", "line 3 (byte 8)"]),
        ("a,b\n1,2\n".encode("utf-16")[:-1], ["no whole text in UTF-16"]),
        (b"a,b\n1,\0\n", ["zero byte in line 2"]),
        (gzip.compress(ROWS.encode() * 50)[:-20], ["not a whole gzip"]),
        (b"\x1f\x8b\x08 garbage", ["not a whole gzip"]),
    ],
)
def test_broken_files_are_refused_in_words(
    read: Callable[..., pl.DataFrame], content: str | bytes, words: list[str]
) -> None:
    with pytest.raises(InvalidData) as caught:
        read(content, "dosya-ş.csv")
    assert "dosya-ş.csv" in str(caught.value)
    for word in words:
        assert word in str(caught.value)
    assert caught.value.hint


def test_wrong_separator_says_how_to_set_it(read: Callable[..., pl.DataFrame]) -> None:
    with pytest.raises(InvalidData) as caught:
        read("a^b\n1^2\n")
    assert 'separator = ";"' in caught.value.hint
    with pytest.raises(InvalidData, match="only one column when read with separator ';'"):
        read("a,b\n1,2\n", separator=";")
    assert read("a^b\n1^2\n", separator="^").columns == ["a", "b"]


@pytest.mark.parametrize("separator", [",,", '"', "\n", "ş"])
def test_impossible_separator_is_refused(read: Callable[..., pl.DataFrame], separator: str) -> None:
    with pytest.raises(InvalidConfig, match="separator"):
        read("a,b\n1,2\n", separator=separator)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=8).map(
    str.strip
)


@given(
    rows=st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=12),
    separator=st.sampled_from([",", ";", "\t", "|"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_csv_writes_is_read_back(
    tmp_path: Path, rows: list[tuple[str, str, str]], separator: str, quoting: int
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=separator, quoting=quoting, lineterminator="\n")
    # A first row of plain words keeps every column a text.
    writer.writerows([("bir", "iki", "üç"), ("x", "x", "x"), *rows])
    path = tmp_path / "t.csv"
    path.write_text(out.getvalue(), encoding="utf-8", newline="")
    table = CsvSource().read(path, ReadOptions(separator=separator, missing=()))
    assert table.rows()[1:] == [tuple(map(Reading.of_table(()).value, row)) for row in rows]


@given(content=st.binary(max_size=200))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_give_a_table_or_an_error_in_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(b"a,b\n" + content)
    message = "any.csv"
    try:
        table = CsvSource().read(path, ReadOptions(missing=MISSING_TEXTS))
        assert table.columns == ["a", "b"]
    except KervanError as error:
        message = str(error)
    assert "any.csv" in message


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "shape", "missing"),
    [
        ("adult/adult.csv.gz", (48_842, 15), 6465),
        ("california-housing/housing.csv.gz", (20_640, 10), 207),
        ("wine-quality/winequality-red.csv", (1_599, 12), 0),
        ("titanic/titanic.csv", (891, 12), 866),
    ],
)
def test_reads_public_tables(
    public: Callable[[str], pl.DataFrame], name: str, shape: tuple[int, int], missing: int
) -> None:
    table = public(name)
    assert table.shape == shape
    assert sum(table.null_count().row(0)) == missing


@pytest.mark.parametrize("ending", ["Z", "+00:00", "+0000", "+00", "-00:00"])
def test_times_in_utc_are_times(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"at,x\n2024-01-01T08:00:00.123456789{ending},1\n2024-02-29 23:59{ending},2\n")
    table = CsvSource().read(path, ReadOptions())
    assert table["at"].to_list() == [datetime(2024, 1, 1, 8, 0, 0, 123456), datetime(2024, 2, 29, 23, 59)]


def test_times_elsewhere_are_taken_in_utc(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("at,x\n2024-01-01T01:00:00+03:00,1\n2023-12-31T20:30:00-0130,2\n2023-12-31T22:00Z,3\n")
    assert CsvSource().read(path, ReadOptions())["at"].unique().to_list() == [datetime(2023, 12, 31, 22)]


def test_line_ends_within_quotes_belong_to_the_value(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b'a,b\r\n"x\r\ny",1\r\n"x\ny",2\r\n"x\ry",3\r\n')
    assert CsvSource().read(path, ReadOptions())["a"].to_list() == ["x\r\ny", "x\ny", "x\ry"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PAR1\x15\x04", "a Parquet file"),
        (b"\n  <!DOCTYPE html>\n<html><body>a,b</body></html>", "an HTML page"),
        (b'{"a": 1, "b": 2}\n{"a": 3, "b": 4}\n', "JSON"),
        (b'[{"a": 1, "b": 2}]', "JSON"),
        (("a,b\n" + "1,2\n" * 20).encode("utf-16-le"), "a text in UTF-16 without its mark"),
        (b"%PDF-1.4 a,b", "a PDF document"),
    ],
)
def test_what_is_no_text_with_columns_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(InvalidData, match=f"t.csv is no UTF-8 text with columns, but {words}") as caught:
        CsvSource().read(path, ReadOptions())
    assert caught.value.hint


def test_quoted_json_in_a_cell_is_a_text(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('a,b\n"{""x"": 1}",2\n', encoding="utf-8")
    assert CsvSource().read(path, ReadOptions())["a"].to_list() == ['{"x": 1}']
