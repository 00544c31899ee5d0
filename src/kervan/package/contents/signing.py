"""`signature.json`: who made a package. Ed25519 (RFC 8032) over the exact bytes of the manifest.

The file is a DSSE envelope (https://github.com/secure-systems-lab/dsse, version 1) with the public key
beside the signature. Everything in it has one spelling only: any other is refused.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from kervan.core.errors import Corrupted, InvalidInput
from kervan.core.identity import sha256

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FILE_NAME = "signature.json"
PAYLOAD_TYPE = "application/vnd.kervan.manifest+json"
_SEED = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Whose signature it is: the public key as PEM, and the SHA-256 of its DER form."""

    key_id: str
    public_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signature:
    keyid: str
    sig: str
    publicKey: str  # noqa: N815 - as the envelope spells its own names


@dataclass(frozen=True, slots=True, kw_only=True)
class _Envelope:
    payloadType: str  # noqa: N815 - the name that DSSE gives it
    payload: str
    signatures: tuple[_Signature]


class SigningKey:
    """A private key, made from a secret of 32 bytes: the same secret gives the same key."""

    def __init__(self, seed: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if len(seed) != _SEED:
            raise InvalidInput(f"a signing key is made from {_SEED} bytes, not {len(seed)}")
        self._private = Ed25519PrivateKey.from_private_bytes(seed)

    @property
    def signer(self) -> Signer:
        """Whose signature this key gives."""
        return _signer(self._private.public_key())

    def sign(self, manifest: bytes) -> bytes:
        """Return the content of `signature.json` for the bytes of a manifest."""
        signature = self._private.sign(_authenticated(manifest))
        return _envelope(self._private.public_key(), signature, manifest)


def check_signature(content: bytes, manifest: bytes, place: str = FILE_NAME) -> Signer:
    """Return who signed the bytes of a manifest, or raise `Corrupted` that names the place."""
    from cryptography.exceptions import InvalidSignature

    hint = "fetch the package again"
    try:
        public, signature = _read(content)
        public.verify(signature, _authenticated(manifest))
    except InvalidSignature as error:
        raise Corrupted(f"{place} does not sign this manifest", hint=hint) from error
    except (ValueError, RecursionError) as error:
        raise Corrupted(f"{place} is no signature: {error}", hint=hint) from error
    if _envelope(public, signature, manifest) != content:
        raise Corrupted(f"{place} is not as it was written", hint=hint)
    return _signer(public)


def read_public_key(content: bytes, place: str) -> Signer:
    """Read a public key as PEM, such as `kervan package key` prints it.

    Raises `InvalidInput` that names the place.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    hint = "give the file that `kervan package key` printed where the package was made"
    try:
        public = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidInput(f"{place} holds no public key", hint=hint) from error
    if not isinstance(public, Ed25519PublicKey):
        raise InvalidInput(f"{place} holds a public key of another kind than Ed25519", hint=hint)
    return _signer(public)


def _authenticated(manifest: bytes) -> bytes:
    """Return what is signed: DSSE's pre-authentication encoding of the payload and its type."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(manifest), manifest)


def _signer(public: Ed25519PublicKey) -> Signer:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return Signer(key_id=sha256(_der(public)), public_key=pem)


def _der(public: Ed25519PublicKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _envelope(public: Ed25519PublicKey, signature: bytes, manifest: bytes) -> bytes:
    one = _Signature(keyid=_signer(public).key_id, sig=_base64(signature), publicKey=_base64(_der(public)))
    envelope = _Envelope(payloadType=PAYLOAD_TYPE, payload=_base64(manifest), signatures=(one,))
    return msgspec.json.format(msgspec.json.encode(envelope)) + b"\n"


def _read(content: bytes) -> tuple[Ed25519PublicKey, bytes]:
    """Return the public key and the signature of an envelope, or raise `ValueError`."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    [signature] = msgspec.json.decode(content, type=_Envelope).signatures
    try:
        public = load_der_public_key(base64.b64decode(signature.publicKey, validate=True))
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from error
    if isinstance(public, Ed25519PublicKey):
        return public, base64.b64decode(signature.sig, validate=True)
    raise ValueError("its key is not one of Ed25519")
