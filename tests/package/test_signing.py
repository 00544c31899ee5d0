from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kervan.core.errors import Corrupted, InvalidInput
from kervan.core.identity import sha256
from kervan.package.contents.signing import PAYLOAD_TYPE, SigningKey, check_signature, read_public_key

KEY = SigningKey(bytes(range(32)))
MANIFEST = '{"ad": "şehir"}\n'.encode()


def envelope(manifest: bytes = MANIFEST) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(KEY.sign(manifest))
    return found


@given(st.binary(max_size=300))
def test_what_is_signed_is_recognised_and_nothing_else(manifest: bytes) -> None:
    content = KEY.sign(manifest)
    assert check_signature(content, manifest) == KEY.signer
    with pytest.raises(Corrupted):
        check_signature(content, manifest + b" ")


@given(st.data())
def test_any_altered_byte_of_the_signature_is_refused(data: st.DataObject) -> None:
    content = KEY.sign(MANIFEST)
    place = data.draw(st.integers(0, len(content) - 1))
    altered = bytearray(content)
    altered[place] ^= data.draw(st.integers(1, 255))
    for wrong in (bytes(altered), content[:place], content + content[place:]):
        with pytest.raises(Corrupted, match=r"^here ") as caught:
            check_signature(wrong, MANIFEST, "here")
        assert caught.value.hint


@given(st.binary(max_size=200))
def test_what_is_no_signature_is_refused(content: bytes) -> None:
    with pytest.raises(Corrupted, match=r"^here is no signature"):
        check_signature(content, MANIFEST, "here")


@pytest.mark.parametrize("value", ["[" * 100_000, "{}", '{"signatures": []}', "null"])
def test_nearly_a_signature_is_refused_too(value: str) -> None:
    with pytest.raises(Corrupted, match="is no signature"):
        check_signature(value.encode(), MANIFEST)


def test_two_signatures_are_refused() -> None:
    told = envelope()
    told["signatures"] *= 2
    with pytest.raises(Corrupted, match="is no signature"):
        check_signature(json.dumps(told).encode(), MANIFEST)


def test_the_envelope_is_one_of_dsse() -> None:
    told = envelope()
    [signature] = told["signatures"]
    public = base64.b64decode(signature["publicKey"])
    assert told["payloadType"] == PAYLOAD_TYPE
    assert base64.b64decode(told["payload"]) == MANIFEST
    assert signature["keyid"] == sha256(public) == KEY.signer.key_id


def test_another_program_verifies_the_signature(tmp_path: Path) -> None:
    """OpenSSL over the pre-authentication encoding, written out as the specification of DSSE says."""
    told = envelope()
    kind = told["payloadType"]
    (tmp_path / "signed").write_bytes(f"DSSEv1 {len(kind)} {kind} {len(MANIFEST)} ".encode() + MANIFEST)
    (tmp_path / "signature").write_bytes(base64.b64decode(told["signatures"][0]["sig"]))
    (tmp_path / "key.pem").write_text(KEY.signer.public_key)
    command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "key.pem", "-in", "signed"]
    try:
        done = subprocess.run(
            [*command, "-sigfile", "signature"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        missing = pytest.fail if os.environ.get("KERVAN_REQUIRE_SERVICES") == "1" else pytest.skip
        missing("openssl is not installed: apt-get install openssl")
    assert "Verified Successfully" in done.stdout, done.stderr


def test_the_key_of_a_known_secret_is_the_one_of_the_standard() -> None:
    """RFC 8032, section 7.1, test 1."""
    secret = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    told = json.loads(SigningKey(secret).sign(b""))
    assert base64.b64decode(told["signatures"][0]["publicKey"]).hex().endswith(public)


def test_the_same_secret_signs_the_same_and_another_differs() -> None:
    assert SigningKey(bytes(range(32))).sign(MANIFEST) == KEY.sign(MANIFEST)
    assert SigningKey(bytes(32)).signer.key_id != KEY.signer.key_id
    with pytest.raises(InvalidInput, match="32 bytes, not 3"):
        SigningKey(b"abc")


def test_a_public_key_is_read_from_a_file_with_words_around_it() -> None:
    pem = KEY.signer.public_key.encode()
    assert read_public_key(pem, "k") == KEY.signer
    assert read_public_key(b"key 01ab\n" + pem + b"\n", "k") == KEY.signer


RSA = """-----BEGIN PUBLIC KEY-----
MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf
9Cnzj4p4WGeKLs1Pt8QuKUpRKfFLfRYC9AIKjbJTWit+CqvjWYzvQwECAwEAAQ==
-----END PUBLIC KEY-----
"""


@pytest.mark.parametrize("content", [b"", b"abc", RSA.encode(), KEY.signer.public_key.encode()[:60], b"\xff"])
def test_what_is_no_such_key_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"^here holds") as caught:
        read_public_key(content, "here")
    assert caught.value.hint


def test_a_signature_by_a_key_of_another_kind_is_refused() -> None:
    told = envelope()
    told["signatures"][0]["publicKey"] = "".join(RSA.splitlines()[1:-1])
    with pytest.raises(Corrupted, match="not one of Ed25519"):
        check_signature(json.dumps(told).encode(), MANIFEST)
