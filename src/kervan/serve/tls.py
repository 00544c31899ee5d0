"""TLS: the server's certificate, read again when its files change: new connections get the new one."""

from __future__ import annotations

import logging
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from kervan.core.errors import InvalidInput

if TYPE_CHECKING:
    from kervan.core.access import Doors

_log = logging.getLogger("kervan.serve")
_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What was in the files when they had this stamp; what the certificate is for, and until when."""

    context: ssl.SSLContext
    names: frozenset[str]
    ends: float
    stamp: tuple[tuple[int, ...], ...]


class Certificates:
    """What a server shows in a handshake. Raises `InvalidInput` for files that cannot be used.

    A pair of files that is being replaced does not fit together for an instant: what was read before stays
    until both fit.
    """

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._loaded = self._load()
        self._failed: tuple[tuple[int, ...], ...] | None = None
        self._next_look = time.monotonic() + _LOOK_SECONDS
        self.context = self._loaded.context
        self.context.sni_callback = self._choose

    @property
    def names(self) -> frozenset[str]:
        """The hosts that the certificate is for, in lower case; `*.` begins one for all hosts of a domain."""
        return self._loaded.names

    @property
    def ends(self) -> float:
        """When the certificate expires, in seconds since 1970."""
        return self._loaded.ends

    def _choose(self, connection: ssl.SSLSocket | ssl.SSLObject, *_: object) -> None:
        """Give a new connection the newest certificate."""
        if time.monotonic() >= self._next_look:
            self._look()
        connection.context = self._loaded.context

    def _look(self) -> None:
        self._next_look = time.monotonic() + _LOOK_SECONDS
        stamp = self._stamp()
        if stamp in {self._loaded.stamp, self._failed}:
            return
        try:
            self._loaded = self._load()
            self._failed = None
            _log.info("new certificate", extra={"certificate": sorted(self._loaded.names)})
        except InvalidInput as error:
            self._failed = stamp
            _log.error(f"the certificate before stays: {error}", extra={"error": error})

    def _files(self) -> list[Path]:
        named = (self._doors.certificate, self._doors.certificate_key, self._doors.client_ca)
        return [Path(name) for name in named if name]

    def _stamp(self) -> tuple[tuple[int, ...], ...]:
        return tuple(_stamp_of(file) for file in self._files())

    def _load(self) -> _Loaded:
        stamp = self._stamp()  # before reading: what changes meanwhile is read again
        certificate, key = self._files()[:2]
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(certificate, key, password=_no_password)
        except (ssl.SSLError, OSError) as error:
            raise _unusable(f"{certificate} and {key}", error) from error
        if self._doors.client_ca:
            _ask_for_certificates(context, Path(self._doors.client_ca))
        return _Loaded(context, *_read(certificate), stamp)


def _ask_for_certificates(context: ssl.SSLContext, authority: Path) -> None:
    """Let nobody in without a certificate that an authority signed, and let nobody resume what it allowed."""
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    try:
        context.load_verify_locations(authority)
    except (ssl.SSLError, OSError) as error:
        raise _unusable(str(authority), error) from error


def _read(certificate: Path) -> tuple[frozenset[str], float]:
    """Return the hosts that a certificate is for, and when it expires."""
    from cryptography import x509

    try:
        first = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
        named = first.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound as error:
        hint = "browsers and programs want them as subjectAltName"
        raise InvalidInput(f"{certificate} names no hosts", hint=hint) from error
    except (ValueError, OSError) as error:
        raise _unusable(str(certificate), error) from error
    hosts = (str(name).lower() for name in named.get_values_for_type(x509.DNSName))
    addresses = (str(address) for address in named.get_values_for_type(x509.IPAddress))
    return frozenset({*hosts, *addresses}), first.not_valid_after_utc.timestamp()


def _stamp_of(file: Path) -> tuple[int, ...]:
    try:
        stat = file.stat()  # follows links, by which Kubernetes and certbot replace certificates
    except OSError as error:
        return (-(error.errno or 1),)
    return stat.st_ino, stat.st_mtime_ns, stat.st_size, stat.st_dev


def _no_password() -> NoReturn:
    raise InvalidInput(
        "the certificate's key has a password", hint="a server cannot ask for it: keep it without"
    )


def _unusable(what: str, error: Exception) -> InvalidInput:
    reason = error.strerror if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else error
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or str(error)).replace("_", " ").lower()
    hint = "give a certificate with those above it, and its key, as PEM files that belong together"
    return InvalidInput(f"{what} cannot be used for TLS: {reason}", hint=hint)
