"""What every connector must do."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kervan.core.config import MISSING_TEXTS
from kervan.core.errors import InvalidInput, NotFound, ServerFailed
from kervan.core.fetching import Fetched, TableRequest, nobody
from kervan.core.identity import sha256_file
from kervan.core.ports import Connector, ReadOptions
from kervan.data.sources.find import reader
from kervan.testing.suite import Suite

if TYPE_CHECKING:
    import polars as pl


class ConnectorSuite(Suite):
    """Tests of a `Connector`. Give `adapter`, `put` and `absent`; the rest has defaults.

    `locations` are texts that the connector accepts whether or not anything is there, `others` are those
    that it does not.
    """

    locations: tuple[str, ...]
    others: tuple[str, ...] = ("no-such-scheme://host/table", "")

    def adapter(self) -> Connector:
        """Return the connector to test."""
        raise NotImplementedError

    def put(self, table: pl.DataFrame, folder: Path) -> TableRequest:
        """Put a table where the connector finds it, as another program would, and return what asks for it.

        `folder` is empty and may be used for it.
        """
        raise NotImplementedError

    def absent(self, folder: Path) -> TableRequest:
        """Return what asks for a table that is not there."""
        raise NotImplementedError

    def table(self) -> pl.DataFrame:
        """Return a table of 50 rows with every type, missing values and Turkish letters."""
        import polars as pl

        rows = range(50)
        return pl.DataFrame(
            {
                "no": [9_007_199_254_740_993 + row for row in rows],
                "gelir": [None if row % 7 == 0 else row / 3 for row in rows],
                "evli": [None if row % 5 == 0 else row % 2 == 0 for row in rows],
                "şehir": [None if row % 4 == 0 else f"Iğdır {row:03}" for row in rows],
                "gün": [date(2024, 2, 29) if row % 3 else None for row in rows],
                "an": [datetime(2024, 3, 31, 1, 30, row, 123456, tzinfo=UTC) for row in rows],
            },
            schema_overrides={"an": pl.Datetime("us", "UTC")},
        )

    def fetch(self, request: TableRequest, folder: Path) -> Fetched:
        """Fetch into a new folder."""
        folder.mkdir()
        return self.adapter().fetch(request, folder, nobody)

    def read(self, fetched: Fetched) -> pl.DataFrame:
        """Read what came."""
        source = reader(fetched.path.name, fetched.path)
        return source.read(fetched.path, ReadOptions(missing=MISSING_TEXTS))

    def test_is_a_connector(self) -> None:
        assert isinstance(self.adapter(), Connector)

    def test_judges_a_location_by_its_text_alone(self) -> None:
        connector = self.adapter()
        for location in self.locations:
            assert connector.accepts(location), location
        for location in self.others:
            assert not connector.accepts(location), location

    def test_fetches_what_is_there(self, tmp_path: Path) -> None:
        from polars.testing import assert_frame_equal

        (tmp_path / "there").mkdir()
        request = self.put(self.table(), tmp_path / "there")
        fetched = self.fetch(request, tmp_path / "here")
        assert_frame_equal(self.read(fetched), self.table())
        assert fetched.retrieval.time > 0
        assert not fetched.sha256 or fetched.sha256 == sha256_file(fetched.path)

    def test_fetches_into_the_folder_alone_and_leaves_nothing_besides(self, tmp_path: Path) -> None:
        (tmp_path / "there").mkdir()
        fetched = self.fetch(self.put(self.table(), tmp_path / "there"), tmp_path / "here")
        held = {each for each in (tmp_path / "here").rglob("*") if each.is_file()}
        assert held == {fetched.path, *fetched.files}

    def test_fetches_the_same_bytes_of_the_same_table(self, tmp_path: Path) -> None:
        (tmp_path / "there").mkdir()
        request = self.put(self.table(), tmp_path / "there")
        first, second = (self.fetch(request, tmp_path / name) for name in ("first", "second"))
        assert sha256_file(first.path) == sha256_file(second.path)

    def test_estimates_what_it_will_take(self, tmp_path: Path) -> None:
        (tmp_path / "there").mkdir()
        estimate = self.adapter().estimate(self.put(self.table(), tmp_path / "there"))
        for each in (estimate.rows, estimate.fetched, estimate.stored):
            assert each is None or each > 0

    def test_what_is_not_there_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "there").mkdir()
        request = self.absent(tmp_path / "there")
        with pytest.raises((NotFound, InvalidInput, ServerFailed)) as caught:
            self.fetch(request, tmp_path / "here")
        assert caught.value.hint
