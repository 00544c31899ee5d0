"""Sigstore bundles over whole packages, as `model_signing` of OpenSSF writes and verifies them.

A bundle lies beside a package: its statement names every file of the folder, so that people who do not have
Kervan verify it with `model_signing verify` too (https://github.com/sigstore/model-transparency).
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from json import JSONDecodeError
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kervan.core.errors import Conflict, InvalidInput, Refused, ServerFailed, StorageFailed
from kervan.core.plugins import extras_named

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Somebody whom Sigstore's certificates name: an address or a workflow, and who vouched for it."""

    name: str
    issuer: str


def sign_folder(folder: Path, bundle: Path, *, key: Path | None = None, password: str | None = None) -> None:
    """Write a bundle over the files of a folder into a new file.

    With `key`, the file of a private key on an elliptic curve as PEM, nobody is asked. Without one Sigstore
    certifies who signs: by what a machine of continuous integration says of itself, else in the browser; the
    signature is then on Sigstore's public record. Raises `Conflict` if the file exists, `InvalidInput` for a
    key that cannot be used, and `ServerFailed` if Sigstore cannot be reached or does not certify.
    """
    if bundle.exists() or bundle.is_symlink():
        raise Conflict(f"{bundle} exists already", hint="choose another name")
    with extras_named():
        from model_signing.signing import Config

    config = Config()
    with _online():
        if key is None:
            config.use_sigstore_signer(use_ambient_credentials=True)
        else:
            with _key_named(key):
                # The library hands it on to one that wants bytes.
                secret: Any = None if password is None else password.encode()
                config.use_elliptic_key_signer(private_key=key, password=secret)
        try:
            with tempfile.TemporaryDirectory(prefix=f".{bundle.name}.", dir=bundle.parent) as scratch:
                config.sign(folder, Path(scratch) / bundle.name)
                (Path(scratch) / bundle.name).rename(bundle)
        except OSError as error:
            raise StorageFailed(f"cannot write {bundle}: {error.strerror}") from error


def check_bundle(folder: Path, bundle: Path, signer: Path | Identity) -> None:
    """Check that the files of a folder were signed by the owner of a public key (its file), or an identity.

    Raises `Refused` if the bundle does not show that, `InvalidInput` for a key that cannot be used, and
    `ServerFailed` if Sigstore has to be asked for its keys and cannot be reached.
    """
    with extras_named():
        from cryptography.exceptions import InvalidSignature
        from model_signing.verifying import Config
        from sigstore.errors import Error

    config = Config()
    if isinstance(signer, Identity):
        with _online():
            config.use_sigstore_verifier(identity=signer.name, oidc_issuer=signer.issuer)
    else:
        with _key_named(signer):
            config.use_elliptic_key_verifier(public_key=signer)
    # What a bundle lacks or holds in its place, the library meets with any of these.
    broken = (ValueError, LookupError, AttributeError, TypeError, InvalidSignature, Error)
    try:
        config.verify(folder, bundle)
    except broken as error:
        is_told = isinstance(error, ValueError | Error) and not isinstance(error, JSONDecodeError)
        reason = str(error) if is_told else "it is no Sigstore bundle, or a broken one"
        whose = signer.name if isinstance(signer, Identity) else f"the owner of {signer}"
        raise Refused(
            f"{bundle} does not show that {whose} signed this package: {reason}",
            hint="ask whoever gave it to you for the package and its bundle again",
        ) from error


@contextmanager
def _key_named(key: Path) -> Iterator[None]:
    """Turn what the libraries say of a key that they cannot use into an error that names its file."""
    try:
        yield
    except (ValueError, TypeError, AttributeError) as error:
        # It asks a key for its curve before it looks at the kind.
        why = "it is none on an elliptic curve" if isinstance(error, AttributeError) else str(error)
        raise InvalidInput(
            f"{key} holds no key that can be used here: {why}",
            hint="make one: openssl ecparam -name prime256v1 -genkey -noout -out key.pem",
        ) from error


@contextmanager
def _online() -> Iterator[None]:
    """Turn what Sigstore's client says of the net or of its services into an error that helps."""
    from sigstore.errors import Error

    try:
        yield
    except Error as error:
        host = _unreached(error)
        raise ServerFailed(
            f"Sigstore's server {host} cannot be reached" if host else f"Sigstore cannot be asked: {error}",
            hint="try again with the net; keys of your own need none, neither to sign (--key) nor to check "
            "what they signed (--sigstore-key)",
        ) from error


def _unreached(error: BaseException) -> str:
    """Return the host whose silence made the client fail, "" if it was something else."""
    from urllib3.exceptions import MaxRetryError

    reason: BaseException | None = error
    while reason is not None:
        if isinstance(reason, MaxRetryError):
            return str(getattr(reason.pool, "host", ""))
        reason = reason.__cause__ or reason.__context__
    return ""
