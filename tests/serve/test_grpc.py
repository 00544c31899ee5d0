"""gRPC by a real server process, asked by the clients that others use."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from tritonclient.grpc import service_pb2 as public
from tritonclient.grpc import service_pb2_grpc as stubs
from tritonclient.utils import InferenceServerException

from kervan.core.serving import Serving
from kervan.serve.record import find, records
from kervan.serve.rpc.messages import DESCRIPTORS, pool
from serve.authority import Authority
from serve.disk import small_disk
from serve.keyring import issue, publish
from serve.live import Live, running
from serve.real_packages import ROW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TYPES = {"yaş": "INT64", "0": "FP64", "şehir adı": "BYTES", "tür": "BYTES", "evli": "BOOL"}
KINDS = {"INT64": np.int64, "FP64": np.float64, "FP32": np.float32, "BYTES": np.object_, "BOOL": np.bool_}
ROWS = [
    ROW,
    {**ROW, "yaş": 71, "0": float("nan"), "şehir adı": "Ankara"},
    {**ROW, "tür": "b", "evli": False},
]


def tensors(rows: list[dict[str, Any]] = ROWS, **types: str) -> list[triton.InferInput]:
    made = []
    for name, datatype in {**TYPES, **types}.items():
        values = np.array([[row[name]] for row in rows], dtype=KINDS[datatype])
        made.append(triton.InferInput(name, list(values.shape), datatype))
        made[-1].set_data_from_numpy(values)
    return made


def typed(rows: list[dict[str, Any]] = ROWS, **fields: Any) -> Any:
    """A request with `contents` instead of bytes."""
    members = {"INT64": "int64_contents", "FP64": "fp64_contents", "BYTES": "bytes_contents"}
    asked = public.ModelInferRequest(model_name="gelir", **fields)
    for name, datatype in TYPES.items():
        tensor = asked.inputs.add(name=name, datatype=datatype, shape=[len(rows)])
        values = [row[name].encode() if isinstance(row[name], str) else row[name] for row in rows]
        getattr(tensor.contents, members.get(datatype, "bool_contents")).extend(values)
    return asked


@pytest.fixture(scope="module")
def door(packages: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that speaks both, and may load more packages."""
    folder = tmp_path_factory.mktemp("door")
    shutil.copytree(packages["2.0.0"], folder / "more" / "2")
    others = (str(packages["regression"]), str(packages["numeric"]))
    more = {"folder": str(folder / "more"), "grpc_port": 0, "reflection": True}
    with running(folder, packages["1.0.0"], others=others, **more) as server:
        yield server


@pytest.fixture(scope="module")
def client(door: Live) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(address(door)) as client:
        yield client


@pytest.fixture(scope="module")
def stub(door: Live) -> Iterator[Any]:
    with grpc.insecure_channel(address(door)) as channel:
        yield stubs.GRPCInferenceServiceStub(channel)


def address(server: Live) -> str:
    return f"127.0.0.1:{server.state.grpc_port}"


def recorded(server: Live, ident: str) -> Any:
    found: list[Any] = []

    def is_there() -> bool:
        found[:] = [find(Path(server.serving.records), ident)]
        return found[0] is not None

    server.until(is_there)
    return found[0]


def by_http(server: Live, rows: list[dict[str, Any]]) -> list[list[float]]:
    sent = [{name: None if value != value else value for name, value in row.items()} for row in rows]  # noqa: PLR0124
    return [list(each["probabilities"].values()) for each in server.predict(sent).json["predictions"]]


def refused(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(InferenceServerException) as caught:
        call()
    return caught.value.status().removeprefix("StatusCode."), caught.value.message()


def test_a_client_learns_what_is_there(client: triton.InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("gelir")
    assert client.is_model_ready("gelir", "1.0.0")
    assert client.get_server_metadata().name == "kervan"
    told = client.get_model_metadata("gelir")
    assert [(tensor.name, tensor.datatype) for tensor in told.inputs] == list(TYPES.items())
    assert {tensor.name: list(tensor.shape) for tensor in told.outputs} == {
        "label": [-1, 1],
        "probabilities": [-1, 2],
    }


@pytest.mark.parametrize("number", ["FP64", "FP32"])
def test_tensors_as_bytes(client: triton.InferenceServerClient, door: Live, number: str) -> None:
    found = client.infer("gelir", tensors(**{"0": number}), request_id="benim-1")
    assert found.as_numpy("probabilities").tolist() == by_http(door, ROWS)
    assert set(found.as_numpy("label").ravel().tolist()) <= {b"<=50K", b">50K"}
    answer = found.get_response()
    assert (answer.id, answer.model_name, answer.model_version) == ("benim-1", "gelir", "1.0.0")
    record = recorded(door, answer.parameters["prediction"].string_param)
    assert (record.protocol, record.request) == ("inference-v2-grpc", "benim-1")
    assert record.inputs[0] == ROW
    assert record.inputs[1]["0"] is None


def test_typed_tensors(stub: Any, door: Live) -> None:
    found, call = stub.ModelInfer.with_call(typed(), metadata=(("x-request-id", "istek-7"),))
    outputs = {output.name: output.contents for output in found.outputs}
    flat = [value for row in by_http(door, ROWS) for value in row]
    assert list(outputs["probabilities"].fp64_contents) == flat
    assert not found.raw_output_contents
    assert dict(call.trailing_metadata())["x-request-id"] == "istek-7"


@pytest.mark.parametrize("number", ["FP64", "FP32", "INT64"])
def test_usual_rows_are_answered_as_by_http(
    client: triton.InferenceServerClient, stub: Any, door: Live, number: str
) -> None:
    rows = [{**ROW, "0": value} for value in (-1.0, 0.0, 2.0)]
    by_bytes = client.infer("gelir", tensors(rows, **{"0": number}))
    assert by_bytes.as_numpy("probabilities").tolist() == by_http(door, rows)
    found = stub.ModelInfer(typed(rows, id="sıra 1"))
    flat = [value for row in by_http(door, rows) for value in row]
    assert list(found.outputs[1].contents.fp64_contents) == flat
    for answer in (by_bytes.get_response(), found):
        record = recorded(door, answer.parameters["prediction"].string_param)
        assert list(record.inputs) == rows
        assert [list(one["probabilities"].values()) for one in record.outputs] == by_http(door, rows)


def test_calls_that_come_together_get_their_own_answers(stub: Any, door: Live) -> None:
    ages = range(100, 142)
    calls = [stub.ModelInfer.future(typed([{**ROW, "yaş": age}], id=f"n{age}")) for age in ages]
    for age, call in zip(ages, calls, strict=True):
        if age > 120:
            assert f"{age} is above 120" in call.exception().details()
            continue
        found = call.result()
        assert found.id == f"n{age}"
        assert [list(found.outputs[1].contents.fp64_contents)] == by_http(door, [{**ROW, "yaş": age}])
        record = recorded(door, found.parameters["prediction"].string_param)
        assert (record.request, record.inputs[0]["yaş"]) == (f"n{age}", age)


def test_one_output_of_a_version(client: triton.InferenceServerClient) -> None:
    wanted = [triton.InferRequestedOutput("label")]
    found = client.infer("gelir", tensors(), model_version="1.0.0", outputs=wanted)
    assert [output.name for output in found.get_response().outputs] == ["label"]


def test_a_regression_and_a_matrix(client: triton.InferenceServerClient) -> None:
    assert client.infer("kira", tensors()).as_numpy("value").shape == (3, 1)
    matrix = triton.InferInput("input-0", [2, 3], "FP32")
    matrix.set_data_from_numpy(np.array([[1.5, 2, 1], [-1, np.nan, 0]], np.float32))
    assert client.infer("numeric", [matrix]).as_numpy("probabilities").shape == (2, 2)


def test_refusals_name_row_and_field(client: triton.InferenceServerClient, stub: Any) -> None:
    old = [ROW, {**ROW, "yaş": 121}]
    code, words = refused(lambda: client.infer("gelir", tensors(old)))
    assert code == "INVALID_ARGUMENT"
    assert words.startswith("row 1, 'yaş': 121 is above 120")
    with pytest.raises(grpc.RpcError) as caught:
        stub.ModelInfer(typed(old))
    metadata = dict(caught.value.trailing_metadata())
    problem = json.loads(metadata["problem-bin"])
    assert (problem["row"], problem["field"]) == (1, "yaş")
    assert problem["request"] == metadata["x-request-id"]


def broken(change: Callable[[Any], Any]) -> Any:
    asked = typed()
    change(asked)
    return asked


CASES: dict[str, tuple[Any, str, str]] = {
    "no tensors": (public.ModelInferRequest(model_name="gelir"), "INVALID_ARGUMENT", "no rows"),
    "a tensor less": (broken(lambda asked: asked.inputs.pop()), "INVALID_ARGUMENT", "'evli': is missing"),
    "another type": (
        broken(lambda asked: setattr(asked.inputs[0], "datatype", "BYTES")),
        "INVALID_ARGUMENT",
        "'yaş' holds 0 values",
    ),
    "no type": (
        broken(lambda asked: setattr(asked.inputs[0], "datatype", "BF16")),
        "INVALID_ARGUMENT",
        "unknown datatype",
    ),
    "no UTF-8": (
        broken(lambda asked: asked.inputs[2].contents.bytes_contents.__setitem__(1, b"\xff")),
        "INVALID_ARGUMENT",
        "row 1, 'şehir adı': the text is not in UTF-8",
    ),
    "raw and typed": (
        broken(lambda asked: asked.raw_input_contents.append(b"1")),
        "INVALID_ARGUMENT",
        "raw_input_contents",
    ),
    "raw that ends early": (
        public.ModelInferRequest(
            model_name="gelir",
            inputs=[{"name": "tür", "datatype": "BYTES", "shape": [1]}],
            raw_input_contents=[b"\x05\x00\x00\x00a"],
        ),
        "INVALID_ARGUMENT",
        "'tür' ends within element 0",
    ),
    "too many rows": (
        public.ModelInferRequest(
            model_name="gelir", inputs=[{"name": "yaş", "datatype": "INT64", "shape": [100_001]}]
        ),
        "RESOURCE_EXHAUSTED",
        "too many",
    ),
    "another model": (public.ModelInferRequest(model_name="yok"), "NOT_FOUND", "no model yok"),
    "a long id": (typed(id="x" * 129), "INVALID_ARGUMENT", "128"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_answered_is_refused(stub: Any, case: str) -> None:
    asked, code, words = CASES[case]
    with pytest.raises(grpc.RpcError) as caught:
        stub.ModelInfer(asked)
    assert caught.value.code().name == code
    assert words in caught.value.details()


def test_broken_messages_are_refused_or_answered(door: Live) -> None:
    """Whatever byte is wrong, it is never the server that is to blame."""
    whole = typed([ROW]).SerializeToString()
    with grpc.insecure_channel(address(door)) as channel:
        ask = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        for place in range(0, len(whole), 3):
            for body in (whole[:place], whole[:place] + b"\xff" + whole[place + 1 :]):
                with suppress(grpc.RpcError):
                    ask(body)
        metrics = door.ask("GET", "/metrics").body.decode()
        assert 'ModelInfer",status="400"' in metrics
        assert 'ModelInfer",status="500"' not in metrics
        for path, code in (
            ("/inference.GRPCInferenceService/Yok", "UNIMPLEMENTED"),
            ("/yok.Yok/Yok", "UNIMPLEMENTED"),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                channel.unary_unary(path)(b"")
            assert caught.value.code().name == code
        with pytest.raises(grpc.RpcError) as caught:
            ask(b"\x00" * (8 << 20 | 1))
        assert caught.value.code().name == "RESOURCE_EXHAUSTED"


def test_a_large_request_is_answered(client: triton.InferenceServerClient) -> None:
    rows = [ROW] * 20_000
    assert len(client.infer("gelir", tensors(rows)).as_numpy("label")) == len(rows)


def test_a_stream_goes_on_after_a_refusal(client: triton.InferenceServerClient, door: Live) -> None:
    answers: Queue[tuple[Any, Any]] = Queue()
    client.start_stream(lambda result, error: answers.put((result, error)))
    try:
        asked = [("bir", ROWS), ("iki", [{**ROW, "yaş": -1}]), ("üç", ROWS[:1])]
        for ident, rows in asked:
            client.async_stream_infer("gelir", tensors(rows), request_id=ident)
        (first, _), (_, error), (third, _) = (answers.get(timeout=20) for _ in asked)
    finally:
        client.stop_stream()
    assert first.as_numpy("probabilities").tolist() == by_http(door, ROWS)
    assert "row 0, 'yaş': -1 is below 0" in error.message()
    response = third.get_response()
    assert response.id == "üç"
    record = recorded(door, response.parameters["prediction"].string_param)
    assert record.protocol == "inference-v2-grpc"


def test_versions_are_loaded_and_unloaded(client: triton.InferenceServerClient, door: Live) -> None:
    def there() -> set[tuple[str, str, str]]:
        return {(one.name, one.version, one.state) for one in client.get_model_repository_index().models}

    other = ("gelir", "2.0.0", "READY")
    door.until(lambda: other in there())  # it lies in the folder
    one = public.RepositoryModelUnloadRequest(model_name="gelir")
    one.parameters["version"].string_param = "2.0.0"
    client._client_stub.RepositoryModelUnload(one)
    assert ("gelir", "1.0.0", "READY") in there()
    assert other not in there()
    client.load_model("gelir")
    assert other in there()
    found = client.infer("gelir", tensors(), model_version="2.0.0")
    assert found.get_response().model_version == "2.0.0"
    assert refused(lambda: client.load_model("yok"))[0] == "NOT_FOUND"
    assert refused(lambda: client.unload_model("gelir"))[0] == "FAILED_PRECONDITION"


def test_health_is_told(door: Live) -> None:
    with grpc.insecure_channel(address(door)) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for service in ("", "inference.GRPCInferenceService"):
            asked = health_pb2.HealthCheckRequest(service=service)
            assert stub.Check(asked).status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as caught:
            stub.Check(health_pb2.HealthCheckRequest(service="yok"))
        assert caught.value.code().name == "NOT_FOUND"
        watch = stub.Watch(health_pb2.HealthCheckRequest())
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()


def test_watchers_leave_room_for_those_who_ask(door: Live) -> None:
    with grpc.insecure_channel(address(door)) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch
        watching = []

        def watch_many() -> None:
            for _ in range(1_000):
                watching.append(watch(health_pb2.HealthCheckRequest()))
                next(watching[-1])

        with pytest.raises(grpc.RpcError, match="too many watch") as caught:
            watch_many()
        assert caught.value.code().name == "RESOURCE_EXHAUSTED"
        assert stubs.GRPCInferenceServiceStub(channel).ModelInfer(typed()).outputs


def test_reflection_tells_what_can_be_asked(door: Live) -> None:
    with grpc.insecure_channel(address(door)) as channel:
        found = ProtoReflectionDescriptorDatabase(channel)
        names = set(found.get_services())
        assert {"grpc.health.v1.Health", "inference.GRPCInferenceService"} < names
        service = DescriptorPool(found).FindServiceByName("inference.GRPCInferenceService")
    assert "ModelInfer" in service.methods_by_name


def test_fields_are_those_of_the_public_descriptors() -> None:
    for ours_of, theirs in (("inference", public), ("grpc.health.v1", health_pb2)):
        for name, known in theirs.DESCRIPTOR.message_types_by_name.items():
            with suppress(KeyError):
                ours = pool().FindMessageTypeByName(f"{ours_of}.{name}")
                told = {field.name: (field.number, field.type) for field in known.fields}
                assert {field.name: (field.number, field.type) for field in ours.fields} == told
    assert "ModelInferRequest" in public.DESCRIPTOR.message_types_by_name


def test_descriptors_are_what_the_sources_say(tmp_path: Path) -> None:
    folder = Path(str(files("kervan.serve.rpc"))) / "protos"
    made = tmp_path / DESCRIPTORS
    sources = [path.name for path in sorted(folder.glob("*.proto"))]
    options = ["--include_imports", f"--descriptor_set_out={made}"]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}", *options, *sources], check=True)
    assert made.read_bytes() == (folder / DESCRIPTORS).read_bytes()


@pytest.fixture
def other(serving: Callable[..., Serving], tmp_path: Path) -> Iterator[Callable[..., Live]]:
    """A server of its own, with changes to what it is told."""
    started: list[Live] = []

    def start(**changes: Any) -> Live:
        server = Live(tmp_path, replace(serving(), grpc_port=0, **changes))
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.kill()


def test_keys_open_what_they_are_for(other: Callable[..., Live], tmp_path: Path) -> None:
    (asks, asking), (rules, ruling), (slow, slowly) = (
        issue("predict"),
        issue("docs"),
        issue("predict", rate="1/hour"),
    )
    publish(tmp_path / "access.json", asks, rules, slow)
    server = other(keys=str(tmp_path / "access.json"))
    with triton.InferenceServerClient(address(server)) as client:
        assert client.is_server_ready()
        assert refused(lambda: client.infer("gelir", tensors()))[0] == "UNAUTHENTICATED"
        bearer = {"authorization": f"Bearer {asking}"}
        found = client.infer("gelir", tensors(), headers=bearer).get_response()
        assert recorded(server, found.parameters["prediction"].string_param).caller == asks.id
        code, words = refused(lambda: client.get_model_repository_index(headers=bearer))
        assert (code, "docs" in words) == ("PERMISSION_DENIED", True)
        assert client.get_model_repository_index(headers={"x-api-key": ruling}).models
        client.infer("gelir", tensors(), headers={"x-api-key": slowly})
        code, _ = refused(lambda: client.infer("gelir", tensors(), headers={"x-api-key": slowly}))
        assert code == "RESOURCE_EXHAUSTED"


def test_tls_with_certificates_of_clients(other: Callable[..., Live], tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    certificate, key = authority.issue("server", "127.0.0.1", "localhost")
    shown = authority.issue("client")
    server = other(certificate=str(certificate), certificate_key=str(key), client_ca=str(authority.file))
    root = authority.file.read_bytes()
    known = grpc.ssl_channel_credentials(root, shown[1].read_bytes(), shown[0].read_bytes())
    with grpc.secure_channel(address(server), known) as channel:
        assert stubs.GRPCInferenceServiceStub(channel).ModelInfer(typed()).outputs
    for credentials in (grpc.ssl_channel_credentials(root), None):
        channel = (
            grpc.secure_channel(address(server), credentials)
            if credentials
            else grpc.insecure_channel(address(server))
        )
        with channel, pytest.raises(grpc.RpcError) as caught:
            stubs.GRPCInferenceServiceStub(channel).ServerLive(public.ServerLiveRequest())
        assert caught.value.code().name == "UNAVAILABLE"


def test_only_the_proxy_may_connect(other: Callable[..., Live], tmp_path: Path) -> None:
    granted, token = issue("predict")
    publish(tmp_path / "access.json", granted)
    server = other(keys=str(tmp_path / "access.json"), proxy="127.0.0.9")
    with triton.InferenceServerClient(address(server)) as client:
        asked = refused(lambda: client.infer("gelir", tensors(), headers={"x-api-key": token}))
        assert asked[0] == "PERMISSION_DENIED"


def test_what_was_begun_is_answered_and_recorded(other: Callable[..., Live]) -> None:
    """SIGTERM while several ask, one streams and one watches: nobody keeps the server from ending well."""
    server = other()
    answered: list[str] = []
    codes: set[str] = set()

    def ask() -> None:
        with grpc.insecure_channel(address(server)) as channel:
            infer = stubs.GRPCInferenceServiceStub(channel).ModelInfer
            asked = typed()
            try:
                while True:
                    answered.append(infer(asked).parameters["prediction"].string_param)
            except grpc.RpcError as error:
                codes.add(error.code().name)

    callers = [threading.Thread(target=ask) for _ in range(3)]
    with grpc.insecure_channel(address(server)) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        wanted: Queue[Any] = Queue()
        wanted.put(typed())
        streamed = stubs.GRPCInferenceServiceStub(channel).ModelStreamInfer(iter(wanted.get, None))
        assert next(streamed).infer_response.outputs
        for caller in callers:
            caller.start()
        server.until(lambda: len(answered) > 50)
        assert server.terminate() == 0
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        wanted.put(None)
    for caller in callers:
        caller.join()
    assert codes <= {"UNAVAILABLE", "CANCELLED"}, "what came too late was not begun"
    assert {*answered} <= {one.id for one in records(Path(server.serving.records))}


def test_a_full_disk_is_told(serving: Callable[..., Serving], tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "8m") as disk:
        server = Live(tmp_path, replace(serving(), records=str(disk / "records"), grpc_port=0))
        server.start()
        try:
            with (
                triton.InferenceServerClient(address(server)) as client,
                (disk / "ballast").open("wb") as file,
            ):
                with suppress(OSError):
                    while True:
                        file.write(b"0" * 65_536)
                        file.flush()
                codes = []

                def is_refused() -> bool:
                    with suppress(InferenceServerException):
                        client.infer("gelir", tensors())
                        return False
                    codes.append(refused(lambda: client.infer("gelir", tensors()))[0])
                    return True

                server.until(is_refused)
                assert codes == ["UNAVAILABLE"]
                assert not client.is_server_ready()
                assert server.ask("GET", "/readyz").status == 503
                with grpc.insecure_channel(address(server)) as channel:
                    told = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
                assert told.status == health_pb2.HealthCheckResponse.NOT_SERVING
        finally:
            server.kill()


def test_a_taken_port_is_told(
    other: Callable[..., Live], serving: Callable[..., Serving], tmp_path: Path
) -> None:
    taken = other().state.grpc_port
    (tmp_path / "second").mkdir()
    second = Live(tmp_path / "second", replace(serving(), grpc_port=taken, records=str(tmp_path / "others")))
    second.start(wait=False)
    try:
        second.until((second.folder / "state.json").exists)
        assert f"port {taken} on 127.0.0.1 cannot be had for gRPC" in second.state.error
    finally:
        second.kill()


def test_a_running_server_keeps_its_port(other: Callable[..., Live]) -> None:
    server = other()
    server.write(replace(server.serving, grpc_port=None, deployment="D2"))
    server.hang_up()
    server.until(lambda: server.state.attempt == "D2")
    assert "keeps its gRPC as it is" in server.state.error


def test_several_processes_share_the_port(other: Callable[..., Live]) -> None:
    server = other(workers=2)

    def both() -> bool:
        with grpc.insecure_channel(address(server), [("grpc.use_local_subchannel_pool", 1)]) as channel:
            assert stubs.GRPCInferenceServiceStub(channel).ModelInfer(typed()).outputs
        written = [path for path in Path(server.serving.records).glob("*.jsonl") if path.stat().st_size]
        return len(written) == 2

    server.until(both)
    assert server.terminate() == 0
