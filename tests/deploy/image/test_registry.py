"""Images go to a real registry and come back, whoever fetches them; what is refused is said."""

from __future__ import annotations

import base64
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from containers import PLATFORM, answered, running
from kervan.core.errors import InvalidConfig, NotFound, Refused, ServerFailed
from kervan.core.identity import sha256
from kervan.deploy.image.base import open_base
from kervan.deploy.image.bill import KIND
from kervan.deploy.image.build import build
from kervan.deploy.image.credentials import credentials_for
from kervan.deploy.image.layout import EMPTY, Descriptor, Layout, descriptor_of
from kervan.deploy.image.registry import Registry, pull, push
from kervan.deploy.reference import read_reference
from kervan.testing.sample import ROWS
from tools import tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from containers import Podman
    from kervan.deploy.image.build import Image, Order
    from kervan.deploy.reference import Reference

pytestmark = pytest.mark.sampled


@pytest.fixture(scope="session")
def pushed(sample_image: Image, registry: str) -> Reference:
    """The image, in the registry."""
    reference = read_reference(f"{registry}/team/gelir:1.0.0")
    push(sample_image.layout, reference, sample_image.descriptor, lambda _: None)
    return reference


@pytest.mark.service
def test_what_is_pushed_is_pulled_by_podman_under_the_same_digest_and_answers(
    sample_image: Image, pushed: Reference, podman: Podman
) -> None:
    podman("pull", "--quiet", "--tls-verify=false", str(pushed))
    assert podman("image", "inspect", "--format", "{{.Digest}}", str(pushed)) == sample_image.digest
    labels = json.loads(podman("image", "inspect", "--format", "{{json .Labels}}", str(pushed)))
    assert labels["org.kervan.model"] == "gelir@1.0.0"
    with running(podman, str(pushed), KERVAN_PLATFORM="1") as container:
        assert answered(container.url, [dict(ROWS[0])])


@pytest.mark.service
def test_another_program_finds_the_same_image(sample_image: Image, pushed: Reference) -> None:
    import subprocess

    asked = [tool("skopeo"), "inspect", "--tls-verify=false", f"docker://{pushed}"]
    found = json.loads(subprocess.run(asked, check=True, capture_output=True).stdout)
    assert found["Digest"] == sample_image.digest
    assert found["Labels"]["org.opencontainers.image.version"] == "1.0.0"


@pytest.mark.service
def test_the_bill_of_materials_belongs_to_the_image(sample_image: Image, pushed: Reference) -> None:
    registry = Registry(pushed)
    _, content = registry.manifest(sample_image.digest.replace(":", "-"))  # this registry lists none itself
    (attached,) = json.loads(content)["manifests"]
    assert attached["artifactType"] == KIND
    _, told = registry.manifest(attached["digest"])
    assert json.loads(told)["subject"]["digest"] == sample_image.digest


@pytest.mark.service
def test_a_base_is_pulled_from_a_registry_and_gives_the_same_image(
    sample_image: Image, image_order: Callable[..., Order], base_image: Path, registry: str, tmp_path: Path
) -> None:
    base = Layout(base_image)
    push(base, read_reference(f"{registry}/base:1"), base.manifests[0], lambda _: None)
    made = build(image_order(base=f"{registry}/base:1"), tmp_path / "made", lambda _: None)
    assert [each.packed for each in made.parts] == [each.packed for each in sample_image.parts]
    again = Layout.at(tmp_path / "again")
    found = pull(read_reference(f"{registry}/base:1"), PLATFORM, again)
    assert again.path(descriptor_of(again.read(found)["config"]).digest).is_file()


@pytest.mark.service
def test_blobs_that_are_there_are_not_sent_again(sample_image: Image, pushed: Reference) -> None:
    registry = Registry(pushed)
    sent: list[str] = []
    registry._ask = _watched(registry._ask, sent)  # type: ignore[method-assign]
    for blob in map(descriptor_of, sample_image.layout.read(sample_image.descriptor)["layers"]):
        registry.send(blob, sample_image.layout.path(blob.digest))
    assert set(sent) == {"HEAD"}


def _watched(ask: Callable[..., Any], sent: list[str]) -> Callable[..., Any]:
    def asked(method: str, path: str, **told: Any) -> Any:
        sent.append(method)
        return ask(method, path, **told)

    return asked


@pytest.mark.service
def test_what_is_not_there_is_said(registry: str, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"nothing:1 is not there .*manifest unknown"):
        open_base(f"{registry}/nothing:1", PLATFORM, tmp_path, tmp_path)


def test_a_registry_that_cannot_be_reached_is_said(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match=r"cannot reach the registry 127.0.0.1:9"):
        open_base("127.0.0.1:9/base:1", PLATFORM, tmp_path, tmp_path)


class _Strict(BaseHTTPRequestHandler):
    """A registry that lets only one user push, by a token; it remembers what was put."""

    put: list[str]

    def do_GET(self) -> None:
        if self.path.startswith("/token"):
            told = base64.b64encode(b"ada:secret").decode()
            is_known = self.headers.get("Authorization") == f"Basic {told}"
            self._answer(200 if is_known else 401, {"token": "T" if is_known else ""})
        else:
            self._guarded()

    def do_HEAD(self) -> None:
        self._guarded()

    def do_POST(self) -> None:
        self._guarded()

    def do_PUT(self) -> None:
        self.put.append(self.path)
        self._guarded()

    def _guarded(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != "Bearer T":
            where = (
                f'Bearer realm="http://{self.headers["Host"]}/token",service="s",scope="repository:a:pull"'
            )
            self.send_response(401)
            self.send_header("WWW-Authenticate", where)
            self.end_headers()
        elif self.command == "POST":
            self._answer(403, {"errors": [{"code": "DENIED", "message": "the quota is used up"}]})
        else:
            self._answer(404, {"errors": [{"code": "NAME_UNKNOWN"}]})

    def _answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def strict() -> Iterator[str]:
    _Strict.put = []
    with served(_Strict) as host:
        yield host


@contextmanager
def served(kind: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_who_is_not_known_is_told_to_log_in_and_nothing_is_put(strict: str, sample_image: Image) -> None:
    with pytest.raises(Refused, match="refuses") as refused:
        push(
            sample_image.layout,
            read_reference(f"{strict}/team/gelir:1"),
            sample_image.descriptor,
            lambda _: None,
        )
    assert f"docker login {strict}" in refused.value.hint
    assert _Strict.put == []


def test_who_logged_in_is_known_and_a_refusal_names_the_registrys_own_words(
    strict: str, sample_image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"auths": {strict: {"auth": base64.b64encode(b"ada:secret").decode()}}}
    (tmp_path / "config.json").write_text(json.dumps(told))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert credentials_for(strict) == ("ada", "secret")
    with pytest.raises(Refused, match="403 the quota is used up"):
        push(
            sample_image.layout,
            read_reference(f"{strict}/team/gelir:1"),
            sample_image.descriptor,
            lambda _: None,
        )
    assert _Strict.put == []


class _Moved(BaseHTTPRequestHandler):
    """A registry that asks for a password, and keeps its blobs elsewhere."""

    elsewhere = ""
    shown: list[str | None]

    def do_GET(self) -> None:
        shown = self.headers.get("Authorization")
        self.shown.append(shown)
        if self.path.startswith("/elsewhere"):
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")
        elif shown is None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="here"')
            self.end_headers()
        else:
            self.send_response(307)
            self.send_header("Location", f"http://{self.elsewhere}/elsewhere")
            self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_password_does_not_go_where_a_registry_sends_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _Moved.shown = []
    with served(_Moved) as host, served(_Moved) as elsewhere:
        _Moved.elsewhere = elsewhere
        told = {"auths": {host: {"auth": base64.b64encode(b"ada:secret").decode()}}}
        (tmp_path / "config.json").write_text(json.dumps(told))
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        blob = Descriptor(kind=EMPTY, digest=f"sha256:{sha256(b'{}')}", size=2)
        Registry(read_reference(f"{host}/a:1")).fetch(blob, tmp_path / "blob")
    assert (tmp_path / "blob").read_bytes() == b"{}"
    first, known, moved = _Moved.shown
    assert (first, moved) == (None, None)
    assert known is not None


def test_programs_that_keep_passwords_are_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper = tmp_path / "docker-credential-vault"
    helper.write_text('#!/bin/sh\nread host\necho "{\\"Username\\": \\"$1\\", \\"Secret\\": \\"$host\\"}"\n')
    helper.chmod(0o755)
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {"r.example.com": "vault"}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert credentials_for("r.example.com") == ("get", "r.example.com")
    assert credentials_for("other.example.com") is None


@pytest.mark.parametrize("text", ["", "UPPER/x", "a b", "r.example.com/x:ta g", "x@sha256:abc"])
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(InvalidConfig, match="no reference"):
        read_reference(text)
