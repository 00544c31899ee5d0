"""Under which names a server answers, and from where connections are taken."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from kervan.core.access import read_network

if TYPE_CHECKING:
    import asyncio

    from kervan.core.serving import Serving
    from kervan.serve.tls import Certificates

_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class Hosts:
    """The hosts that a server answers for: its own address, the loopback's names, those of its certificate.

    Behind a proxy or a platform it is that which knows them, so there any host is right.
    """

    def __init__(self, serving: Serving, certificates: Certificates | None = None) -> None:
        self._host = serving.host.lower()
        self._certificates = certificates
        self.is_behind_proxy = bool(serving.proxy) or serving.platform

    def __contains__(self, name: str) -> bool:
        return self.is_behind_proxy or name in _LOCAL or name == self._host or self._is_certified(name)

    @property
    def example(self) -> str:
        """One of the hosts, to be told."""
        certified = sorted(self._certificates.names) if self._certificates else []
        return next((name for name in certified if not name.startswith("*")), self._host)

    def schemes(self, scheme: str) -> tuple[str, ...]:
        """Return how the addresses of our own pages may begin where a request came by `scheme`."""
        return ("https", "http") if self.is_behind_proxy else (scheme,)

    def _is_certified(self, name: str) -> bool:
        if self._certificates is None:
            return False
        names = self._certificates.names
        return name in names or f"*.{name.partition('.')[2]}" in names


def only_from(address: str, connection: type[Any]) -> type[Any]:
    """Return a kind of connection that is cut at once unless it comes from an address, or a network."""
    allowed = read_network(address)

    class FromProxy(connection):  # type: ignore[misc]
        """A connection of the proxy."""

        def connection_made(self, transport: asyncio.Transport) -> None:
            """Cut everybody else before a byte is read."""
            peer = transport.get_extra_info("peername")
            super().connection_made(transport)
            if not peer or plain_address(peer[0]) not in allowed:
                transport.abort()

    return FromProxy


def plain_address(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return an address in one form: IPv4 that came over IPv6 is IPv4."""
    found = ipaddress.ip_address(address.partition("%")[0])
    inner = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return inner or found
