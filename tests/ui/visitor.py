"""Somebody who visits the site: over real sockets, by its forms, or as a program that wants JSON."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from kervan.core.sockets import listen
from kervan.ui.server import Server
from kervan.ui.site import Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TOKEN = re.compile(r'name="token" value="([0-9a-f]{64})"')


@dataclass
class Visitor:
    """Visits the site at an address; cookies are kept as a browser keeps them."""

    address: str
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=self.address, headers={"accept": "text/html"}, timeout=60)

    def get(self, path: str, *, status: int = 200, language: str = "en") -> str:
        """Return a page; its status must be the one that is expected."""
        found = self.client.get(path, headers={"accept-language": language})
        assert found.status_code == status, found.text
        return found.text

    def json(self, path: str, *, status: int = 200) -> Any:
        """Return what a page shows, as programs get it."""
        found = self.client.get(path, headers={"accept": "application/json"})
        assert found.status_code == status, found.text
        return found.json()

    def post(self, path: str, *, status: int = 200, files: Any = None, **fields: Any) -> str:
        """Press a button of a page; where it leads is followed."""
        data = {"token": self.token(), **fields}
        found = self.client.post(path, data=data, files=files, follow_redirects=True)
        assert found.status_code == status, found.text
        return found.text

    def token(self) -> str:
        """Return what forms carry for this visitor."""
        token = _TOKEN.search(self.client.get("/begin").text)
        assert token, "no page has the token"
        return token[1]

    def tell(self, path: str, *, status: int = 200, **fields: Any) -> Any:
        """Do the same as a program."""
        found = self.client.post(path, json=fields, headers={"accept": "application/json"})
        assert found.status_code == status, found.text
        return found.json()


@contextmanager
def visiting(folder: Path) -> Iterator[Visitor]:
    """Show the project in a folder on a free port, for a visitor."""
    door = listen("127.0.0.1", 0)
    port = door.getsockname()[1]
    is_ready = threading.Event()
    server = Server(Site(folder, port), is_ready.set)
    thread = threading.Thread(target=server.run, args=([door],))
    thread.start()
    assert is_ready.wait(20)
    visitor = Visitor(f"http://127.0.0.1:{port}")
    try:
        yield visitor
    finally:
        visitor.client.close()
        server.should_exit = True
        thread.join(20)
        door.close()
