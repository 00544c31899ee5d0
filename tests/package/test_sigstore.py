from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kervan.core.errors import Conflict, InvalidInput, Refused, ServerFailed
from kervan.package.contents.sigstore import Identity, check_bundle, sign_folder

PASSWORD = "şifre"


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys as people make them, `NAME.pem` and `NAME.pub`: two alike, one locked, one of another kind."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ours", "other"):
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", folder / f"{name}.pem")
        openssl("ec", "-in", folder / f"{name}.pem", "-pubout", "-out", folder / f"{name}.pub")
    locked = ("-aes256", "-passout", f"pass:{PASSWORD}")
    openssl("ec", "-in", folder / "ours.pem", *locked, "-out", folder / "locked.pem")
    openssl("genpkey", "-algorithm", "ed25519", "-out", folder / "edwards.pem")
    openssl("pkey", "-in", folder / "edwards.pem", "-pubout", "-out", folder / "edwards.pub")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "gelir-1.0.0"
    (place / "onnx").mkdir(parents=True)
    (place / "manifest.json").write_text("{}")
    (place / "onnx" / "matrix.onnx").write_bytes(bytes(range(256)))
    return place


def test_what_was_signed_is_recognised(folder: Path, keys: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "gelir.sig"
    sign_folder(folder, bundle, key=keys / "ours.pem")
    check_bundle(folder, bundle, keys / "ours.pub")


def test_another_program_verifies_the_bundle(folder: Path, keys: Path, tmp_path: Path) -> None:
    """The command of `model_signing` itself, as somebody without Kervan asks it."""
    bundle = tmp_path / "gelir.sig"
    sign_folder(folder, bundle, key=keys / "ours.pem")
    asked = ["verify", "key", str(folder), "--signature", str(bundle), "--public_key", str(keys / "ours.pub")]
    done = subprocess.run(
        [sys.executable, "-m", "model_signing", *asked], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_locked_key_wants_its_password(folder: Path, keys: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "gelir.sig"
    for wrong in (None, "yanlış"):
        with pytest.raises(InvalidInput, match=r"locked\.pem holds no key that can be used"):
            sign_folder(folder, bundle, key=keys / "locked.pem", password=wrong)
    sign_folder(folder, bundle, key=keys / "locked.pem", password=PASSWORD)
    check_bundle(folder, bundle, keys / "ours.pub")


def test_another_signer_is_refused(folder: Path, keys: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "gelir.sig"
    sign_folder(folder, bundle, key=keys / "other.pem")
    with pytest.raises(Refused, match=r"does not show that the owner of .*ours\.pub signed"):
        check_bundle(folder, bundle, keys / "ours.pub")


@pytest.mark.parametrize("change", ["changed", "added", "lost", "renamed"])
def test_other_files_are_refused(change: str, folder: Path, keys: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "gelir.sig"
    sign_folder(folder, bundle, key=keys / "ours.pem")
    file = folder / "onnx" / "matrix.onnx"
    if change == "changed":
        file.write_bytes(bytes(256))
    elif change == "added":
        (folder / "more").write_text("")
    elif change == "lost":
        file.unlink()
    else:
        file.rename(folder / "matrix.onnx")
    with pytest.raises(Refused, match="does not show"):
        check_bundle(folder, bundle, keys / "ours.pub")


def test_a_changed_bundle_is_refused_or_says_the_same(folder: Path, keys: Path, tmp_path: Path) -> None:
    """What is not covered by the signature may change, such as a space; what was signed may not."""
    bundle = tmp_path / "gelir.sig"
    sign_folder(folder, bundle, key=keys / "ours.pem")
    signed = bundle.read_bytes()  # once: signatures by elliptic curves are as long as chance makes them
    payload = json.loads(signed)["dsseEnvelope"]["payload"]

    @settings(max_examples=60)
    @given(place=st.integers(0, len(signed) - 1), change=st.integers(1, 255))
    def changed(place: int, change: int) -> None:
        content = bytearray(signed)
        content[place] ^= change
        bundle.write_bytes(content)
        try:
            check_bundle(folder, bundle, keys / "ours.pub")
        except Refused:
            return
        assert json.loads(bundle.read_bytes())["dsseEnvelope"]["payload"] == payload

    changed()


@pytest.mark.parametrize("content", ["", "garbage", "{}", "[]", "null", '{"verificationMaterial": {}}'])
def test_what_is_no_bundle_is_refused(content: str, folder: Path, keys: Path, tmp_path: Path) -> None:
    (tmp_path / "gelir.sig").write_text(content)
    with pytest.raises(Refused, match=r"gelir\.sig does not show"):
        check_bundle(folder, tmp_path / "gelir.sig", keys / "ours.pub")


def test_a_key_of_another_kind_is_named(folder: Path, keys: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"edwards\.pem") as caught:
        sign_folder(folder, tmp_path / "gelir.sig", key=keys / "edwards.pem")
    assert "openssl" in caught.value.hint
    sign_folder(folder, tmp_path / "gelir.sig", key=keys / "ours.pem")
    with pytest.raises(InvalidInput, match=r"edwards\.pub .*: it is none on an elliptic curve"):
        check_bundle(folder, tmp_path / "gelir.sig", keys / "edwards.pub")


@pytest.fixture
def no_net(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name of any host is known."""

    def unknown(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)


@pytest.mark.usefixtures("no_net")
def test_keys_need_no_net(folder: Path, keys: Path, tmp_path: Path) -> None:
    sign_folder(folder, tmp_path / "gelir.sig", key=keys / "ours.pem")
    check_bundle(folder, tmp_path / "gelir.sig", keys / "ours.pub")


@pytest.mark.usefixtures("no_net")
def test_without_a_net_the_server_that_is_not_reached_is_named(
    folder: Path, keys: Path, tmp_path: Path
) -> None:
    bundle = tmp_path / "gelir.sig"
    sign_folder(folder, bundle, key=keys / "ours.pem")
    somebody = Identity(name="ayse@example.org", issuer="https://accounts.example.org")
    with pytest.raises(
        ServerFailed, match=r"Sigstore's server \S+\.sigstore\.dev cannot be reached"
    ) as caught:
        check_bundle(folder, bundle, somebody)
    assert "--sigstore-key" in caught.value.hint
    with pytest.raises(ServerFailed, match="cannot be reached"):
        sign_folder(folder, tmp_path / "other.sig")


def test_nothing_is_written_over(folder: Path, keys: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "gelir.sig"
    bundle.write_text("mine")
    with pytest.raises(Conflict):
        sign_folder(folder, bundle, key=keys / "ours.pem")
    assert bundle.read_text() == "mine"
