"""Tables in pieces: nothing lost, in order, of bounded size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.chopped import chopped
from kervan.core.errors import StorageFailed
from kervan.data import pieces as module
from kervan.data.export import ENDINGS, write
from kervan.data.pieces import PieceWriter, batches, changed, chosen, spread
from kervan.data.sql.query import run_in_pieces

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8), st.integers(1, 60))
def test_what_was_added_comes_back(
    tmp_path_factory: pytest.TempPathFactory, heights: list[int], wanted: int
) -> None:
    frames = [
        pl.DataFrame({"a b": [f"{place} {row}" for row in range(rows)], "ş": pl.Series(range(rows))})
        .with_columns(pl.nth(1).cast(pl.Int64))
        .with_columns(pl.nth(0).cast(pl.String))
        for place, rows in enumerate(heights)
    ]
    with PieceWriter(tmp_path_factory.mktemp("p") / "pieces") as writer:
        writer.add_all(frames)
    table, whole = writer.finish(), pl.concat(frames)
    assert table.whole().equals(whole)
    assert (table.height, table.columns) == (whole.height, whole.columns)
    assert pl.concat(table.column("a b")).equals(whole["a b"])
    some = spread(table, wanted)
    assert some.height == min(wanted, whole.height)
    assert some.join(whole, on=whole.columns, how="anti").is_empty()
    mask = np.arange(whole.height) % 3 == 1
    left = chosen(table, mask)
    assert pl.concat(batches(left)).equals(whole.filter(pl.Series(mask, dtype=pl.Boolean)))
    again = chosen(left, np.arange(left.height) % 2 == 0)
    assert pl.concat(batches(again)).equals(whole[np.flatnonzero(mask)[::2]])
    assert pl.concat(batches(again, ["ş"])).equals(whole[np.flatnonzero(mask)[::2]].select("ş"))


def test_no_piece_is_larger_than_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE_BYTES", 10_000)
    long = pl.DataFrame({"text": ["x" * 100] * 1000, "number": range(1000)})
    with PieceWriter(tmp_path / "pieces") as writer:
        writer.add(long)
    table = writer.finish()
    assert len(table.files) > 10
    assert max(piece.estimated_size() for piece in table) < 15_000
    doubled = changed(table, tmp_path / "more", lambda piece: piece.with_columns(pl.col("number") * 2))
    assert sum(batch["number"].sum() for batch in batches(doubled)) == 2 * int(long["number"].sum())
    assert next(table.only([])).height == table.heights[0]


def test_a_full_disk_is_no_fault_of_the_query(
    tmp_path: Path, small_disk: Callable[[str], AbstractContextManager[Path]]
) -> None:
    table = chopped(pl.select(a=pl.int_range(100_000).hash()), tmp_path / "table", 20_000)
    query = "select a, count(*) as n from data group by a"
    with small_disk("size=100k") as disk:
        with pytest.raises(StorageFailed, match="No space left"):
            list(run_in_pieces(query, table, "here", disk / "query"))
        for kind in ENDINGS:
            with pytest.raises(StorageFailed, match="No space left"):
                write(table, disk / f"rows{kind}")
            assert [each.name for each in disk.iterdir()] == ["query"]
