"""Large tables in the store: what did not change is stored once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kervan.flow import pieces
from kervan.flow.pieces import cut, keep_pieces, read_pieces
from kervan.flow.table import from_parquet
from kervan.store.blobs import Blobs

if TYPE_CHECKING:
    from pathlib import Path


def table(rows: int, seed: int = 0) -> pl.DataFrame:
    numbers = pl.Series("sayı", range(rows), dtype=pl.Int64)
    return pl.DataFrame([numbers, (numbers * 7919 + seed).cast(pl.String).alias("metin")])


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "MOST_ROWS", 512)


def test_a_small_table_is_one_file(tmp_path: Path) -> None:
    blobs = Blobs(str(tmp_path))
    for rows in (0, 1, 512):
        blob, found = keep_pieces([table(rows)], blobs)
        assert found == ()
        assert from_parquet(blobs.read_bytes(blob)).equals(table(rows))


@settings(max_examples=25)
@given(st.lists(st.integers(0, 2000), min_size=1, max_size=5))
def test_nothing_is_lost_however_it_comes(heights: list[int]) -> None:
    ends = [sum(heights[: place + 1]) for place in range(len(heights))]
    whole = table(sum(heights))
    batches = [whole.slice(end - rows, rows) for end, rows in zip(ends, heights, strict=True)]
    found = list(cut(batches))
    assert pl.concat(found).equals(whole)
    assert max(each.height for each in found) <= 512
    assert [each.height for each in found] == [each.height for each in cut([whole])] or heights[0] < 512


def test_rows_that_stay_are_stored_once(tmp_path: Path) -> None:
    blobs = Blobs(str(tmp_path))
    before = table(20_000)
    _, first = keep_pieces([before], blobs)
    _, grown = keep_pieces([pl.concat([before, table(300, seed=1)])], blobs)
    assert grown[: len(first) - 1] == first[:-1]
    _, without = keep_pieces([pl.concat([before.head(5_000), before.slice(5_001)])], blobs)
    assert len(set(without) - set(first)) <= 3


def test_a_change_of_bytes_knows_the_place(tmp_path: Path) -> None:
    blobs = Blobs(str(tmp_path))

    def hide(content: bytes, place: int) -> bytes:
        return f"{place}|".encode() + content

    def show(content: bytes, place: int) -> bytes:
        return content.removeprefix(f"{place}|".encode())

    blob, found = keep_pieces([table(3_000)], blobs, hide)
    assert len(found) > 5
    assert all(
        blobs.read_bytes(each).startswith(f"{place}|PAR1".encode()) for place, each in enumerate(found)
    )
    assert pl.concat(read_pieces(blob, blobs, show)).equals(table(3_000))
