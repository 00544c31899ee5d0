from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from threading import Barrier
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from polars.testing import assert_frame_equal

from kervan.core.errors import Corrupted, InvalidInput, NotFound
from kervan.core.identity import sha256
from kervan.flow.values import Value, blobs_of, load, save, scratch, scratch_space

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.store.open import Store

QUIET = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
NUMBERS = st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@dataclass(frozen=True)
class Figure:
    city: str
    value: float
    parts: tuple[int, ...] = ()


@QUIET
@given(content=JSON)
def test_json_comes_back(content: Any, local_store: Store) -> None:
    value = save(content, local_store)
    assert value.form == "json"
    assert load(value, local_store) == content
    assert save(content, local_store) == value


@QUIET
@given(content=st.binary(max_size=300))
def test_bytes_come_back(content: bytes, local_store: Store) -> None:
    assert load(save(content, local_store), local_store) == content


@QUIET
@given(
    content=arrays.arrays(
        dtype=st.sampled_from(["f4", "f8", "i8", "u1", "?", "U3", "M8[us]"]),
        shape=arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    )
)
def test_arrays_come_back(content: Any, local_store: Store) -> None:
    back = load(save(content, local_store), local_store)
    assert (back.dtype, back.shape) == (content.dtype, content.shape)
    np.testing.assert_array_equal(back, content)


CELLS = {
    "yaş": st.none() | st.integers(-(2**63), 2**63 - 1),
    "*": st.none() | st.floats(),
    "^a$": st.none() | st.booleans(),
    "İstanbul": st.none() | st.text(),
    "gün": st.none() | st.dates(date(1, 1, 1), date(9999, 12, 31)),
    "an": st.none() | st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)),
}
TYPES = [pl.Int64, pl.Float64, pl.Boolean, pl.String, pl.Date, pl.Datetime("us")]


@QUIET
@given(rows=st.lists(st.tuples(*CELLS.values()), max_size=5))
def test_tables_come_back(rows: list[tuple[Any, ...]], local_store: Store) -> None:
    table = pl.DataFrame(rows, schema=dict(zip(CELLS, TYPES, strict=True)), orient="row")
    value = save(table, local_store)
    assert value.form == "table"
    assert_frame_equal(load(value, local_store), table)
    assert save(table.clone(), local_store) == value


def test_dataclasses_come_back_as_their_type(local_store: Store) -> None:
    figure = Figure(city="İzmir", value=0.1, parts=(1, 2))
    assert load(save(figure, local_store), local_store, Figure) == figure
    assert load(save([figure], local_store), local_store, list[Figure]) == [figure]
    with pytest.raises(Corrupted, match="is no") as caught:
        load(save({"city": 3}, local_store), local_store, Figure)
    assert caught.value.hint == "run the step again"


@QUIET
@given(
    files=st.dictionaries(
        st.sampled_from(["a", "ı/şehir.txt", "ı/boş/x", "İ b/c.bin", ".gizli"]), st.binary(max_size=50)
    )
)
def test_folders_come_back(files: dict[str, bytes], local_store: Store) -> None:
    with scratch_space():
        folder = scratch()
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        value = save(folder, local_store)
    assert not folder.exists()
    back = load(value, local_store)
    found = {
        path.relative_to(back).as_posix(): path.read_bytes() for path in back.rglob("*") if path.is_file()
    }
    assert found == files
    assert set(blobs_of(value, local_store)) == {value.hash, *(sha256(content) for content in files.values())}


def test_a_folder_without_files_comes_back(local_store: Store) -> None:
    with scratch_space():
        kept = save(scratch(), local_store)
    for _ in range(2):
        assert list(load(kept, local_store).iterdir()) == []


def test_a_folder_laid_out_before_is_mended(local_store: Store, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").write_text("bir")
    value = save(tmp_path / "out", local_store)
    laid_out = load(value, local_store)
    (laid_out / "a").write_text("altered")
    assert (load(value, local_store) / "a").read_text() == "bir"


def test_a_stored_value_stands_for_itself(local_store: Store) -> None:
    value = Value("json", "0" * 64)
    assert save(value, local_store) is value


@pytest.mark.parametrize(
    "odd", [object(), {1, "a"}, lambda: None, {"a": object()}, float("nan"), [{"a": (math.inf, None)}]]
)
def test_what_cannot_be_kept_faithfully_is_refused(odd: Any, local_store: Store) -> None:
    with pytest.raises(InvalidInput, match="cannot be kept") as caught:
        save(odd, local_store)
    assert "Polars table" in caught.value.hint


@pytest.mark.parametrize("odd", [np.array([object()]), np.float64(0.5), np.int64(3), pl.Series("a", [1, 2])])
def test_odd_numpy_and_polars_values_are_kept_or_refused_in_words(odd: Any, local_store: Store) -> None:
    try:
        back = load(save(odd, local_store), local_store)
    except InvalidInput as error:
        assert "cannot be kept" in str(error)  # noqa: PT017 - either is right, and nothing else
        return
    assert np.asarray(back) == np.asarray(odd)


def test_a_path_that_is_no_folder_is_refused(local_store: Store, tmp_path: Path) -> None:
    (tmp_path / "file.csv").write_text("a")
    for path in (tmp_path / "file.csv", tmp_path / "nothing"):
        with pytest.raises(InvalidInput, match="no folder"):
            save(path, local_store)


def test_lost_content_is_named(local_store: Store) -> None:
    value = save({"a": 1}, local_store)
    local_store.blobs.remove(value.hash)
    with pytest.raises(NotFound, match=value.hash):
        load(value, local_store)


def test_a_folder_that_others_lay_at_the_same_moment_stays(local_store: Store) -> None:
    values = []
    for number in range(60):
        with scratch_space():
            folder = scratch()
            for name in ("card.json", "model.bin"):
                (folder / name).write_text(f"{number} {name}")
            values.append(save(folder, local_store))
    together = Barrier(4, timeout=20)

    def read(_: int) -> list[str]:
        found = []
        for value in values:
            together.wait()
            laid = load(value, local_store)
            found += [path.read_text() for path in sorted(laid.iterdir()) for _ in range(3)]
        return found

    with ThreadPoolExecutor(4) as threads:
        seen = list(threads.map(read, range(4)))
    wanted = [f"{number} {name}" for number in range(60) for name in ("card.json", "model.bin")]
    assert seen == [[each for each in wanted for _ in range(3)]] * 4


@pytest.mark.parametrize("instead", ["a changed file", "a file", "a link"])
def test_what_lies_wrong_in_the_cache_is_laid_anew(local_store: Store, tmp_path: Path, instead: str) -> None:
    with scratch_space():
        folder = scratch()
        (folder / "card.json").write_text("right")
        value = save(folder, local_store)
    laid = load(value, local_store)
    if instead == "a changed file":
        (laid / "card.json").write_text("wrong")
    else:
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "card.json").write_text("wrong")
        (laid / "card.json").unlink()
        laid.rmdir()
        if instead == "a file":
            laid.write_text("wrong")
        else:
            laid.symlink_to(tmp_path / "elsewhere")
    assert (load(value, local_store) / "card.json").read_text() == "right"
    assert (
        not (tmp_path / "elsewhere").exists() or (tmp_path / "elsewhere" / "card.json").read_text() == "wrong"
    )
