"""Images and registries that are broken, or are none: each is said, none is taken for a bug of ours."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from deploy.image.test_registry import served
from kervan.core.errors import Corrupted, InvalidInput, KervanError, ServerFailed
from kervan.core.identity import sha256
from kervan.deploy.image.base import open_base
from kervan.deploy.image.layout import CONFIG, LAYER, MANIFEST, Descriptor, Layout, to_json
from kervan.deploy.image.registry import Registry, pull
from kervan.deploy.reference import read_reference


def packed(*members: tarfile.TarInfo) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for each in members:
            archive.addfile(each, io.BytesIO(random.Random(0).randbytes(each.size)))
    return made.getvalue()


def member(name: str, size: int = 0) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.size = size
    return found


BIG = packed(member("big", 100_000))
PYTHON = packed(member("usr/bin/python3.12"))
TOLD = {"architecture": "amd64", "os": "linux"}


def base(folder: Path, *, layer: bytes = PYTHON, **changes: Any) -> Layout:
    """Write a base of one layer; what is given replaces its `index`, `manifest` or `config`."""
    layout = Layout.at(folder)
    kept = layout.put(layer, LAYER)
    config = layout.put(changes.get("config", to_json({**TOLD, "rootfs": {"diff_ids": ["x"]}})), CONFIG)
    told = {"config": config.told(), "layers": [kept.told()]}
    content = changes.get("manifest", b"") or to_json({**told, **changes.get("members", {})})
    layout.name(layout.put(content, MANIFEST))
    if "index" in changes:
        (folder / "index.json").write_bytes(changes["index"])
    return layout


def opened(place: Path) -> str:
    return open_base(str(place), "linux/amd64", Path("/"), place.parent / "cache").python


def test_a_whole_one_is_taken(tmp_path: Path) -> None:
    base(tmp_path / "base")
    assert opened(tmp_path / "base") == "/usr/bin/python3.12"


@pytest.mark.parametrize(
    "broken",
    [
        {"index": b"[]"},
        {"index": b"{}"},
        {"index": b"null"},
        {"index": b"\xff"},
        {"index": b'{"manifests": 5}'},
        {"index": b'{"manifests": [5]}'},
        {"manifest": b"garbage"},
        {"manifest": b"[]"},
        {"manifest": b"{}"},
        {"members": {"config": 5}},
        {"members": {"layers": 5}},
        {"members": {"layers": []}},
        {"config": b"[]"},
        {"config": b"x"},
        {"config": to_json({**TOLD, "rootfs": None})},
        {"config": to_json({**TOLD, "rootfs": {"diff_ids": []}})},
        {"config": to_json({**TOLD, "rootfs": {"diff_ids": ["x"]}, "config": {"Env": 5}})},
        {"layer": BIG[:1000]},
        {"layer": b"\x28\xb5\x2f\xfdxxxxx"},
        {"layer": gzip.decompress(BIG)[:1000]},
        {"layer": gzip.compress(b"x" * 5000)},
    ],
)
def test_a_broken_layout_is_said(tmp_path: Path, broken: dict[str, Any]) -> None:
    base(tmp_path / "base", **broken)
    with pytest.raises(Corrupted) as found:
        opened(tmp_path / "base")
    assert found.value.hint


def test_odd_names_in_a_layer_lead_nowhere(tmp_path: Path) -> None:
    odd = [member(name) for name in ("../../x", "/abs", ".wh.", "a/.wh.", ".wh..wh..opq")]
    base(tmp_path / "base", layer=packed(*odd, member("usr/bin/python3.12")))
    assert opened(tmp_path / "base") == "/usr/bin/python3.12"
    assert not (tmp_path.parent.parent / "x").exists()


def test_a_configuration_may_tell_nothing_of_what_runs(tmp_path: Path) -> None:
    config = to_json({**TOLD, "rootfs": {"diff_ids": ["x"]}, "config": None})
    base(tmp_path / "base", config=config)
    assert opened(tmp_path / "base") == "/usr/bin/python3.12"


@pytest.mark.parametrize("content", [BIG[:800], BIG[:-3], b"", b"x" * 3000])
def test_a_broken_archive_is_said(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "base.tar"
    file.write_bytes(content)
    with pytest.raises(InvalidInput):
        opened(file)


def test_an_archive_cannot_write_outside(tmp_path: Path) -> None:
    file = tmp_path / "base.tar"
    file.write_bytes(packed(member("oci-layout"), member("../evil")))
    with pytest.raises(InvalidInput):
        opened(file)
    assert not list(tmp_path.rglob("evil"))


class _Odd(BaseHTTPRequestHandler):
    """A registry that answers what it was told to: status, headers and body, or nothing."""

    status, told, body, is_silent = 200, {}, b"", False  # type: ignore[var-annotated]

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.is_silent:
            self.close_connection = True
            return
        self.send_response(self.status)
        for name, value in {"Content-Length": str(len(self.body)), **self.told}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.body)

    do_POST = do_PUT = do_GET  # noqa: N815 - the names are the library's

    def do_HEAD(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


def odd(**values: Any) -> type[_Odd]:
    return type("_Other", (_Odd,), values)


ASKED = 'Bearer realm="{}"'


@pytest.mark.parametrize(
    "values",
    [
        {"body": b""},
        {"body": b"[]"},
        {"body": b"{}"},
        {"body": b"\xff"},
        {"body": b'{"config": 5, "layers": []}'},
        {"told": {"Content-Type": "application/vnd.oci.image.index.v1+json"}, "body": b"{}"},
        {"told": {"Content-Length": "1000"}, "body": b"abc"},
        {"is_silent": True},
        {"status": 401, "told": {"WWW-Authenticate": ASKED.format("nonsense")}},
        {"status": 401, "told": {"WWW-Authenticate": ASKED.format("file:///etc/hostname")}},
        {"status": 500, "body": b'{"errors": []}'},
    ],
)
def test_a_registry_that_answers_garbage_is_said(tmp_path: Path, values: dict[str, Any]) -> None:
    with served(odd(**values)) as host, pytest.raises(KervanError) as found:
        pull(read_reference(f"{host}/a/b:1"), "linux/amd64", Layout.at(tmp_path))
    assert found.value.hint
    assert not list((tmp_path / "blobs/sha256").iterdir())


def test_a_blob_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    descriptor = Descriptor(kind=LAYER, digest=f"sha256:{sha256(b'abcdef')}", size=6)
    handler = odd(told={"Transfer-Encoding": "chunked"}, body=b"zz\r\nabc")
    with served(handler) as host, pytest.raises((Corrupted, ServerFailed)):
        Registry(read_reference(f"{host}/a/b:1")).fetch(descriptor, tmp_path / "blob")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("told", [{}, {"Location": "ftp://x/y"}, {"Location": "http://[x"}])
def test_a_registry_that_names_no_place_for_a_blob_is_said(tmp_path: Path, told: dict[str, str]) -> None:
    file = tmp_path / "blob"
    file.write_bytes(b"abc")
    descriptor = Descriptor(kind=LAYER, digest=f"sha256:{sha256(b'abc')}", size=3)
    with (
        served(odd(status=202, told=told)) as host,
        pytest.raises(ServerFailed, match="does not say where to put"),
    ):
        Registry(read_reference(f"{host}/a/b:1")).send(descriptor, file)
