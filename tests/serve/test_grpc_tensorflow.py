"""TensorFlow Serving's gRPC by a real server process, asked with its own client's classes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest

from kervan.serve.record import find
from kervan.serve.rpc.messages import pool
from serve.live import Live, running
from serve.real_packages import ROW

if TYPE_CHECKING:
    from collections.abc import Iterator

tf = pytest.importorskip("tensorflow")
apis = pytest.importorskip("tensorflow_serving.apis")
from tensorflow_serving.apis import (  # noqa: E402
    classification_pb2,
    get_model_metadata_pb2,
    input_pb2,
    model_pb2,
    predict_pb2,
    prediction_service_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

ROWS = [ROW, {**ROW, "yaş": 71, "şehir adı": "Ankara", "evli": False}]
PUBLIC = (classification_pb2, get_model_metadata_pb2, input_pb2, model_pb2, predict_pb2, regression_pb2)


@pytest.fixture(scope="module")
def door(packages: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    others = (str(packages["2.0.0"]), str(packages["regression"]))
    folder = tmp_path_factory.mktemp("door")
    with running(folder, packages["1.0.0"], others=others, grpc_port=0) as server:
        yield server


@pytest.fixture(scope="module")
def stub(door: Live) -> Iterator[Any]:
    with grpc.insecure_channel(f"127.0.0.1:{door.state.grpc_port}") as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def request(rows: list[dict[str, Any]] = ROWS, name: str = "gelir", **spec: Any) -> Any:
    asked = predict_pb2.PredictRequest(model_spec={"name": name, **spec})
    for column in ROW:
        asked.inputs[column].CopyFrom(tf.make_tensor_proto([row[column] for row in rows]))
    return asked


def examples(rows: list[dict[str, Any]] = ROWS) -> Any:
    found = input_pb2.Input()
    for row in rows:
        features = found.example_list.examples.add().features.feature
        for name, value in row.items():
            if isinstance(value, str):
                features[name].bytes_list.value.append(value.encode())
            elif isinstance(value, float):
                features[name].float_list.value.append(value)
            else:
                features[name].int64_list.value.append(int(value))
    return found


def probabilities(server: Live) -> list[list[float]]:
    return [list(one["probabilities"].values()) for one in server.predict(ROWS).json["predictions"]]


def test_predict(stub: Any, door: Live) -> None:
    found, call = stub.Predict.with_call(request(signature_name="serving_default"))
    assert tf.make_ndarray(found.outputs["probabilities"]).tolist() == probabilities(door)
    assert tf.make_ndarray(found.outputs["label"]).shape == (2, 1)
    assert (found.model_spec.name, found.model_spec.version_label) == ("gelir", "1.0.0")
    ident = dict(call.trailing_metadata())["x-request-id"]
    assert ident


@pytest.mark.parametrize(
    ("spec", "version"),
    [
        ({"version": {"value": 2}}, "2.0.0"),
        ({"version_label": "2.0.0"}, "2.0.0"),
        ({"version_label": "production"}, "1.0.0"),
    ],
)
def test_a_version_is_chosen(stub: Any, spec: dict[str, Any], version: str) -> None:
    assert stub.Predict(request(**spec)).model_spec.version_label == version


def test_one_output(stub: Any) -> None:
    asked = request()
    asked.output_filter.append("label")
    assert list(stub.Predict(asked).outputs) == ["label"]


def test_the_last_value_fills_a_tensor(stub: Any, door: Live) -> None:
    asked = request()
    asked.inputs["tür"].CopyFrom(tf.make_tensor_proto(["a"]))
    asked.inputs["tür"].tensor_shape.dim[0].size = 2
    assert tf.make_ndarray(stub.Predict(asked).outputs["probabilities"]).tolist() == probabilities(door)


@pytest.mark.parametrize("kind", ["float16", "float32", "float64", "int8", "uint16", "int64", "uint64"])
def test_every_kind_of_number(stub: Any, door: Live, kind: str) -> None:
    asked = request()
    for spelled in (np.array([39, 71], kind), [39, 71]):
        asked.inputs["yaş"].CopyFrom(tf.make_tensor_proto(spelled, dtype=kind))
        assert tf.make_ndarray(stub.Predict(asked).outputs["probabilities"]).tolist() == probabilities(door)


def test_classify_and_regress(stub: Any, door: Live) -> None:
    spec = {"name": "gelir"}
    found = stub.Classify(classification_pb2.ClassificationRequest(model_spec=spec, input=examples()))
    scores = [[one.score for one in each.classes] for each in found.result.classifications]
    assert np.allclose(scores, probabilities(door))
    assert [one.label for one in found.result.classifications[0].classes] == ["<=50K", ">50K"]
    asked = regression_pb2.RegressionRequest(model_spec={"name": "kira"}, input=examples())
    assert len(stub.Regress(asked).result.regressions) == 2
    with pytest.raises(grpc.RpcError, match="call Classify"):
        stub.Regress(regression_pb2.RegressionRequest(model_spec=spec, input=examples()))


def test_metadata(stub: Any) -> None:
    asked = get_model_metadata_pb2.GetModelMetadataRequest(
        model_spec={"name": "gelir"}, metadata_field=["signature_def"]
    )
    found = stub.GetModelMetadata(asked)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert found.metadata["signature_def"].Unpack(signatures)
    told = signatures.signature_def["serving_default"]
    assert set(told.inputs) == set(ROW)
    assert told.inputs["tür"].dtype == tf.string.as_datatype_enum
    assert set(told.outputs) == {"label", "probabilities"}


def _without(name: str) -> Any:
    asked = request()
    del asked.inputs[name]
    return asked


CASES: dict[str, tuple[Any, str, str]] = {
    "a tensor less": (_without("yaş"), "INVALID_ARGUMENT", "row 0, 'yaş': is missing"),
    "a value that cannot be": (request([{**ROW, "yaş": 121}]), "INVALID_ARGUMENT", "row 0, 'yaş': 121"),
    "another model": (request(name="yok"), "NOT_FOUND", "no model yok"),
    "another version": (request(version={"value": 7}), "NOT_FOUND", "gelir@7"),
    "another signature": (request(signature_name="x"), "NOT_FOUND", "no signature 'x'"),
    "a complex number": (
        predict_pb2.PredictRequest(model_spec={"name": "gelir"}, inputs={"yaş": tf.make_tensor_proto([1j])}),
        "INVALID_ARGUMENT",
        "of a type that is not taken",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_answered_is_refused(stub: Any, case: str) -> None:
    asked, code, words = CASES[case]
    with pytest.raises(grpc.RpcError) as caught:
        stub.Predict(asked)
    assert caught.value.code().name == code
    assert words in caught.value.details()


def test_examples_that_cannot_be_used_name_row_and_field(stub: Any) -> None:
    twice = examples()
    twice.example_list.examples[1].features.feature["yaş"].int64_list.value.append(1)
    asked = classification_pb2.ClassificationRequest(model_spec={"name": "gelir"}, input=twice)
    with pytest.raises(grpc.RpcError, match="row 1, 'yaş': has 2 values"):
        stub.Classify(asked)


def test_records_name_the_protocol(stub: Any, door: Live) -> None:
    _, call = stub.Predict.with_call(request(), metadata=(("x-request-id", "tf-1"),))
    assert dict(call.trailing_metadata())["x-request-id"] == "tf-1"
    folder = Path(door.serving.records)

    def found() -> Any:
        for path in folder.glob("*.jsonl"):
            for line in path.read_bytes().splitlines():
                if b'"request":"tf-1"' in line:
                    return find(folder, line.split(b'"')[3].decode())
        return None

    door.until(lambda: found() is not None)
    record = found()
    assert record.protocol == "tensorflow-grpc"
    assert record.inputs == tuple(ROWS)


def test_fields_are_those_of_the_public_descriptors() -> None:
    """Ours are fewer, but whatever has the same name has the same number and type."""
    compared = 0
    for module in PUBLIC:
        for name, known in module.DESCRIPTOR.message_types_by_name.items():
            try:
                ours = pool().FindMessageTypeByName(f"tensorflow.serving.{name}")
            except KeyError:
                continue
            told = {field.name: (field.number, field.type) for field in known.fields}
            found = {field.name: (field.number, field.type) for field in ours.fields}
            assert found.items() <= told.items(), name
            compared += 1
    assert compared > 10
    service = prediction_service_pb2.DESCRIPTOR.services_by_name["PredictionService"]
    ours = pool().FindServiceByName(service.full_name)
    assert set(ours.methods_by_name) <= set(service.methods_by_name)
