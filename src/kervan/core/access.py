"""What a key to a server lets its holder do, how often, how long: as people write it, as servers read it."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, fields
from typing import Any

from kervan.core.errors import InvalidInput, Refused, did_you_mean
from kervan.core.identity import check_name

ACCESS_FILE = "access.json"
FORM = 1  # of that file
SCOPES = ("predict", "feedback", "metrics", "control", "docs")
OF_A_MODEL = ("predict", "feedback")
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_RATE = re.compile(r"([1-9][0-9]{0,8})/(?:([1-9][0-9]{0,4}) ?)?(second|minute|hour|day)s?", re.ASCII)
_SPAN = re.compile(r"(0|[1-9][0-9]{0,5})([smhdw])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """How a server is closed: files with keys and for TLS, and the one address that may connect.

    `keys` is the file that `kervan key` writes, `rate` how often a key without a rate of its own may ask.
    With `client_ca` a client needs a certificate that this authority signed. `proxy` is the address of a
    proxy that brings TLS, or the network of such: nobody else may connect. With `platform` a platform in
    front brings TLS and lets in only who may ask, and no key is asked for. What is "" is not there.
    """

    keys: str = ""
    rate: str = ""
    certificate: str = ""
    certificate_key: str = ""
    client_ca: str = ""
    proxy: str = ""
    platform: bool = False

    @property
    def closed(self) -> dict[str, Any]:
        """What there is of all this, by name: two servers are closed alike if it is the same."""
        found = {entry.name: getattr(self, entry.name) for entry in fields(Doors)}
        return {name: value for name, value in found.items() if value}


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in so many seconds."""

    count: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """What opens a door until a time, or as long as its key: the SHA-256 of a secret that nobody keeps."""

    sha256: str
    until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A key as the servers know it; `expires` is in seconds since 1970."""

    id: str
    scopes: tuple[str, ...]
    secrets: tuple[Secret, ...]
    rate: str = ""
    expires: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """What the file says that the servers read."""

    version: int = FORM
    keys: tuple[Grant, ...] = ()


def read_scope(text: str) -> str:
    """Return a scope as it is compared: one of `SCOPES`, those for rows also for one model alone.

    >>> read_scope("predict:income")
    'predict:income'
    """
    scope, colon, model = text.partition(":")
    if scope not in SCOPES:
        raise InvalidInput(f"there is no scope {scope!r}", hint=did_you_mean(scope, SCOPES))
    if not colon:
        return scope
    if scope not in OF_A_MODEL:
        raise InvalidInput(f"{scope} is not given for one model: {text!r}", hint=f"write {scope}")
    return f"{scope}:{check_name(model, 'a model')}"


def read_rate(text: str) -> Rate:
    """Read how often a key may be used.

    >>> read_rate("100/minute"), read_rate("5/10 seconds")
    (Rate(count=100, seconds=60), Rate(count=5, seconds=10))
    """
    match = _RATE.fullmatch(text.strip())
    if match is None:
        raise InvalidInput(f"{text!r} is not a rate", hint="write 100/minute, 5/second or 1000/2 hours")
    return Rate(int(match[1]), int(match[2] or 1) * _UNITS[match[3]])


def read_span(text: str) -> float:
    """Read a length of time, and return its seconds.

    >>> read_span("90d"), read_span("1h")
    (7776000.0, 3600.0)
    """
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        raise InvalidInput(f"{text!r} is not a length of time", hint="write 90d, 12w, 1h, 30m or 45s")
    return float(int(match[1]) * _SECONDS[match[2]])


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach a server on `host`.

    >>> is_loopback("127.0.0.1"), is_loopback("0.0.0.0")
    (True, False)
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_doors(host: str, doors: Doors) -> None:
    """Raise `Refused` for open doors that others can reach, `InvalidInput` for those that cannot be."""
    if bool(doors.certificate) != bool(doors.certificate_key):
        missing = "certificate_key" if doors.certificate else "certificate"
        raise InvalidInput(f"TLS needs a certificate and its key: {missing} is missing", hint="give both")
    if doors.client_ca and not doors.certificate:
        raise InvalidInput(
            "clients show certificates only over TLS", hint="give certificate and certificate_key"
        )
    if doors.rate:
        read_rate(doors.rate)
    if doors.proxy:
        read_network(doors.proxy)
    if doors.platform or (is_loopback(host) and not doors.proxy):
        return
    where = f"{host!r} behind a proxy" if doors.proxy else repr(host)
    if not doors.keys:
        raise Refused(
            f"serving on {where} opens the model to other machines, and there are no keys",
            hint="make keys with `kervan key create`, and name their file: --keys .kervan/access.json",
        )
    if not doors.certificate and not doors.proxy:
        raise Refused(
            f"serving on {host!r} would send keys and rows over the network for all to read",
            hint="give --cert and --cert-key, or a proxy that brings TLS: --behind-proxy 10.0.0.5",
        )


def read_network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Read from where a proxy connects: its address, or the network of all that may.

    >>> read_network("10.0.0.5"), read_network("10.0.0.0/8")
    (IPv4Network('10.0.0.5/32'), IPv4Network('10.0.0.0/8'))
    """
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        hint = "write the address from which it connects, such as 10.0.0.5, or a network: 10.0.0.0/8"
        raise InvalidInput(f"{text!r} is not a proxy's address", hint=hint) from error
