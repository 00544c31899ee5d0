"""Open Inference Protocol v2 as Triton's own client speaks it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from serve.live import Live, running
from serve.real_packages import ROW

pytestmark = pytest.mark.service
KINDS = {"yaş": "INT64", "0": "FP64", "şehir adı": "BYTES", "tür": "BYTES", "evli": "BOOL"}


@pytest.fixture(scope="module")
def server(packages: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server of one model with a folder in which there are more."""
    folder = tmp_path_factory.mktemp("triton")
    store = folder / "store"
    for name, path in packages.items():
        shutil.copytree(path, store / name)
    with running(folder, packages["1.0.0"], folder=str(store)) as live:
        live.until(lambda: len(live.ask("GET", "/models").json["models"]) == len(packages))
        yield live


@pytest.fixture
def client(server: Live) -> Iterator[InferenceServerClient]:
    with InferenceServerClient(f"127.0.0.1:{server.port}") as opened:
        yield opened


def inputs(*, binary: bool, rows: int = 1, **others: Any) -> list[InferInput]:
    arrays = {
        "yaş": np.array([[39]] * rows),
        "0": np.array([[1.5]] * rows),
        "şehir adı": np.array([["İstanbul"]] * rows, dtype=np.object_),
        "tür": np.array([["a"]] * rows, dtype=np.object_),
        "evli": np.array([[True]] * rows),
    } | others
    found = []
    for name, array in arrays.items():
        tensor = InferInput(name, list(array.shape), KINDS[name])
        tensor.set_data_from_numpy(array, binary_data=binary)
        found.append(tensor)
    return found


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False, None])
def test_tensors_go_both_ways_in_bytes_and_in_json(
    server: Live, client: InferenceServerClient, binary_in: bool, binary_out: bool | None
) -> None:
    wanted = None
    if binary_out is not None:
        wanted = [InferRequestedOutput(name, binary_out) for name in ("probabilities", "label")]
    found = client.infer(
        "gelir", inputs(binary=binary_in, rows=3), outputs=wanted, request_id="mine", timeout=3_000_000
    )
    expected = server.predict([ROW] * 3).json["predictions"]
    labels = [label.decode() if isinstance(label, bytes) else label for (label,) in found.as_numpy("label")]
    assert labels == [one["label"] for one in expected]
    assert found.as_numpy("probabilities").tolist() == [[*one["probabilities"].values()] for one in expected]
    assert found.get_response()["id"] == "mine"


def test_one_output_may_be_in_bytes_and_another_in_json(client: InferenceServerClient) -> None:
    wanted = [InferRequestedOutput("label", binary_data=False), InferRequestedOutput("probabilities")]
    found = client.infer("gelir", inputs(binary=True), outputs=wanted)
    assert "data" in found.get_output("label")
    assert found.get_output("probabilities")["parameters"] == {"binary_data_size": 16}


def test_bodies_may_be_packed(client: InferenceServerClient) -> None:
    found = client.infer("gelir", inputs(binary=True), request_compression_algorithm="gzip")
    assert found.as_numpy("probabilities").shape == (1, 2)


def test_missing_numbers_and_texts(server: Live, client: InferenceServerClient) -> None:
    missing = {"0": np.array([[np.nan]]), "şehir adı": np.array([[""]], dtype=np.object_)}
    expected = server.predict({**ROW, "0": None, "şehir adı": None}).json["predictions"][0]
    for binary in (True, False):
        found = client.infer("gelir", inputs(binary=binary, **missing))
        assert found.as_numpy("probabilities").tolist() == [[*expected["probabilities"].values()]]


def test_what_is_wrong_is_said_to_the_client(client: InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException, match="row 0, 'yaş': 121 is above 120") as caught:
        client.infer("gelir", inputs(binary=True, yaş=np.array([[121]])))
    assert caught.value.status() == "422"
    with pytest.raises(InferenceServerException, match="there is no model gider"):
        client.infer("gider", inputs(binary=True))
    shared = InferInput("yaş", [1], "INT64")
    shared.set_shared_memory("region", 8)
    with pytest.raises(InferenceServerException, match="lies in shared memory"):
        client.infer("gelir", [shared])
    with pytest.raises(InferenceServerException, match="'classification' of an output"):
        client.infer(
            "gelir", inputs(binary=True), outputs=[InferRequestedOutput("probabilities", class_count=1)]
        )


def test_server_and_model_are_told(client: InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("gelir")
    assert client.is_model_ready("gelir", "1")
    assert not client.is_model_ready("gider")
    assert client.get_server_metadata()["extensions"] == [
        "binary_tensor_data",
        "model_configuration",
        "model_repository",
        "statistics",
    ]
    metadata = client.get_model_metadata("gelir")
    assert {tensor["name"]: tensor["datatype"] for tensor in metadata["inputs"]} == KINDS
    config = client.get_model_config("gelir", "1.0.0")
    assert config["output"][1] == {"name": "probabilities", "data_type": "TYPE_FP64", "dims": [2]}


def test_answers_are_counted_for_each_model(server: Live, client: InferenceServerClient) -> None:
    def counted() -> dict[str, Any]:
        (found,) = client.get_inference_statistics("gelir", "1.0.0")["model_stats"]
        stats = {name: each["count"] for name, each in found["inference_stats"].items()}
        return {**stats, "rows": found["inference_count"], "runs": found["execution_count"]}

    before = counted()
    client.infer("gelir", inputs(binary=True, rows=3))
    assert server.predict([ROW, ROW]).status == 200  # by another way, which is counted too
    with pytest.raises(InferenceServerException):
        client.infer("gelir", inputs(binary=True, yaş=np.array([[121]])))
    after = counted()
    assert {name: after[name] - before[name] for name in after} == {
        "success": 2,
        "fail": 1,
        "queue": 2,
        "compute_input": 2,
        "compute_infer": 2,
        "compute_output": 2,
        "rows": 5,
        "runs": 2,
    }
    (one,) = client.get_inference_statistics("gelir")["model_stats"]
    assert one["version"] == "1.0.0"
    assert one["inference_stats"]["success"]["ns"] > 0
    everything = client.get_inference_statistics()["model_stats"]
    assert len(everything) == len(server.ask("GET", "/models").json["models"])


def listed(client: InferenceServerClient) -> dict[str, str]:
    return {
        f"{model['name']}@{model['version']}": model["state"] for model in client.get_model_repository_index()
    }


def test_models_of_the_folder_are_listed_loaded_and_unloaded(
    server: Live, client: InferenceServerClient
) -> None:
    numbers = InferInput("matrix", [1, 3], "FP64")
    numbers.set_data_from_numpy(np.array([[1.0, 2.0, 1.0]]))
    assert set(listed(client).values()) == {"READY"}
    client.unload_model("numeric")
    assert listed(client)["numeric@1.0.0"] == "UNAVAILABLE"
    ready = server.ask("POST", "/v2/repository/index", {"ready": True}).json
    assert {model["name"] for model in ready} == {"gelir", "kira"}
    with pytest.raises(InferenceServerException, match="there is no model numeric"):
        client.infer("numeric", [numbers])
    client.load_model("numeric")
    assert listed(client)["numeric@1.0.0"] == "READY"
    assert client.infer("numeric", [numbers]).as_numpy("probabilities").shape == (1, 2)


def test_what_cannot_be_loaded_or_unloaded_stays(client: InferenceServerClient) -> None:
    for call, words in (
        (lambda: client.load_model("gider"), "holds no package of gider"),
        (lambda: client.load_model("numeric", config="{}"), "loaded as they are packaged: 'config'"),
        (lambda: client.unload_model("gider"), "there is no model gider"),
        (lambda: client.unload_model("gelir"), "answers whoever names no version"),
    ):
        with pytest.raises(InferenceServerException, match=words):
            call()
    assert client.is_model_ready("gelir")


def test_without_a_folder_nothing_is_loaded(live: Callable[..., Live]) -> None:
    with InferenceServerClient(f"127.0.0.1:{live().port}") as client:
        with pytest.raises(InferenceServerException, match="has no folder to load models from"):
            client.load_model("numeric")
        assert listed(client) == {"gelir@1.0.0": "READY"}
