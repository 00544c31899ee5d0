"""Table files of every kind, as other programs write them: found by content, nothing lost, or refused."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

import fastavro
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xlsxwriter
import zstandard
from pyarrow import feather, parquet

from kervan.core.config import MISSING_TEXTS, DataSettings
from kervan.core.errors import InvalidConfig, InvalidData
from kervan.core.ports import ReadOptions
from kervan.data.ingest import load
from kervan.data.sources.arrow import ArrowSource, AvroSource
from kervan.data.sources.excel import ExcelSource
from kervan.data.sources.find import reader
from kervan.data.sources.json import JsonSource
from kervan.data.sources.packed import unpacked
from kervan.data.sources.parquet import ParquetSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kervan.core.ports import Source

OPTIONS = ReadOptions(missing=MISSING_TEXTS)
ROWS = 12
TABLE = pd.DataFrame({"id": range(2**53, 2**53 + ROWS), "code": [f"0{at}" for at in range(ROWS)]})
CSV = TABLE.to_csv(index=False).encode()
EXPECTED = pl.DataFrame({"id": range(2**53, 2**53 + ROWS), "code": [f"0{at}" for at in range(ROWS)]})


def workbook(rows: list[list[Any]], *, sheets: tuple[str, ...] = ("a",)) -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"default_date_format": "yyyy-mm-dd", "remove_timezone": True}) as book:
        for name in sheets:
            sheet = book.add_worksheet(name)
            for at, row in enumerate(rows):
                sheet.write_row(at, 0, row)
    return content.getvalue()


def zipped(*names: str, content: bytes = CSV) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return whole.getvalue()


def written(write: Callable[[io.BytesIO], object]) -> bytes:
    content = io.BytesIO()
    write(content)
    return content.getvalue()


def avro(rows: list[dict[str, Any]], **kinds: Any) -> bytes:
    fields = [{"name": name, "type": kind} for name, kind in kinds.items()]
    schema = {"type": "record", "name": "row", "fields": fields}
    return written(lambda file: fastavro.writer(file, schema, rows))


RECORDS = TABLE.to_dict("records")
CONTENTS = {
    "csv": CSV,
    "tsv": TABLE.to_csv(index=False, sep="\t").encode(),
    "csv in UTF-16": CSV.decode().encode("utf-16"),
    "csv by gzip": gzip.compress(CSV),
    "csv by gzip in two": gzip.compress(CSV[:40]) + gzip.compress(CSV[40:]),
    "csv by zstd": zstandard.compress(CSV),
    "csv by zstd in two": zstandard.compress(CSV[:40]) + zstandard.compress(CSV[40:]),
    "csv by bzip2": bz2.compress(CSV),
    "csv by xz": lzma.compress(CSV),
    "csv by zip": zipped("__MACOSX/._x.csv", "x/x.csv"),
    "json": json.dumps(RECORDS).encode(),
    "json of columns": json.dumps(TABLE.to_dict("list"), indent=2).encode(),
    "json of pandas": TABLE.to_json().encode(),
    "ndjson": TABLE.to_json(orient="records", lines=True).encode(),
    "ndjson by xz": lzma.compress(TABLE.to_json(orient="records", lines=True).encode()),
    "parquet": TABLE.to_parquet(index=False),
    "parquet by zstd": zstandard.compress(TABLE.to_parquet(index=False)),
    "feather": written(lambda file: feather.write_feather(TABLE, file, compression="lz4")),
    "avro": avro(RECORDS, id="long", code="string"),
    "excel": workbook([["id", "code"], *([at, f"0{at}"] for at in range(ROWS))]),
}


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.json.gz", "t.xlsx"])
@pytest.mark.parametrize("kind", CONTENTS)
def test_content_decides_whatever_the_name_says(tmp_path: Path, kind: str, name: str) -> None:
    (tmp_path / name).write_bytes(CONTENTS[kind])
    table = load(name, tmp_path, DataSettings()).table
    assert table["code"].to_list() == EXPECTED["code"].to_list()
    if kind != "excel":
        assert table.equals(EXPECTED)


PAGE = b"<!doctype html><html><body>404, not found</body></html>"
ENCRYPTED = b"\xd0\xcf\x11\xe0" + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(600)


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.json", "t.xlsx", "t.feather", "t.avro"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (PAGE, "an HTML page"),
        (gzip.compress(PAGE), "an HTML page"),
        (b"%PDF-1.7 a,b", "a PDF document"),
        (b"SQLite format 3\0", "an SQLite database"),
        (ENCRYPTED, "a workbook with a password"),
        (zipped("a.csv", "b.csv"), "2 files: a.csv, b.csv"),
        (zipped(), "no file"),
        (gzip.compress(gzip.compress(CSV)), "compressed twice"),
        (gzip.compress(CSV * 9)[:-20], "not a whole gzip file"),
        (zstandard.compress(CSV * 9)[:-20], "not a whole zstd file"),
        (bz2.compress(CSV * 9)[:-20], "not a whole bzip2 file"),
        (lzma.compress(CSV * 9)[:-20], "not a whole xz file"),
        (zipped("x.csv")[:-20], "not a whole zip file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_table_is_refused_by_name(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidData, match=rf"^{name}") as caught:
        load(name, tmp_path, DataSettings())
    assert words in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    "name", ["t.csv", "t.parquet", "t.json", "t.xlsx", "t.feather", "t.avro", "t.csv.gz"]
)
def test_an_empty_file_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"")
    with pytest.raises(InvalidData, match=name):
        reader(name, path).read(path, OPTIONS)


@pytest.mark.parametrize(
    "pack", [gzip.compress, zstandard.compress, bz2.compress, lzma.compress, lambda c: zipped("x", content=c)]
)
def test_a_bomb_is_not_unpacked(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "bomb.csv"
    path.write_bytes(pack(bytes(50_000_000)))
    assert path.stat().st_size < 100_000
    with pytest.raises(InvalidData, match="more than 1,000,000 bytes unpacked"):
        unpacked(path, 1_000_000)


def test_a_zip_file_that_lies_about_its_size_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    size = 50_000_000
    path.write_bytes(zipped("x", content=bytes(size)).replace(size.to_bytes(4, "little"), b"\x10\0\0\0"))
    with pytest.raises(InvalidData, match=r"bomb\.zip"):
        unpacked(path, 1_000_000)


WHEN = datetime(2024, 3, 31, 1, 30, tzinfo=UTC)
ARROW = pa.table(
    {
        "time": pa.array([WHEN, None], pa.timestamp("ns", tz="Europe/Istanbul")),
        "money": pa.array([Decimal("12345678901.25"), None], pa.decimal128(20, 2)),
        "id": pa.array([2**63 - 1, None], pa.int64()),
        "kind": pa.array(["01", None]).dictionary_encode(),
    }
)


@pytest.mark.parametrize(
    ("source", "name", "content"),
    [
        (ArrowSource(), "t.feather", written(lambda file: feather.write_feather(ARROW, file))),
        (ParquetSource(), "t.parquet", written(lambda file: parquet.write_table(ARROW, file))),
    ],
    ids=["arrow", "parquet"],
)
def test_zones_decimals_and_long_integers_are_kept(
    tmp_path: Path, source: Source, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    table = source.read(path, OPTIONS)
    assert table.row(0) == (WHEN, 12345678901.25, 2**63 - 1, "01")
    assert table.row(1) == (None,) * 4
    assert table["time"].dtype == pl.Datetime("us", "Europe/Istanbul")


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pa.array([1, 1_000], pa.timestamp("ns")), "column 'x', row 1: a time here has microseconds, 1 nano"),
        (pa.array([Decimal(1), Decimal("1.2345678901234567890")]), "column 'x', row 2: 1.234567890123456789"),
        (pa.array([[1], [2]]), "column 'x' holds List"),
        (pa.array([0, 2**64 - 1], pa.uint64()), "column 'x', row 2: 18446744073709551615"),
    ],
)
def test_what_would_be_lost_is_named(tmp_path: Path, column: pa.Array, words: str) -> None:
    path = tmp_path / "t.arrow"
    feather.write_feather(pa.table({"x": column}), path)
    with pytest.raises(InvalidData, match=r"t\.arrow") as caught:
        ArrowSource().read(path, OPTIONS)
    assert words in str(caught.value)
    assert caught.value.hint
    assert ArrowSource().read(path, ReadOptions(dropped=("x",)))["x"].null_count() == 2


def test_avro_keeps_its_logical_types(tmp_path: Path) -> None:
    path = tmp_path / "t.avro"
    money = {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}
    kinds = {
        "day": {"type": "int", "logicalType": "date"},
        "time": {"type": "long", "logicalType": "timestamp-micros"},
        "kind": {"type": "enum", "name": "kind", "symbols": ["a", "b"]},
        "id": ["null", "long"],
    }
    row = {"day": date(2024, 2, 29), "time": WHEN, "kind": "b", "id": 2**62 + 1}
    path.write_bytes(avro([row] * 5_000 + [{**row, "id": None}], **kinds))
    table = AvroSource().read(path, OPTIONS)
    assert table.height == 5_001
    assert table.row(0)[::2] == (date(2024, 2, 29), "b")
    assert table["id"].to_list()[-2:] == [2**62 + 1, None]
    assert str(table["time"][0]).startswith("2024-03-31 01:30:00")
    path.write_bytes(avro([{"x": Decimal("1.25")}], x=money))
    assert AvroSource().read(path, OPTIONS)["x"].to_list() == [1.25]


def read_json(tmp_path: Path, content: str) -> pl.DataFrame:
    path = tmp_path / "t.json"
    path.write_text(content, encoding="utf-8")
    return JsonSource().read(path, OPTIONS)


def test_json_keeps_its_types(tmp_path: Path) -> None:
    table = read_json(
        tmp_path,
        '{"id": 9223372036854775807, "x": 1, "code": "007", "day": "2024-02-29", "ok": true}\n\n'
        '{"x": 0.5, "day": null, "late": "NA"}\n{"id": "?", "x": NaN, "code": " "}\n',
    )
    assert table.to_dict(as_series=False) == {
        "id": [2**63 - 1, None, None],
        "x": [1.0, 0.5, None],
        "code": ["007", None, None],
        "day": [date(2024, 2, 29), None, None],
        "ok": [True, None, None],
        "late": [None, None, None],
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('[{"a": 1}, {"a": "x"}]', "column 'a', row 2: a text, a number before"),
        ('[{"a": 1}, {"a": true}]', "column 'a', row 2: a boolean, a number before"),
        ('[{"a": 1}, {"a": [1]}]', "column 'a', row 2: a list is no single value"),
        ('[{"a": {"b": 1}}]', "column 'a', row 1: an object is no single value"),
        ('[{"a": 1.5}, {"a": 9007199254740993}]', "column 'a', row 2: 9007199254740993 would lose digits"),
        ('[{"a": 9223372036854775808}]', "column 'a', row 1: 9223372036854775808 does not fit"),
        ('[{"a": 0.5}, {"a": -Infinity}]', "column 'a', row 2: -inf is no number"),
        ('[{"a": 1, "a": 2}]', "names 'a' twice"),
        ('{"a": 1}\n{"a": 2, oops}\n', "t.json: line 2 is no readable JSON"),
        ('{"a": 1}\n[1]\n', "line 2 is no object"),
        ('[{"a": 1}, 7]', "row 2 is no object"),
        ('{"a": [1, 2], "b": [1]}', "column 'b' has 1 values, 'a' has 2"),
        ('{"a": {"x": 1}, "b": {"y": 1}}', "column 'b' names other rows"),
        ('{"a": {"x": 1}, "b": 2}', "holds an object and no table"),
        ("[" * 100_000, "nested too deeply"),
        ("7", "a single value and no table"),
        ("[]", "no rows"),
        ('[{"a": "\\ud800"}]', "column 'a' holds half a letter"),
        ('[{"": 1}]', "no name"),
    ],
)
def test_json_that_is_no_table_is_named_by_row_and_column(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(InvalidData, match=r"^t\.json") as caught:
        read_json(tmp_path, content)
    assert words in str(caught.value)
    assert caught.value.hint


def read_workbook(tmp_path: Path, content: bytes) -> pl.DataFrame:
    path = tmp_path / "t.xlsx"
    path.write_bytes(content)
    return ExcelSource().read(path, OPTIONS)


def test_a_workbook_keeps_texts_numbers_and_times(tmp_path: Path) -> None:
    rows = [
        [],
        ["code", "n", "x", "day", "time", "mixed"],
        ["007", 1, 0.5, date(2024, 2, 29), datetime(2024, 2, 29, 1, 2, 3), 1],
        [],
        ["NA", 2**53, 2, date(2024, 3, 1), datetime(2024, 3, 1), "x"],
    ]
    table = read_workbook(tmp_path, workbook(rows))
    assert table.to_dict(as_series=False) == {
        "code": ["007", None],
        "n": [1, 2**53],
        "x": [0.5, 2.0],
        "day": [date(2024, 2, 29), date(2024, 3, 1)],
        "time": [datetime(2024, 2, 29, 1, 2, 3), datetime(2024, 3, 1)],
        "mixed": ["1", "x"],
    }


def test_the_sheet_that_is_named_is_read(tmp_path: Path) -> None:
    rows = [["a"], *([number] for number in range(12))]
    (tmp_path / "t.xlsx").write_bytes(workbook(rows, sheets=("bir", "İki ı")))
    with pytest.raises(InvalidData, match="2 sheets") as caught:
        load("t.xlsx", tmp_path, DataSettings())
    assert caught.value.hint == 'say which in [data]: sheet = "bir"'
    table = load("t.xlsx", tmp_path, DataSettings(sheet=normalize("NFD", "İki ı"))).table
    assert table["a"].to_list() == list(range(12))
    with pytest.raises(InvalidConfig, match="üç") as caught_too:
        load("t.xlsx", tmp_path, DataSettings(sheet="üç"))
    assert "bir" in caught_too.value.hint


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (workbook([["a"], [1]], sheets=("bir", "iki")), "2 sheets with values: 'bir', 'iki'"),
        (workbook([]), "no values"),
        (workbook([["a", "a"], [1, 2]]), "'a' in columns 1, 2"),
        (workbook([["a", None, "b"], [1, 2, 3]]), "column 2 of the header has no name"),
        (workbook([["a"], [1], [True]]), "column 'a', row 2: a boolean among numbers"),
        (workbook([["a"], [1], [12345678901234567890]]), "column 'a', row 2: a workbook keeps 15 digits"),
        (b"PK\x03\x04 nothing", "not a whole zip file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_workbook_that_is_no_table_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(InvalidData, match=r"^t\.xlsx") as caught:
        read_workbook(tmp_path, content)
    assert words in str(caught.value)
    assert caught.value.hint
