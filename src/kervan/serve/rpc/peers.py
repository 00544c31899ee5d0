"""Who connects by gRPC, and the certificates that they are shown."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from kervan.core.errors import InvalidInput
from kervan.serve.address import plain_address
from kervan.serve.tls import Certificates

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    from kervan.core.serving import Serving

_log = logging.getLogger("kervan.serve")


def credentials_of(serving: Serving) -> Any:
    """Return what the server shows in a handshake: for each connection the files as they are then.

    Files that do not fit together, as while they are being replaced, leave what was read before.
    """
    import grpc

    def read() -> Any:
        Certificates(serving)  # raises for files that cannot be used
        authority = Path(serving.client_ca).read_bytes() if serving.client_ca else None
        pair = (Path(serving.certificate_key).read_bytes(), Path(serving.certificate).read_bytes())
        return grpc.ssl_server_certificate_configuration([pair], root_certificates=authority)

    def read_again() -> Any:
        try:
            return read()
        except (InvalidInput, OSError) as error:
            _log.error(f"the certificate before stays: {error}", extra={"error": error})
            return None

    return grpc.dynamic_ssl_server_credentials(
        read(), read_again, require_client_authentication=bool(serving.client_ca)
    )


def comes_from(network: IPv4Network | IPv6Network, peer: str) -> bool:
    """Say whether a peer, as gRPC names it, is in a network.

    >>> from ipaddress import ip_network
    >>> comes_from(ip_network("127.0.0.1"), "ipv4:127.0.0.1:4711")
    True
    >>> comes_from(ip_network("::1"), "ipv6:%5B::1%5D:4711"), comes_from(ip_network("::2"), "unix:")
    (True, False)
    """
    with suppress(ValueError):
        return plain_address(unquote(peer).partition(":")[2].rpartition(":")[0].strip("[]")) in network
    return False
