"""`/invocations` as MLflow's own client of its scoring server speaks it."""

from __future__ import annotations

import warnings
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from serve.live import Live, running
from serve.real_packages import ROW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow.pyfunc.scoring_server.client import ScoringServerClient

pytestmark = pytest.mark.service


def client_of(server: Live) -> ScoringServerClient:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow warns of its own type hints
        from mlflow.pyfunc.scoring_server.client import ScoringServerClient

    return ScoringServerClient("127.0.0.1", server.port)


@pytest.fixture(scope="module")
def numeric(packages: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("numeric"), packages["numeric"]) as server:
        yield server


def test_a_frame_is_answered_with_labels(shared: Live) -> None:
    rows = [ROW, {**ROW, "yaş": 90, "0": None, "şehir adı": None}]
    frame = pd.DataFrame(rows, index=[7, 9])
    expected = [one["label"] for one in shared.predict(rows).json["predictions"]]
    client = client_of(shared)
    client.wait_server_ready(timeout=30)
    assert client.get_version() == version("kervan")
    assert client.invoke(frame).get_predictions()[0].tolist() == expected
    assert client.invoke(frame, params={"unused": 1})["predictions"] == expected


def test_an_integer_with_a_missing_value_is_a_float_in_pandas_and_still_an_integer(numeric: Live) -> None:
    frame = pd.DataFrame({"x": [1.5, -1.0], "n": [2, None], "ok": [True, False]})
    assert frame["n"].dtype == np.float64
    labels = client_of(numeric).invoke(frame)["predictions"]
    rows = [{"x": 1.5, "n": 2, "ok": True}, {"x": -1, "n": None, "ok": False}]
    assert labels == [one["label"] for one in numeric.predict(rows).json["predictions"]]


def test_what_is_wrong_is_said_to_the_client(shared: Live) -> None:
    with pytest.raises(Exception, match=r"error code 422.*'yaş': 121 is above 120"):
        client_of(shared).invoke(pd.DataFrame([{**ROW, "yaş": 121}]))


def test_a_frame_written_as_csv_is_read_with_its_names_and_its_index(shared: Live) -> None:
    frame = pd.DataFrame([ROW, {**ROW, "0": None}])
    for text in (frame.to_csv(), frame.to_csv(index=False), frame[[*reversed(frame.columns)]].to_csv()):
        reply = shared.ask("POST", "/invocations", text.encode(), {"content-type": "text/csv"})
        assert reply.json == {"predictions": client_of(shared).invoke(frame)["predictions"]}
