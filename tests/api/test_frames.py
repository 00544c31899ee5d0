"""Frames of other libraries go in as tables and come back with answers."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import kervan as kv
from journeys.home import HEADER, customers

if TYPE_CHECKING:
    from journeys.home import Home

pytestmark = pytest.mark.sampled

KINDS = ("polars", "pandas", "pyarrow")


def table(rows: int) -> pl.DataFrame:
    text = "\n".join(",".join(map(str, row)) for row in [HEADER, *customers(rows)])
    return pl.read_csv(io.StringIO(text), infer_schema_length=None)


def frame(kind: str, rows: pl.DataFrame) -> Any:
    if kind == "pandas":
        found = pd.DataFrame(rows.to_dict(as_series=False))
        return found.set_index(pd.Index(range(7, 7 + len(found))))
    return rows.to_arrow() if kind == "pyarrow" else rows


@pytest.fixture
def ws(home: Home) -> Iterator[kv.Session]:
    home.write("kervan.toml", '[project]\nname = "kayıp"\n[data]\nprotect = { "müşteri" = "drop" }\n')
    with kv.open(home.folder, model={"families": ["linear"], "folds": 2}) as session:
        yield session


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_is_learned_from_and_asked_for(ws: kv.Session, kind: str) -> None:
    whole = table(200)
    data = ws.ingest(frame(kind, whole), target="ayrıldı", name="kayıp")
    assert data.dataset.rows == 200
    assert data.dataset.origin.source == "kayıp.parquet"
    assert ws.ingest(frame(kind, whole), target="ayrıldı", name="kayıp").ref == data.ref
    release = ws.release(ws.train(data), port=0)
    asked = frame(kind, whole.head(20).drop("ayrıldı"))
    answered = release.predict(asked)
    assert type(answered) is type(asked)
    found = pl.DataFrame(answered.to_dict("list")) if kind == "pandas" else pl.DataFrame(answered)
    assert found.columns[: len(HEADER) - 1] == [name for name in HEADER if name != "ayrıldı"]
    assert found.columns[len(HEADER) - 1 :] == [
        "prediction",
        "probability of evet",
        "probability of hayır",
        "prediction id",
    ]
    one = release.predict(whole.drop("ayrıldı", "müşteri").row(3, named=True))
    assert found["prediction"][3] == one["label"]
    assert found["probability of evet"][3] == pytest.approx(one["probabilities"]["evet"], abs=1e-12)
    assert ws.trace(found["prediction id"][3]).trace.dataset.ref == data.ref
    if kind == "pandas":
        assert list(answered.index) == list(range(7, 27))
    with pytest.raises(kv.KervanError, match="the frame has a column 'YAŞ' where the model takes 'yaş'"):
        release.predict(frame(kind, whole.rename({"yaş": "YAŞ"})))
    release.stop()


def test_a_frame_that_is_no_table_is_refused(ws: kv.Session) -> None:
    twice = pd.DataFrame(np.ones((20, 2)), columns=["a", "a"])
    with pytest.raises(kv.KervanError, match="two columns of the frame have one name"):
        ws.ingest(twice, target="a")
    mixed = pd.DataFrame({"a": [1, "iki", object()] * 10, "y": range(30)})
    with pytest.raises(kv.KervanError, match="pandas") as error:
        ws.ingest(mixed, target="y")
    assert error.value.hint


def test_a_goal_that_cannot_be_meant_fails_at_once() -> None:
    with pytest.raises(kv.KervanError, match="the metric 'rocauc' does not exist") as error:
        kv.Goal("rocauc", at_least=0.9)
    assert error.value.__notes__ == [f"hint: {error.value.hint}"]


def test_times_are_shown_as_people_read_them(ws: kv.Session) -> None:
    ws.ingest(table(50), target="ayrıldı")
    assert repr(ws.audit()).count(":") >= 2
    assert "202" in ws.audit()._repr_html_()
    assert str(int(ws.audit()[0].time)) not in ws.audit()._repr_html_()


def test_a_notebook_shows_a_bar_and_hints(home: Home) -> None:
    import nbformat
    from nbclient import NotebookClient

    home.write("kervan.toml", '[project]\nname = "defter"\n')
    cells = [
        "import kervan as kv, polars as pl, random",
        "ws = kv.open('.', model={'families': ['linear', 'tree'], 'folds': 2})",
        "rows = [{'x': i % 17, 'y': (i % 17) * 2.0 + random.random()} for i in range(120)]",
        "data = ws.ingest(pl.DataFrame(rows), target='y', name='çizgi')",
        "model = ws.train(data)",
        "kv.Goal('rocauc')",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells])
    NotebookClient(book, allow_errors=True, resources={"metadata": {"path": home.folder}}).execute()
    ingested, trained, failed = (cell.outputs for cell in book.cells[3:])
    for outputs in (ingested, trained):
        assert [each.output_type for each in outputs] == ["display_data"]
        assert "<progress" in outputs[0].data["text/html"]
    assert "hint: did you mean" in "".join(failed[0].traceback)
