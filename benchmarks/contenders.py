"""The servers that are measured: how each is started, what it is asked, and where its answer has the numbers.

Those that answer by scikit-learn get a matrix, which is the quickest that they take, or the named numbers
that the others get, of which they make a table of pandas.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.measure import note
from benchmarks.peers import OURS, python_of
from benchmarks.processes import free_port
from benchmarks.served_model import MODEL, ROWS, Model

HERE = Path(__file__).parent
SERVICES = HERE / "peer_services"
NGINX = "nginx, a static file"
FASTAPI = "FastAPI + ONNX Runtime"
BARE = "bare uvloop + ONNX Runtime"
KERVAN = "Kervan"
KERVAN_KEYS = "Kervan, keys"
KERVAN_TWO = "Kervan, keys, 2 workers"
KERVAN_GRPC = "Kervan, keys, gRPC"
BARE_GRPC = "bare grpc.aio + ONNX Runtime"
PEERS = ("MLflow", "BentoML", "MLServer", "LitServe", "Ray Serve")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server is started: an empty folder of its own, and ports that are free."""

    folder: Path
    port: int
    grpc_port: int


@dataclass(frozen=True, slots=True)
class Request:
    """A path, and what is posted there; a GET without a body."""

    path: str
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A server. `read` finds the probabilities of the second label in its answer.

    `requests` are by their number of rows; where it `speaks_grpc`, it is asked by that, with one row, alone.
    """

    name: str
    command: Callable[[Place], Sequence[str]]
    requests: Mapping[int, Request]
    read: Callable[[Any], list[float]]
    environment: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    speaks_grpc: bool = False


def contenders(model: Model, scratch: Path, only: Sequence[str]) -> list[Contender]:
    """Return those whose name has a word of `only`, or all; whoever cannot be there is named."""
    made = {
        **dict.fromkeys(_KERVANS, _kervan),
        BARE: _bare,
        BARE_GRPC: _bare_grpc,
        NGINX: _nginx,
        FASTAPI: _fastapi,
        "MLflow": _mlflow,
        "BentoML": _bentoml,
        "MLServer": _mlserver,
        "LitServe": _litserve,
        "Ray Serve": _ray,
    }
    wanted = [name for name in made if not only or any(word.lower() in name.lower() for word in only)]
    found = (made[name](name, model, scratch) for name in wanted)
    return [each for each in found if each is not None]


_KERVANS = {
    KERVAN: (False, 1),
    KERVAN_KEYS: (True, 1),
    "Kervan, 2 workers": (False, 2),
    KERVAN_TWO: (True, 2),
    KERVAN_GRPC: (True, 1),
}


def _kervan(name: str, model: Model, scratch: Path) -> Contender:
    with_keys, workers = _KERVANS[name]
    speaks_grpc = name == KERVAN_GRPC

    def command(place: Place) -> list[str]:
        return [
            *(OURS, "-m", "kervan", "serve", str(model.package), "--port", str(place.port)),
            *("--records", str(place.folder / "records"), "--workers", str(workers)),
            *(("--keys", str(model.keys)) if with_keys else ()),
            *(("--grpc-port", str(place.grpc_port)) if speaks_grpc else ()),
        ]

    return Contender(
        name=name,
        command=command,
        requests={1: _named(model, "/predict", 1), ROWS: _named(model, "/predict", ROWS)},
        read=_read_labelled(model),
        key=model.key if with_keys else "",
        speaks_grpc=speaks_grpc,
    )


def _bare(name: str, model: Model, scratch: Path) -> Contender:
    script = str(HERE / "bare_service.py")
    return Contender(
        name=name,
        command=lambda place: [OURS, script, str(model.package), str(place.port)],
        requests={1: _named(model, "/predict", 1), ROWS: _named(model, "/predict-rows", ROWS)},
        read=_read_labelled(model),
    )


def _bare_grpc(name: str, model: Model, scratch: Path) -> Contender:
    script = str(HERE / "bare_grpc_service.py")
    return Contender(
        name=name,
        command=lambda place: [OURS, script, str(model.package), str(place.grpc_port)],
        requests={},
        read=_read_labelled(model),
        environment={"PYTHONPATH": str(HERE.parent)},
        speaks_grpc=True,
    )


def _nginx(name: str, model: Model, scratch: Path) -> Contender | None:
    """Let nginx send files of the size of the answers, with one worker and no log."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        return _skipped(name, "it is not installed")
    for many in (1, ROWS):
        (scratch / f"{many}.json").write_bytes(_as_kervan_answers(model, many))

    def command(place: Place) -> list[str]:
        settings = place.folder / "nginx.conf"
        settings.write_text(_NGINX.format(folder=place.folder, root=scratch, port=place.port, user=_user()))
        return [program, "-p", str(place.folder), "-c", str(settings), "-e", "stderr"]

    return Contender(
        name=name,
        command=command,
        requests={1: Request("/1.json"), ROWS: Request(f"/{ROWS}.json")},
        read=_read_labelled(model),
    )


def _fastapi(name: str, model: Model, scratch: Path) -> Contender | None:
    python = python_of("fastapi")
    if python is None:
        return None
    rows = Request("/predict-rows", json.dumps(model.named(ROWS)).encode())
    return Contender(
        name=name,
        command=lambda place: [
            *(str(python), str(HERE / "fastapi_service.py")),
            *(str(model.package), str(place.port)),
        ],
        requests={1: Request("/predict", json.dumps(model.named(1)[0]).encode()), ROWS: rows},
        read=_read_labelled(model),
    )


def _mlflow(name: str, model: Model, scratch: Path) -> Contender | None:
    python = python_of("mlflow-serving")
    if python is None:
        return None
    saved = scratch / "mlflow"
    script = SERVICES / "mlflow_model.py"
    done = subprocess.run(
        [str(python), str(script), str(model.estimator), str(saved)], capture_output=True, check=False
    )
    if done.returncode:
        return _skipped(name, done.stderr.decode(errors="replace").strip().splitlines()[-1])
    return Contender(
        name=name,
        command=lambda place: [
            *(str(python.with_name("mlflow")), "models", "serve", "-m", str(saved), "--env-manager", "local"),
            *("--host", "127.0.0.1", "--port", str(place.port), "--workers", "1"),
        ],
        requests=_plain(model, "/invocations", "dataframe_records" if model.is_named else "inputs"),
        read=lambda answer: [row[1] for row in answer["predictions"]],
        environment=_environment(python, MLFLOW_DISABLE_TELEMETRY="true"),
    )


def _bentoml(name: str, model: Model, scratch: Path) -> Contender | None:
    python = python_of("bentoml")
    if python is None:
        return None
    return Contender(
        name=name,
        command=lambda place: [
            *(str(python.with_name("bentoml")), "serve", "bentoml_service:Predictor"),
            *("--working-dir", str(SERVICES), "--host", "127.0.0.1", "--port", str(place.port)),
            *("--api-workers", "1"),
        ],
        requests=_plain(model, "/predict_named" if model.is_named else "/predict", "rows"),
        read=lambda answer: [row[1] for row in answer],
        environment=_environment(
            python,
            MODEL=str(model.estimator),
            BENTOML_HOME=str(scratch / "bentoml"),
            BENTOML_DO_NOT_TRACK="True",
        ),
    )


def _mlserver(name: str, model: Model, scratch: Path) -> Contender | None:
    python = python_of("mlserver")
    if python is None:
        return None

    def command(place: Place) -> list[str]:
        settings = {
            "host": "127.0.0.1",
            "http_port": place.port,
            "grpc_port": place.grpc_port,
            "metrics_port": free_port(),
            "parallel_workers": 0,
            "debug": False,
        }
        (place.folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        served = {
            "name": MODEL,
            "implementation": "mlserver_sklearn.SKLearnModel",
            "parameters": {"uri": str(model.estimator), "version": "1"},
        }
        (place.folder / "model-settings.json").write_text(json.dumps(served), encoding="utf-8")
        return [str(python.with_name("mlserver")), "start", str(place.folder)]

    return Contender(
        name=name,
        command=command,
        requests={many: _tensor(model, many) for many in (1, ROWS)},
        read=lambda answer: answer["outputs"][0]["data"][1::2],
        environment=_environment(python),
    )


def _litserve(name: str, model: Model, scratch: Path) -> Contender | None:
    return _script(name, "litserve", "litserve_service.py", model)


def _ray(name: str, model: Model, scratch: Path) -> Contender | None:
    return _script(name, "ray", "ray_service.py", model, RAY_USAGE_STATS_ENABLED="0")


def _script(name: str, peer: str, script: str, model: Model, **settings: str) -> Contender | None:
    python = python_of(peer)
    if python is None:
        return None
    return Contender(
        name=name,
        command=lambda place: [str(python), str(SERVICES / script), str(model.estimator), str(place.port)],
        requests=_plain(model, "/" if peer == "ray" else "/predict", "rows"),
        read=lambda answer: [row[1] for row in answer["predictions"]],
        environment=_environment(python, **settings),
    )


def _skipped(name: str, why: str) -> None:
    note(f"skipped: {name}: {why}")


def _named(model: Model, path: str, many: int) -> Request:
    rows = model.named(many)
    return Request(path, json.dumps({"features": rows[0] if many == 1 else rows}).encode())


def _plain(model: Model, path: str, name: str) -> dict[int, Request]:
    rows: list[Any] = model.named(ROWS) if model.is_named else model.rows
    return {many: Request(path, json.dumps({name: rows[:many]}).encode()) for many in (1, ROWS)}


def _tensor(model: Model, many: int) -> Request:
    """Ask by the Open Inference Protocol, with one tensor or with one for each column of a table."""
    rows = model.rows[:many]
    body: dict[str, Any] = {"outputs": [{"name": "predict_proba"}]}
    if model.is_named:
        columns = zip(model.names, zip(*rows, strict=True), strict=True)
        body["parameters"] = {"content_type": "pd"}
        body["inputs"] = [_input(name, [many, 1], column) for name, column in columns]
    else:
        body["inputs"] = [_input("rows", [many, len(rows[0])], [cell for row in rows for cell in row])]
    return Request(f"/v2/models/{MODEL}/infer", json.dumps(body).encode())


def _input(name: str, shape: list[int], data: Sequence[float]) -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": "FP64", "data": data}


def _read_labelled(model: Model) -> Callable[[Any], list[float]]:
    label = model.labels[1]
    return lambda answer: [row["probabilities"][label] for row in answer["predictions"]]


def _as_kervan_answers(model: Model, many: int) -> bytes:
    first, second = model.labels
    found = [
        {"label": model.labels[chance > 0.5], "probabilities": {first: 1 - chance, second: chance}}
        for chance in model.expected[:many]
    ]
    answer = {"id": "0" * 26, "model": f"{MODEL}@1.0.0", "predictions": found}
    return json.dumps(answer, separators=(",", ":")).encode()


def _environment(python: Path, **settings: str) -> dict[str, str]:
    """Let a peer find its own programs."""
    return {"PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}", **settings}


def _user() -> str:
    """Let nginx's worker read our folder, where it would change to a user of its own."""
    return "user root;" if os.geteuid() == 0 else ""


_NGINX = """\
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  open_file_cache max=10;
  default_type application/json;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    root {root};
  }}
}}
"""
