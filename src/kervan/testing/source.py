"""What every source of tables must do."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import pytest

from kervan.core.config import MISSING_TEXTS
from kervan.core.errors import InvalidData
from kervan.core.ports import Batching, ReadOptions, Source
from kervan.data.sources.packed import unpack
from kervan.testing.suite import Suite

if TYPE_CHECKING:
    import polars as pl


class SourceSuite(Suite):
    """Tests of a `Source`. Give `name`, `adapter` and `write`; the rest has defaults.

    `name` is a file name that the source accepts, `others` are names that it does not, `broken` is
    content that is no table in its form.
    """

    name: str
    others: tuple[str, ...] = ("model.onnx", "table", "", "table.csv.exe")
    broken: bytes = b"\x00\xff\x00 this is no table"
    options = ReadOptions(missing=MISSING_TEXTS)

    def adapter(self) -> Source:
        """Return the source to test."""
        raise NotImplementedError

    def write(self, table: pl.DataFrame, path: Path) -> None:
        """Write a table in the source's form, as another program would."""
        raise NotImplementedError

    def table(self) -> pl.DataFrame:
        """Return a table with every type, missing values, Turkish letters and names that are patterns."""
        import polars as pl

        return pl.DataFrame(
            {
                "yaş": [39, None, -1],
                "gelir ı": [0.5, 1e300, None],
                "evli": [True, None, False],
                "şehir": ["İstanbul", "Iğdır, merkez", None],
                "gün": [date(2024, 2, 29), None, date(1999, 12, 31)],
                "*": [1, 2, 3],
                "^a$": ["x", "y", "z"],
            }
        )

    def read(self, folder: Path, table: pl.DataFrame) -> pl.DataFrame:
        """Write a table and read it again."""
        path = folder / self.name
        self.write(table, path)
        return self.adapter().read(path, self.options)

    def test_is_a_source(self) -> None:
        assert isinstance(self.adapter(), Source)

    def test_judges_a_location_by_its_name_alone(self) -> None:
        source = self.adapter()
        for location in (self.name, f"/nowhere/İstanbul ı/{self.name}", self.name.upper()):
            assert source.accepts(location), location
        for location in self.others:
            assert not source.accepts(location), location

    def test_reads_what_was_written(self, tmp_path: Path) -> None:
        from polars.testing import assert_frame_equal

        assert_frame_equal(self.read(tmp_path, self.table()), self.table())

    def test_reads_the_same_in_batches(self, tmp_path: Path) -> None:
        import polars as pl
        from polars.testing import assert_frame_equal

        source = self.adapter()
        if not isinstance(source, Batching):
            return  # who reads whole files only is asked for no more
        path = tmp_path / self.name
        self.write(self.table(), path)
        plain = unpack(path, Path(mkdtemp(dir=tmp_path)))
        try:
            batches = list(source.batches(plain, self.options))
        except InvalidData as error:
            assert "too large" in str(error)  # noqa: PT017 - not every form of a kind is read in batches
            return
        assert_frame_equal(pl.concat(batches), source.read(path, self.options))

    def test_reads_the_same_twice_and_leaves_the_file_alone(self, tmp_path: Path) -> None:
        path = tmp_path / self.name
        self.write(self.table(), path)
        before = path.read_bytes()
        first, second = (self.adapter().read(path, self.options) for _ in range(2))
        assert first.equals(second)
        assert path.read_bytes() == before
        assert [entry.name for entry in tmp_path.iterdir()] == [self.name]

    def test_reads_texts_that_stand_for_a_missing_value_as_missing(self, tmp_path: Path) -> None:
        import polars as pl

        table = pl.DataFrame({"a": ["x", "yok", "z"], "b": ["1", "2", "3x"]})
        path = tmp_path / self.name
        self.write(table, path)
        read = self.adapter().read(path, ReadOptions(missing=("yok",)))
        assert read["a"].to_list() == ["x", None, "z"]
        assert read["b"].to_list() == ["1", "2", "3x"]

    def test_a_table_without_rows_keeps_its_columns(self, tmp_path: Path) -> None:
        read = self.read(tmp_path, self.table().clear())
        assert (read.height, read.columns) == (0, self.table().columns)

    def test_what_is_no_table_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / self.name
        for content in (self.broken, b""):
            path.write_bytes(content)
            with pytest.raises(InvalidData, match=self.name) as caught:
                self.adapter().read(path, self.options)
            assert caught.value.hint

    def test_a_file_that_was_cut_off_is_read_or_refused(self, tmp_path: Path) -> None:
        path = tmp_path / self.name
        self.write(self.table(), path)
        content = path.read_bytes()
        for end in range(0, len(content), max(1, len(content) // 40)):
            path.write_bytes(content[:end])
            try:
                self.adapter().read(path, self.options)
            except InvalidData as error:
                assert self.name in str(error)  # noqa: PT017 - reading is as good as refusing
