"""TLS by a real server process: who is known by which certificate, and certificates that change."""

from __future__ import annotations

import shutil
import socket
import ssl
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from kervan.core.access import Doors, check_doors
from kervan.core.errors import InvalidInput, KervanError, Refused
from kervan.core.private import write_private
from kervan.serve.server import serve
from kervan.serve.tls import Certificates
from serve.authority import Authority
from serve.real_packages import ROW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kervan.core.serving import Serving
    from serve.live import Live


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("other"), "Başkası")


def trusting(authority: Authority, shown: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.file)
    if shown is not None:
        context.load_cert_chain(*shown)
    return context


def files(pair: tuple[Path, Path], to: Path) -> dict[str, str]:
    """Copy a certificate and its key to where a server looks for them."""
    to.mkdir(exist_ok=True)
    for source, name in zip(pair, ("cert.pem", "cert.key"), strict=True):
        write_private(to / name, source.read_bytes())
    return {"certificate": str(to / "cert.pem"), "certificate_key": str(to / "cert.key")}


def serial(port: int, context: ssl.SSLContext) -> str:
    """The number of the certificate that a new connection is shown."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        found: Any = connection.getpeercert()
        return str(found["serialNumber"])


def test_answers_over_tls_and_shows_a_new_certificate_without_a_restart(
    live: Callable[..., Live], authority: Authority, tmp_path: Path
) -> None:
    names = ("127.0.0.1", "kervan.example", "*.ic.example")
    server = live(**files(authority.issue("one", *names), tmp_path / "tls"))
    server.context = trusting(authority)
    assert server.predict({"features": ROW}).status == 200
    for host in ("kervan.example", "KERVAN.example:8443", "a.ic.example", "localhost"):
        assert server.ask("GET", "/livez", headers={"host": host}).status == 200, host
    for host in ("evil.example", "a.b.ic.example", "ic.example"):
        assert server.ask("GET", "/livez", headers={"host": host}).status == 421, host
    same = {"content-type": "application/json", "host": "kervan.example"}
    assert server.ask("POST", "/predict", [ROW], {**same, "origin": "https://kervan.example"}).status == 200
    assert server.ask("POST", "/predict", [ROW], {**same, "origin": "http://kervan.example"}).status == 403
    before = serial(server.port, server.context)
    (tmp_path / "tls" / "cert.pem").write_bytes(b"half a certif")  # is being replaced
    for _ in range(3):
        assert serial(server.port, server.context) == before
    files(authority.issue("two", "127.0.0.1"), tmp_path / "tls")
    server.until(lambda: serial(server.port, server.context) != before)
    assert server.predict({"features": ROW}).status == 200
    assert server.ask("GET", "/livez", headers={"host": "kervan.example"}).status == 421
    assert '"url.full":"https://127.0.0.1:' in server.log


def test_plain_and_old_speech_is_refused_and_harms_nobody(
    live: Callable[..., Live], authority: Authority, other: Authority, tmp_path: Path
) -> None:
    server = live(**files(authority.issue("plain", "127.0.0.1"), tmp_path / "tls"))
    assert b"200" not in server.raw(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n")
    old = trusting(authority)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        serial(server.port, old)
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        serial(server.port, trusting(other))
    server.context = trusting(authority)
    assert server.ask("GET", "/livez").status == 200


def test_lets_in_only_whom_the_authority_of_clients_knows(
    live: Callable[..., Live], authority: Authority, other: Authority, tmp_path: Path
) -> None:
    known = tmp_path / "clients.pem"
    shutil.copy(authority.file, known)
    server = live(**files(authority.issue("server", "127.0.0.1"), tmp_path / "tls"), client_ca=str(known))
    ours = trusting(authority, authority.issue("ours"))
    theirs = trusting(authority, other.issue("theirs"))

    def lets_in(context: ssl.SSLContext) -> bool:
        server.context = context
        try:
            return server.predict({"features": ROW}).status == 200
        except OSError:
            return False

    assert lets_in(ours)
    assert not lets_in(theirs)
    assert not lets_in(trusting(authority))
    write_private(known, other.file.read_bytes())
    server.until(lambda: not lets_in(ours))
    assert lets_in(theirs)


@pytest.mark.parametrize(
    ("host", "closed", "words"),
    [
        ("0.0.0.0", {}, "no keys"),
        ("::", {}, "no keys"),
        ("kervan.example", {}, "no keys"),
        ("0.0.0.0", {"certificate": "c", "certificate_key": "k"}, "no keys"),
        ("0.0.0.0", {"keys": "k"}, "for all to read"),
        ("127.0.0.1", {"proxy": "10.0.0.5"}, "no keys"),
        ("127.0.0.1", {"proxy": "nginx", "keys": "k"}, "not a proxy's address"),
        ("127.0.0.1", {"certificate": "c"}, "certificate_key is missing"),
        ("127.0.0.1", {"client_ca": "c"}, "only over TLS"),
        ("127.0.0.1", {"rate": "often"}, "not a rate"),
    ],
)
def test_open_doors_are_refused_and_it_says_why(
    serving: Callable[..., Serving], host: str, closed: dict[str, str], words: str
) -> None:
    with pytest.raises(KervanError, match=words) as caught:
        serve(replace(serving(), host=host, **closed))
    assert isinstance(caught.value, Refused | InvalidInput)
    assert caught.value.hint


def test_closed_doors_may_be_opened() -> None:
    check_doors("127.0.0.1", Doors())
    check_doors("0.0.0.0", Doors(keys="k", certificate="c", certificate_key="k"))
    check_doors("0.0.0.0", Doors(keys="k", proxy="10.0.0.5"))


def test_files_that_cannot_be_used_are_named(authority: Authority, other: Authority, tmp_path: Path) -> None:
    certificate, key = authority.issue("good", "127.0.0.1")
    _, locked = authority.issue("locked", "127.0.0.1", password=b"gizli")
    nameless, its_key = authority.issue("nameless")
    junk = tmp_path / "junk.pem"
    junk.write_bytes(b"\xff\x00junk")
    pairs = [
        (certificate, other.issue("x", "127.0.0.1")[1], "belong|mismatch"),
        (junk, key, "cannot be used"),
        (certificate, junk, "cannot be used"),
        (tmp_path / "nothing.pem", key, "No such file"),
        (certificate, locked, "password|belong together"),
        (nameless, its_key, "names no hosts"),
    ]
    for shown, private, words in pairs:
        with pytest.raises(InvalidInput, match=words) as caught:
            Certificates(Doors(certificate=str(shown), certificate_key=str(private)))
        assert caught.value.hint
    for bad in (junk, tmp_path / "nothing.pem"):
        with pytest.raises(InvalidInput, match="cannot be used"):
            Certificates(Doors(certificate=str(certificate), certificate_key=str(key), client_ca=str(bad)))
