"""Steps of a table in pieces: what comes out is what the whole table gives, and no more of it is held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from tests.data.chopped import chopped

from kervan.core import shaping as steps
from kervan.core.errors import InvalidConfig, KervanError
from kervan.data import buckets, fits
from kervan.data import pieces as module
from kervan.data.pieces import Pieces
from kervan.data.steps.in_pieces import shape_pieces
from kervan.data.steps.shape import Around, shape

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TITANIC, FLIGHTS = "titanic/titanic.csv", "nyc-flights-2013/nycflights_sample.csv.gz"
PORTS = pl.DataFrame(
    {"Embarked": ["S", "C", "X"], "port": ["Southampton", "Cherbourg", "Xanten"], "Age": [1, 2, 3]}
)
FARES = pl.DataFrame({"Fare": [0.0, 10.0, 50.0], "band": ["low", "middle", "high"]})
AROUND = Around(tables={"ports": PORTS, "fares": FARES})

# Each changes rows by themselves.
OF_ONE_ROW: list[Any] = [
    steps.Rename(rename={"Sex": "sex", "Age": "Sex"}),
    steps.Drop(drop=("Ticket", "Cabin")),
    steps.Select(select=("Fare", "Name")),
    steps.Replace(replace="Embarked", values={"S": "Southampton", "Z": "?", "Y": "!"}),
    steps.Replace(replace="Pclass", values={"1": "first"}),
    steps.Extract(extract="Name", pattern=r"^(?<family>[A-Z]\w+), (?<title>Mrs?)\."),
    steps.Combine(combine=("Cabin", "Age", "Embarked"), into="all", between="/"),
    steps.Derive(derive={"each": "Fare / (SibSp + Parch + 1)", "dear": "each > 20 and Sex = 'female'"}),
    steps.Filter(filter="Age >= 18 or Fare > 200"),
    steps.Join(join="ports", on=("Embarked",)),
    steps.Join(join="ports", on=("Embarked",), how="inner"),
    steps.Join(join="fares", as_of="Fare"),
    steps.Sql(sql="select PassengerId, upper(Name) as n, Age * 2 as a from data where Survived = 1"),
]
TOGETHER: list[Any] = [
    steps.Derive(derive={"apart": "Fare - avg(Fare) over (partition by Pclass)", "far": "abs(apart) > 9"}),
    steps.Filter(filter="Fare > avg(Fare)"),
    steps.Join(join="ports", on=("Embarked",), how="full"),
    steps.Deduplicate(deduplicate=("Sex", "Pclass", "Embarked")),
    steps.Deduplicate(deduplicate=("Ticket",), keep="last", by="Age"),
    steps.Deduplicate(deduplicate=("Ticket",), keep="first", by="Age"),
    steps.Deduplicate(deduplicate=("Ticket",), keep="none"),
    steps.Deduplicate(deduplicate=(), keep="none", by="Name"),
    steps.Aggregate(
        aggregate={"n": "count(*)", "paid": "sum(Fare)", "who": "first(Name)"}, by=("Pclass", "Embarked")
    ),
    steps.Pivot(pivot="Embarked", values="Fare", by=("Pclass", "Sex"), function="max"),
    steps.Pivot(pivot="Embarked", values="Name", by=("Pclass",), function="last"),
    steps.Unpivot(unpivot=("SibSp", "Fare"), into="what", values="much"),
    steps.Sql(sql="select * from data order by Fare, PassengerId"),
    steps.Sql(
        sql="select Pclass, max(Age) as oldest, count(*) as n from data group by Pclass order by Pclass"
    ),
    steps.Sql(sql="select a.Name, b.Age from data a join data b on a.PassengerId = b.PassengerId order by 1"),
    steps.Sql(sql="select 1 as one from data"),
]


def named(step: Any) -> str:
    return steps.told(step)[:30]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make pieces of a hundred rows, and several buckets of everything."""
    monkeypatch.setattr(module, "batch_rows", lambda _columns: 100)
    monkeypatch.setattr(buckets, "count_of", lambda _size: 3)


def same(table: pl.DataFrame, folder: Path, *wanted: Any, around: Around = AROUND, rows: int = 128) -> None:
    """Compare all that comes out."""
    whole = shape(table, wanted, around)
    found = shape_pieces(chopped(table, folder / "source", rows), wanted, around, folder / "steps")
    assert_frame_equal(found.table.whole(), whole.table, check_exact=True)
    assert found.table.schema == whole.table.schema
    assert (found.steps, found.findings) == (whole.steps, whole.findings)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("step", [*OF_ONE_ROW, *TOGETHER], ids=named)
def test_a_step_gives_what_it_gives_of_the_whole_table(
    public: Callable[[str], pl.DataFrame], tmp_path: Path, step: Any
) -> None:
    same(public(TITANIC), tmp_path, step)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("step", OF_ONE_ROW, ids=named)
def test_a_step_of_one_row_holds_a_piece(
    public: Callable[[str], pl.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: Any
) -> None:
    def refuse(_table: Pieces) -> None:
        raise AssertionError("the whole table is read")

    table = chopped(public(TITANIC), tmp_path / "source", 128)
    monkeypatch.setattr(fits, "WHOLE_BYTES", 0)
    monkeypatch.setattr(Pieces, "whole", refuse)
    found = shape_pieces(table, [step], AROUND, tmp_path / "steps")
    assert max(found.table.heights) <= 128


@pytest.mark.usefixtures("small")
def test_steps_follow_each_other_over_a_large_table(
    public: Callable[[str], pl.DataFrame], tmp_path: Path
) -> None:
    table = public(FLIGHTS).head(8_000)
    same(
        table,
        tmp_path,
        steps.Filter(filter="dep_delay > -60"),
        steps.Derive(derive={"caught": "dep_delay - arr_delay", "late": "arr_delay > 15"}),
        steps.Deduplicate(deduplicate=("tailnum", "dest")),
        steps.Outliers(outliers=("distance",)),
        steps.Aggregate(aggregate={"caught": "median(caught)", "n": "count(*)"}, by=("carrier", "late")),
        steps.Rename(rename={"caught": "gained"}),
        steps.Pivot(pivot="late", values="gained", by=("carrier",)),
        rows=700,
    )
    assert [each.name for each in (tmp_path / "steps").iterdir()] == ["3"]  # what was between is gone


WRITTEN: list[tuple[list[Any], dict[str, Any]]] = [
    (["1", "2", "3", "1.234,5", None], {}),
    (["1", "2", "3", "4"], {}),
    (["1.5", "2", "3", "12,345.0"], {}),
    (["1.234", "2.345", "3.456", "0.5"], {}),
    (["1.234", "2.345", "3.456", "4.567"], {}),
    (["70 kg", "5", "3 kg", "154 lb"], {"units": {"kg": 1.0, "lb": 0.5, "": 1.0}}),
    (["70 kg", "5 kg", "3 kg", "154 kg"], {}),
    (["70 kg", "5 kg", "3 kg", "154 lb"], {}),
    (["70 kg", "5 g", "3 kg", "154 g"], {"units": {"kg": 1.0}}),
    (["1", "x", "3", "y", "z", "w"], {}),
    (["1,5", "2", "3", "1.5"], {}),
    (["1,5", "2", "3", "1.5"], {"decimal": ","}),
    (["01.02.2024", "03.02.2024", "02.02.2024", "31.01.2024"], {"to": "date"}),
    (["01.02.2024", "2024-02-03", "20240204", None], {"to": "date", "day_first": False}),
    (["01.02.2024", "03.04.2024", "02.02.2024"], {"to": "date"}),
    (["01.02.2024", "31.01.2024", "2024-02-03", "01/31/2024"], {"to": "date"}),
    (["2024-01-31", "2024-02-30", "2024-01-01", "soon", "2024-13-01", "never"], {"to": "date"}),
    (["2024-07-01 02:30", "2024-01-01", "2024-03-31 02:30"], {"to": "datetime", "zone": "Europe/Berlin"}),
    (["2024-07-01 02:30", "2024-01-01", "2024-03-31 03:30"], {"to": "datetime", "zone": "Europe/Berlin"}),
    (["2024-07-01", "2024-01-01", "2024-03-31 03:30"], {"to": "date"}),
    ([1700000000, None, 5, 1700000001], {"to": "datetime", "format": "epoch"}),
    (["1", "2", "3", "soon"], {"to": "datetime", "format": "epoch"}),
    (["31 Jan 2024", "1 Feb 2024", "2 Feb 2024", "Feb"], {"to": "date", "format": "%d %b %Y"}),
]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("written", "options"), WRITTEN)
def test_how_a_column_is_written_is_decided_by_all_pieces(
    tmp_path: Path, written: list[Any], options: dict[str, Any]
) -> None:
    table = pl.DataFrame({"x": written, "n": range(len(written))})
    wanted = [steps.Parse(parse=("x",), **options), steps.Derive(derive={"m": "n + 1"})]
    assert said_in_pieces(table, tmp_path, wanted) == said_of_all(table, wanted)


def said_of_all(table: pl.DataFrame, wanted: list[Any]) -> tuple[str, str | None]:
    """Return the rows and findings, or the error and its hint."""
    try:
        found = shape(table, wanted, AROUND)
    except KervanError as error:
        return str(error), error.hint
    return str((found.table.rows(), found.table.schema, found.steps)), str(found.findings)


def said_in_pieces(table: pl.DataFrame, folder: Path, wanted: list[Any]) -> tuple[str, str | None]:
    """Return the same of the table in pieces."""
    try:
        found = shape_pieces(chopped(table, folder / "source", 2), wanted, AROUND, folder / "steps")
    except KervanError as error:
        return str(error), error.hint
    return str((found.table.whole().rows(), found.table.schema, found.steps)), str(found.findings)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "wanted",
    [
        [steps.Drop(drop=("w",))],
        [steps.Filter(filter="n > 99")],
        [steps.Drop(drop=("n", "t"))],
        [steps.Derive(derive={"r": "1 / (n - 4)"})],
        [steps.Derive(derive={"r": "sum(n)"})],
        [steps.Filter(filter="n")],
        [steps.Derive(derive={"r": "n + 1"}), steps.Filter(filter="sum(n)")],
        [steps.Aggregate(aggregate={"s": "n"}, by=("t",))],
        [steps.Pivot(pivot="t", values="n", by=("n",), function="all")],
        [steps.Deduplicate(deduplicate=("n",), keep="best")],
        [steps.Sql(sql="select zz from data")],
        [steps.Sql(sql="select zz from data order by n")],
        [steps.Sql(sql="select sum(zz) from data")],
        [steps.Sql(sql="select n from read_csv('x')")],
        [steps.Unpivot(unpivot=("n", "t"), into="k", values="w")],
        [steps.Join(join="ports", on=("n",))],
    ],
    ids=lambda wanted: named(wanted[0]),
)
def test_what_stops_says_the_same(tmp_path: Path, wanted: list[Any]) -> None:
    table = pl.DataFrame({"n": [1, 2, 3, 4, 5], "t": ["a", "b", "c", "a", "b"]})
    error, hint = said_of_all(table, wanted)
    assert "[[data.steps]]" in error
    assert said_in_pieces(table, tmp_path, wanted) == (error, hint)


@pytest.mark.parametrize(
    "step",
    [
        TOGETHER[0],
        TOGETHER[1],
        TOGETHER[4],
        steps.Sql(sql="select * from data order by Fare"),
        steps.Call(call="own.py:clean"),
    ],
    ids=named,
)
def test_what_needs_more_than_there_is_is_refused_with_its_size(
    public: Callable[[str], pl.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: Any
) -> None:
    monkeypatch.setattr(fits, "WHOLE_BYTES", 1000)
    table = chopped(public(TITANIC), tmp_path / "source", 128)
    with pytest.raises(
        InvalidConfig, match=r"\[\[data.steps\]\] 1, \w+ needs 891 rows of .* at most"
    ) as caught:
        shape_pieces(table, [step], AROUND, tmp_path / "steps")
    assert caught.value.hint


@pytest.mark.usefixtures("small")
def test_a_large_group_is_summed_up_without_being_held(
    public: Callable[[str], pl.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fits, "WHOLE_BYTES", 2_000)
    same(public(TITANIC), tmp_path, steps.Aggregate(aggregate={"n": "sum(SibSp)"}, by=("Sex",)))


def test_calls_a_function_with_all_rows(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "from kervan import transform\n\n@transform\ndef clean(table):\n    return table.reverse()\n"
    )
    table = pl.DataFrame({"n": [1, 2, 3, 4, 5]})
    same(table, tmp_path, steps.Call(call="own.py:clean"), around=Around(folder=tmp_path), rows=2)


CELLS = st.tuples(
    st.sampled_from([None, 0.0, -0.0, 1.0]), st.sampled_from([None, "", "a", "ş"]), st.integers(0, 2)
)


@settings(max_examples=25)
@given(
    st.lists(CELLS, min_size=1, max_size=40),
    st.sampled_from(["first", "last", "none"]),
    st.sampled_from(["", "y", "z"]),
    st.integers(1, 9),
)
def test_equal_rows_are_found_in_all_pieces(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], keep: str, by: str, each: int
) -> None:
    table = pl.DataFrame(rows, schema={"x": pl.Float64, "y": pl.String, "z": pl.Int64}, orient="row")
    step = steps.Deduplicate(deduplicate=("x", "y"), keep=keep, by=by)
    try:
        same(table, tmp_path_factory.mktemp("t"), step, rows=each)
    except KervanError as error:
        assert "no row is left" in str(error)  # noqa: PT017 - then there is none to compare
