"""Shows the site on this machine until it is told to stop."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import uvicorn

from kervan.core.access import is_loopback
from kervan.core.errors import Refused, ServerFailed
from kervan.core.sockets import listen
from kervan.ui.site import Site

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

PORT = 7867
_GRACE = 2  # seconds for what is being answered
_OTHERS = 20  # ports after the usual one that are tried


def serve(folder: Path, *, host: str, port: int | None, ready: Callable[[str], None]) -> None:
    """Show the project in a folder; `ready` is told the address. Without a port a free one is taken."""
    if not is_loopback(host):
        raise Refused(
            f"the site has no login, and {host!r} would open it to other machines",
            hint="from another machine: ssh -L 7867:127.0.0.1:7867 THIS-MACHINE, then open http://127.0.0.1:7867",
        )
    with _door(host, port) as door:
        number = door.getsockname()[1]
        server = Server(Site(folder, number), lambda: ready(_address(host, number)))
        server.run([door])


class Server(uvicorn.Server):
    """Answers for a site; tells when it listens, and lets live pages end when it is stopped."""

    def __init__(self, site: Site, ready: Callable[[], None]) -> None:
        config = uvicorn.Config(
            site.app(),
            log_level="warning",
            access_log=False,
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=_GRACE,
        )
        super().__init__(config)
        self._site, self._ready = site, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End."""
        self._site.close()
        await super().shutdown(sockets)


def _door(host: str, port: int | None) -> socket.socket:
    """Return a socket that listens: at the port that is wanted, or at a free one from the usual on."""
    if port is not None:
        return listen(host, port)
    for number in range(PORT, PORT + _OTHERS):
        with suppress(ServerFailed):
            return listen(host, number)
    return listen(host, 0)


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
