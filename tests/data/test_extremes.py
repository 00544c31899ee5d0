"""Tables at the edge of what numbers, texts and names can be: read and profiled, or refused in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kervan.app.table_profile import profile_table
from kervan.core.config import DataSettings
from kervan.core.errors import InvalidConfig, InvalidData
from kervan.core.shaping import Call, Derive, Drop, Join, Rename
from kervan.data.ingest import load
from kervan.data.page import profile_page
from kervan.data.profile.families.choose import family_of
from kervan.data.steps.shape import Around, shape

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 120
EDGES = {
    "whole numbers beyond 2^53 side by side": [2**53 + 1 + place for place in range(SIZE)],
    "the least whole numbers": [-(2**63) + place for place in range(SIZE)],
    "numbers with nothing between them": [1e16 + 2 * place for place in range(SIZE)],
    "numbers next to zero": [5e-324 * (place % 5) for place in range(SIZE)],
    "numbers whose squares are zero": [1e-300 * (1 + place % 17) for place in range(SIZE)],
    "the largest numbers": [(-1) ** place * 1.7e308 for place in range(SIZE)],
    "numbers without end": [float("inf") if place % 7 else float(place) for place in range(SIZE)],
    "the first and the last year": ["0001-01-01" if place % 2 else "9999-12-31" for place in range(SIZE)],
    "long texts": ["z" * 20_000 + str(place % 3) for place in range(SIZE)],
}


@pytest.mark.parametrize("what", EDGES)
def test_the_profile_of_a_table_at_the_edge(tmp_path: Path, what: str) -> None:
    values = EDGES[what]
    pl.DataFrame({"x": values, "y": ["a", "b", "c"] * (SIZE // 3)}).write_csv(tmp_path / "edge.csv")
    found = profile_table("edge.csv", "y", folder=tmp_path)
    assert found.profile.columns[0].distinct == len(set(values))
    assert "edge.csv" in profile_page(found.profile, found.source, found.findings)


@given(
    st.lists(st.floats(-1, 1), min_size=50, max_size=60),
    st.sampled_from([1e-320, 1e-160, 1e-14, 1.0, 1e60, 1e300]),
    st.sampled_from([0.0, 1.0, 1e15]),
)
def test_no_numbers_are_too_near_or_too_far_to_be_fitted(
    values: list[float], scale: float, shift: float
) -> None:
    ordered = np.sort(np.array(values) * scale + shift)
    is_whole = bool((ordered == np.rint(ordered)).all())
    family_of(ordered, is_whole=is_whole, distinct=len(np.unique(ordered)))


def test_a_name_that_would_be_read_as_a_pattern_is_refused(tmp_path: Path) -> None:
    table = pl.DataFrame({"a": range(SIZE), "^a$": range(SIZE)})
    table.write_csv(tmp_path / "named.csv")
    with pytest.raises(InvalidData, match=r"named.csv: column 2 is called '\^a\$'"):
        load("named.csv", tmp_path, DataSettings())
    assert load("named.csv", tmp_path, DataSettings(ignore=("^a$",))).table.columns == ["a"]
    with pytest.raises(InvalidData, match="column 2"):
        profile_table(table)
    with pytest.raises(InvalidData, match=r"column 1 is called '\*'"):
        profile_table(table.rename({"a": "*"}))
    with pytest.raises(InvalidData, match="'kervan:row', which begins with 'kervan:'"):
        profile_table(table.rename({"a": "kervan:row"}))
    with pytest.raises(InvalidData, match=r"steps\]\] 1, rename: column 1"):
        shape(pl.DataFrame({"a": [1]}), [Rename(rename={"a": "^.*$"})], Around())


def test_a_step_makes_plain_columns(tmp_path: Path) -> None:
    table = pl.DataFrame({"a": [1, 0], "b": ["x", "y"]})
    mark = "@kervan.transform\n"
    (tmp_path / "steps.py").write_text(
        "import kervan, polars as pl\n"
        f"{mark}def nested(table):\n    return table.with_columns(made=pl.concat_list('a'))\n"
        f"{mark}def objects(table):\n"
        "    return table.with_columns(made=pl.Series([{1}, {2}], dtype=pl.Object))\n"
        f"{mark}def small(table):\n    return table.cast({{'a': pl.UInt8, 'b': pl.Categorical}})\n"
    )
    around = Around(folder=tmp_path)
    for name in ("nested", "objects"):
        with pytest.raises(InvalidData, match=r"steps\]\] 1, call: column 'made' holds"):
            shape(table, [Call(call=f"steps.py:{name}")], around)
    assert shape(table, [Call(call="steps.py:small")], around).table.equals(table)
    with pytest.raises(InvalidData, match="column 'n', row 2: inf is no number"):
        shape(table, [Derive(derive={"n": "1 / a"})], around)


@pytest.mark.parametrize(
    "way", ["raise SystemExit(0)", "import sys; sys.exit()", "raise BaseException('all')"]
)
def test_code_that_would_end_the_program_is_told_with_its_line(tmp_path: Path, way: str) -> None:
    (tmp_path / "steps.py").write_text(f"import kervan\n@kervan.transform\ndef f(table):\n    {way}\n")
    with pytest.raises(InvalidConfig, match=r"steps\.py:4: "):
        shape(pl.DataFrame({"a": [1]}), [Call(call="steps.py:f")], Around(folder=tmp_path))


def test_what_code_prints_and_changes_stays_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "steps.py").write_text(
        "import kervan\n@kervan.transform\ndef f(table):\n"
        "    print('here')\n    table.drop_in_place('a')\n    return table\n"
    )
    table = pl.DataFrame({"a": [1], "b": [2]})
    assert shape(table, [Call(call="steps.py:f")], Around(folder=tmp_path)).table.columns == ["b"]
    assert table.columns == ["a", "b"]
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "here\n")


@pytest.mark.parametrize("within", ["x", "99999999999d"])
def test_a_length_of_time_that_is_none_is_named_with_its_step(within: str) -> None:
    table = pl.DataFrame({"t": [1.0, 2.0]})
    step = Join(join="rates.csv", as_of="t", within=within)
    with pytest.raises(InvalidConfig, match=rf"steps\]\] 1, join: within = '{within}' is no length"):
        shape(table, [step], Around(tables={"rates.csv": pl.DataFrame({"t": [0.5], "rate": [2.0]})}))


def test_a_step_that_leaves_no_column_says_so() -> None:
    with pytest.raises(InvalidData, match=r"steps\]\] 1, drop: no column is left of 1"):
        shape(pl.DataFrame({"a": [1]}), [Drop(drop=("a",))], Around())
