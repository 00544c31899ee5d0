"""Tables read in pieces: what reading at once gives, whatever the file and wherever it is cut."""

from __future__ import annotations

import csv
import gzip
import io
from itertools import count, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.test_files import CONTENTS, zipped
from kervan.core.config import MISSING_TEXTS, DataSettings
from kervan.core.errors import InvalidData, KervanError
from kervan.core.ports import ReadOptions
from kervan.data import pieces
from kervan.data.allowed import Note, noted, read_as
from kervan.data.ingest import read, take
from kervan.data.large import read_pieces, weight
from kervan.data.sources import arrow_stream, delimited, json_lines, text
from kervan.data.sources.csv import CsvSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from kervan.data.ingest import Loaded
    from kervan.data.pieces import Pieces

pytestmark = pytest.mark.sampled


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut everything into many pieces."""
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 700)
    monkeypatch.setattr(delimited, "CAREFUL_BYTES", 90)
    monkeypatch.setattr(text, "PIECE", 101)
    monkeypatch.setattr(json_lines, "BATCH_BYTES", 300)
    monkeypatch.setattr(arrow_stream, "PART_BYTES", 400)
    monkeypatch.setattr(pieces, "PIECE_BYTES", 4000)


ANY = DataSettings()
FOLDERS = count()


def both(
    folder: Path, location: str, wanted: DataSettings = ANY
) -> tuple[Loaded[pl.DataFrame], Loaded[Pieces]]:
    with take(location, folder, wanted) as snapshot:
        return read(snapshot, wanted), read_pieces(snapshot, wanted, folder / f"pieces-{next(FOLDERS)}")


def check_same(folder: Path, location: str, wanted: DataSettings = ANY) -> pl.DataFrame:
    """Check that a table is the same in pieces and at once, and return it."""
    whole, found = both(folder, location, wanted)
    table = found.table.whole()
    assert table.schema == whole.table.schema
    assert table.equals(whole.table)
    assert found.warnings == whole.warnings
    return table


def check_refused(folder: Path, location: str, wanted: DataSettings = ANY) -> KervanError:
    """Check that a file is refused in pieces in the words in which it is at once."""
    with take(location, folder, wanted) as snapshot:
        with pytest.raises(KervanError) as whole:
            read(snapshot, wanted)
        with pytest.raises(KervanError) as found:
            read_pieces(snapshot, wanted, folder / f"pieces-{next(FOLDERS)}")
    assert (type(found.value), str(found.value), found.value.hint) == (
        type(whole.value),
        str(whole.value),
        whole.value.hint,
    )
    return found.value


words = st.sampled_from(
    [
        *("", "1", "-2", "+3", "007", "1.5", "1e3", ".5", "inf", "0", "NaN", "true", "FALSE", "x"),
        *("1234567890123456789", "12345678901234567890", "2024-02-29", "2024-02-30", "2024-02-29 10:00"),
        *("2024-02-29T10:00:01.5", "2024-02-29T10:00:01Z", "2024-02-29 10:00+03:00", "2024-13-29 10:00"),
        "2024-02-30T10:00Z",
    ]
)
kinds = st.sampled_from([["1", "-2", "0"], ["1.5", "2"], ["true", "FALSE"], ["2024-02-29", "2023-01-01"]])
columns = st.one_of(
    st.lists(words, max_size=12),
    kinds.flatmap(lambda few: st.lists(st.sampled_from(few) | st.just(""), max_size=12)),
)


@given(columns, st.lists(st.integers(0, 12), max_size=4))
@settings(max_examples=200)
def test_what_texts_are_does_not_depend_on_where_they_are_cut(texts: list[str], cuts: list[int]) -> None:
    column = pl.Series("", [each or None for each in texts], dtype=pl.String)
    ends = [0, *sorted(cuts), len(column)]
    parts = [column[start:end] for start, end in pairwise(ends)]
    in_a_row, together = Note.NOTHING, Note.NOTHING
    for part in parts:
        in_a_row = noted(part, in_a_row)
        together |= noted(part)
    whole = read_as(column, noted(column))
    for note in (in_a_row, together):
        found = pl.concat([read_as(part, note) for part in parts])
        assert found.dtype == whole.dtype
        assert found.equals(whole)
    assert whole.null_count() == column.null_count()


fields = st.text(st.sampled_from('ab ",;\n\r\tşİ\ufeff'), max_size=6)
lines = st.lists(st.lists(fields, min_size=3, max_size=3), min_size=1, max_size=14)


def as_csv(rows: list[list[str]], quoting: Any, end: str) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=quoting, lineterminator=end).writerows([["a", "b", "c"], ["x", "x", "x"], *rows])
    return out.getvalue()


def rows_of(content: str) -> list[tuple[str, ...]]:
    """Return what Python's own reader reads, without the header."""
    found = csv.reader(io.StringIO(content, newline=""), skipinitialspace=True, strict=True)
    rows = [tuple(each.strip() for each in row) for row in found if len(row) > 1 or any(map(str.strip, row))]
    return rows[1:]


FORMS = [(csv.QUOTE_MINIMAL, "\r\n"), (csv.QUOTE_ALL, "\r\n"), (csv.QUOTE_ALL, "\n")]


@given(lines, st.sampled_from(FORMS))
@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_quoted_texts_are_what_a_reader_of_records_makes_of_them(
    tmp_path: Path, rows: list[list[str]], form: tuple[Any, str]
) -> None:
    content = as_csv(rows, *form)
    path = tmp_path / "t.csv"
    path.write_bytes(content.encode())
    options = ReadOptions(separator=",", texts=("a", "b", "c"))
    table = CsvSource().read(path, options)
    assert [tuple(each or "" for each in row) for row in table.rows()] == [
        tuple(each for each in row) for row in rows_of(content)
    ]
    assert pl.concat(CsvSource().batches(path, options)).equals(table)


parts = [b"1,2\n", b'"x",y\n', b"\n", b'3,"', b"4", b"\r\n", b'""', b",", b"\xff", b"\0", b" "]


@given(content=st.lists(st.sampled_from(parts), max_size=60).map(b"".join))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_read_or_refused_alike(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(b"a,b\n" + content)
    options = ReadOptions(missing=MISSING_TEXTS)
    found: list[Any] = []
    for reading in (CsvSource().read, lambda *each: pl.concat(CsvSource().batches(*each))):
        try:
            found.append(reading(path, options).to_dict(as_series=False))
        except KervanError as error:
            found.append((str(error), error.hint))
    assert found[0] == found[1]


@pytest.mark.data
def test_public_tables_are_the_same(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = 0
    for path in sorted(data_dir.rglob("*.csv*")):
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rb") as file:
            head = b"".join(file.readline() for _ in range(60))
        name = f"{path.parent.name}-{path.name}".removesuffix(".gz")
        if head.index(b"\n") > 1000:
            continue  # hundreds of columns say no more
        (tmp_path / name).write_bytes(head)
        monkeypatch.setattr(delimited, "BLOCK_BYTES", len(head) // 3)
        check_same(tmp_path, name)
        seen += 1
    assert seen > 20


WHOLE = {"json", "json of columns", "json of pandas", "avro"}


@pytest.mark.parametrize("kind", CONTENTS)
def test_every_kind_of_file_and_packing(tmp_path: Path, kind: str) -> None:
    (tmp_path / "t.csv").write_bytes(CONTENTS[kind])
    if kind not in WHOLE:
        check_same(tmp_path, "t.csv")
        return
    with (
        take("t.csv", tmp_path) as snapshot,
        pytest.raises(InvalidData, match=r"^t\.csv .*too large") as told,
    ):
        read_pieces(snapshot, DataSettings(), tmp_path / "pieces")
    assert "Parquet" in told.value.hint


def zones() -> pl.DataFrame:
    rows = range(40)
    return pl.DataFrame(
        {
            "id": [2**62 + at for at in rows],
            "x": [None if at % 7 == 0 else at / 8 for at in rows],
            "kind": pl.Series([f"{at % 3}" for at in rows], dtype=pl.Categorical),
            "text": [f" İ{at} " if at % 5 else "NA" for at in rows],
        }
    )


def as_stream(table: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    arrow = table.to_arrow()
    with pa.ipc.new_stream(out, arrow.schema) as stream:
        stream.write_table(arrow, max_chunksize=7)
    return out.getvalue()


def in_columns(table: pl.DataFrame, write: str, **options: Any) -> bytes:
    out = io.BytesIO()
    getattr(table, write)(out, **options)
    return out.getvalue()


BINARY: list[tuple[str, Callable[[pl.DataFrame], bytes]]] = [
    ("t.parquet", lambda table: in_columns(table, "write_parquet", row_group_size=9)),
    ("t.arrow", lambda table: in_columns(table, "write_ipc", record_batch_size=9)),
    ("t.arrows", as_stream),
]


@pytest.mark.parametrize(("name", "write"), BINARY)
def test_types_of_other_programs(
    tmp_path: Path, name: str, write: Callable[[pl.DataFrame], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "batch_rows", lambda _: 11)
    content = write(zones())
    (tmp_path / name).write_bytes(content)
    assert check_same(tmp_path, name, DataSettings(target="x")).height == 40
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
    check_same(tmp_path, f"{name}.gz")
    (tmp_path / name).write_bytes(write(zones().rename({"x": "*"})))
    assert "pattern" in str(check_refused(tmp_path, name))
    late = (
        zones()
        .drop("^a$")
        .with_columns(
            pl.when(pl.col("id") == 2**62 + 20).then(float("inf")).otherwise(pl.col("x")).alias("x"),
            pl.when(pl.col("id") == 2**62 + 12).then(2**64 - 1).otherwise(1).cast(pl.UInt64).alias("last"),
        )
    )
    (tmp_path / name).write_bytes(write(late))
    assert "column 'x', row 21: inf" in str(check_refused(tmp_path, name))
    dropped = DataSettings(protect={"x": "drop"}, ignore=("last",))
    assert check_same(tmp_path, name, dropped)["x"].null_count() == 40
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with take(name, tmp_path) as snapshot, pytest.raises(InvalidData, match=name):
        read_pieces(snapshot, DataSettings(), tmp_path / "cut")


def lines_of(*more: str) -> str:
    rows = [f'{{"a": {at}, "b": "w{at}", "day": "2024-02-{at % 28 + 1:02}"}}' for at in range(40)]
    return "\n".join([*rows[:20], *more, *rows[20:]]) + "\n"


@pytest.mark.parametrize(
    "content",
    [
        lines_of(),
        lines_of("", '{"a": 0.5, "late": true, "b": "NA"}', "{}"),
        lines_of('{"a": "NA", "b": null}', '{"late": " x "}'),
        lines_of('{"day": "soon", "a": NaN}'),
        lines_of('{"a": "NA"}', '{"b": null}'),
    ],
)
def test_an_object_on_each_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.ndjson").write_text(content, encoding="utf-8")
    check_same(tmp_path, "t.ndjson", DataSettings(target="a"))


@pytest.mark.parametrize(
    "more",
    [
        ['{"a": "x"}', '{"b": 1}'],
        ['{"a": 0.5}', '{"a": 9007199254740993}'],
        ['{"a": 9223372036854775808}'],
        ['{"a": 0.5}', '{"a": Infinity}'],
        ['{"b": [1]}', '{"a": true}'],
        ["7", '{"a": 1, oops}'],
        ["7"],
        ['{"b": "\\ud800"}'],
        ['{"": 1}'],
        ['{"a": 1, "a": 2}'],
        ['{"a": "\xff"}'],
    ],
)
def test_an_object_that_is_wrong_is_named_by_its_row(tmp_path: Path, more: list[str]) -> None:
    (tmp_path / "t.ndjson").write_bytes(lines_of(*more).encode("latin-1"))
    check_refused(tmp_path, "t.ndjson")


@pytest.mark.parametrize(
    "change",
    [
        lambda each: each.replace("\n10,", "\n10,7,").replace("\n15,", "\n"),
        lambda each: each.replace("\n10,", "\n1\0" + "0,"),
        lambda each: each.replace("\n10,", '\n10,"'),
        lambda each: each.replace("\n3,", '\n"3\n\n",').replace("\n10,", "\n10,5,"),
        lambda each: each.replace("id,", ",", 1),
        lambda each: each.replace(",", "^"),
        lambda each: each.partition("\n")[0],
        lambda each: "\n".join(each.split("\n")[:9]),
        lambda _: "<!doctype html><html><body>404</body></html>",
        lambda _: " \n \n",
        lambda _: "",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
def test_what_is_no_table_is_refused_in_the_same_words(
    tmp_path: Path, change: Callable[[str], str], encoding: str
) -> None:
    whole = "\n".join(["id,x,y", *(f"{at},ş{at},{at % 2}" for at in range(60))]) + "\n"
    (tmp_path / "t.csv").write_bytes(change(whole).encode(encoding))
    check_refused(tmp_path, "t.csv")


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("a,b\n" + "ş,1\n" * 60, {"encoding": "windows-1254"}),
        ("a,b\n" + "ş,1\n" * 60, {"encoding": "klingon"}),
        ("a,b\n" + "ş,1\n" * 60, {"encoding": "utf-8"}),
        ("a,b\n" + "ş,1\n" * 60, {}),
        ("a,b\n" + "x,1\n" * 60, {"encoding": "utf-16-le"}),
        ("a,b\n" + "x,NA\ny,None\n" * 60, {"target": "b"}),
        ("a,b\n" + "x,1\n" * 60, {"ignore": ("c",)}),
        ("a,b\n" + "x,1\n" * 60, {"ignore": ("b",), "target": "b"}),
    ],
)
def test_settings_that_do_not_fit_are_refused_in_the_same_words(
    tmp_path: Path, content: str, wanted: dict[str, Any]
) -> None:
    (tmp_path / "t.csv").write_bytes(content.encode("windows-1254"))
    if wanted == {"encoding": "windows-1254"}:
        check_same(tmp_path, "t.csv", DataSettings(**wanted))
    else:
        check_refused(tmp_path, "t.csv", DataSettings(**wanted))


def test_columns_that_are_ignored_and_words_that_mean_missing(tmp_path: Path) -> None:
    rows = [
        f"{at},{['x', 'NA', 'None', ''][at % 4]},{'NA' if at % 9 == 0 else 'ab'[at % 2]},-9"
        for at in range(90)
    ]
    (tmp_path / "t.csv").write_text("\n".join(["id,c,y,n", *rows]), encoding="utf-8")
    check_same(tmp_path, "t.csv", DataSettings(target="id", ignore=("n",)))
    check_same(tmp_path, "t.csv", DataSettings(target="y", missing=("-9", "", "NA")))


def test_blanks_that_separate_fields_are_left_out_in_front_of_them(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('a b\n"x y"  1\n' + "z  2\n" * 90 + '  "z" 3\n', encoding="utf-8")
    table = check_same(tmp_path, "t.csv", DataSettings(separator=" "))
    assert table.rows()[::91] == [("x y", 1), ("z", 3)]


def test_several_files(tmp_path: Path) -> None:
    folder = tmp_path / "sales"
    folder.mkdir()
    for month in (1, 2, 3):
        below = "".join(f"0{month},{month}{at},NA,-9\n" for at in range(30))
        (folder / f"{month}.csv").write_text(f"code,n,t,none\n{below}", encoding="utf-8")
    check_same(tmp_path, "sales/*.csv")
    (folder / "4.csv.gz").write_bytes(gzip.compress(b"t,n,code,none\n" + b",1.5,34710,x\n" * 30))
    check_same(tmp_path, "sales", DataSettings(ignore=("t",)))
    check_same(tmp_path, "sales", DataSettings(missing=("-9", "NA", "")))
    (folder / "5.csv").write_text("code,n\n1,2\n", encoding="utf-8")
    check_refused(tmp_path, "sales")
    (folder / "5.csv").write_text("code,n,t,none\n1,2,3,4\n1,2\n", encoding="utf-8")
    check_refused(tmp_path, "sales")
    (folder / "5.csv").write_text('[{"code": 1}]', encoding="utf-8")
    check_refused(tmp_path, "sales")


def test_types_of_several_files_meet(tmp_path: Path) -> None:
    pl.DataFrame({"x": range(30), "key": [None] * 30}).write_parquet(tmp_path / "1.parquet")
    pl.DataFrame({"x": [0.5] * 30, "key": [2**62] * 30}).write_parquet(tmp_path / "2.parquet")
    check_same(tmp_path, "*.parquet")
    pl.DataFrame({"x": [0.5], "key": [0.5]}).write_parquet(tmp_path / "3.parquet")
    check_refused(tmp_path, "*.parquet")
    pl.DataFrame({"x": ["a"], "key": [1]}).write_parquet(tmp_path / "3.parquet")
    check_refused(tmp_path, "*.parquet")


def test_what_texts_look_like_is_judged_by_some_rows_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ["x" if at == 399 else str(at) for at in range(400)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b", *(f"{each},1" for each in rows)]), encoding="utf-8")
    check_same(tmp_path, "t.csv")
    monkeypatch.setattr(pieces, "SPREAD_BYTES", 2000)
    _, found = both(tmp_path, "t.csv")
    (told,) = found.warnings
    assert "first in row 400: 'x'; " in told.message
    assert "of 400 rows were looked at" in told.message


def test_the_weight_of_a_table_is_that_of_its_values(tmp_path: Path) -> None:
    table = pl.DataFrame({"a": range(1000), "b": ["x"] * 1000})
    table.write_parquet(tmp_path / "t.parquet")
    table.write_ipc(tmp_path / "t.arrow")
    content = table.write_csv().encode()
    (tmp_path / "t.csv").write_bytes(content)
    (tmp_path / "t.csv.zip").write_bytes(zipped("x.csv", content=content))
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(content))
    found = {}
    for name in ("t.parquet", "t.arrow", "t.csv", "t.csv.zip", "t.csv.gz"):
        with take(name, tmp_path) as snapshot:
            found[name] = weight(snapshot)
    assert found["t.parquet"] == found["t.arrow"] == 40_000
    assert found["t.csv"] == found["t.csv.zip"] == len(content)
    assert len(content) < found["t.csv.gz"] < 9 * len(content)
