"""Which adapter fetches a table, what it is asked, and what people hear of it meanwhile."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from kervan.core.config import DataSettings
from kervan.core.errors import BrokenPlugin, InvalidConfig, InvalidInput, KervanError, MissingExtra
from kervan.core.fetching import TableRequest
from kervan.core.plugins import plugins

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kervan.core.fetching import Tell
    from kervan.core.ports import Connector

_FIRST, _NEXT = 2.0, 5.0  # seconds


class Seldom:
    """Tells how far something is: after two seconds, and then every five."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._due = time.monotonic() + _FIRST

    def __call__(self, text: str) -> None:
        """Pass a text on if it is time."""
        now = time.monotonic()
        if now >= self._due:
            self._due = now + _NEXT
            self._tell(text)


def request_of(location: str, folder: Path, settings: DataSettings | None) -> TableRequest:
    """Return what is asked of the connector for `location`, or raise `InvalidConfig`."""
    if not location:
        raise InvalidConfig("no data source is set", hint='say in `[data]`: source = "table.csv"')
    wanted = settings or DataSettings()
    if wanted.source not in {"", location}:  # they speak of another table
        wanted = DataSettings()
    return TableRequest.of(replace(wanted, source=location), folder)


def find_connector(location: str, own: Sequence[Connector] = ()) -> Connector:
    """Return the adapter that fetches from `location`, or raise `InvalidInput` that lists what can be named.

    Adapters are loaded one after the other, ours first; before them, those that a project brings are asked.
    """
    brought = next((each for each in own if each.accepts(location)), None)
    if brought is not None:
        return brought
    broken: list[str] = []
    for row in plugins("connector").values():
        try:
            connector: Connector = row.load()
        except BrokenPlugin as error:
            broken.append(str(error))
            continue
        if connector.accepts(location):
            return connector
    scheme = location.partition("://")[0]
    raise InvalidInput(
        "; ".join([f"nothing here fetches from {scheme}://", *broken]),
        hint=f"known: {', '.join(plugins('connector'))}; others come as plug-ins",
    )


@contextmanager
def hidden(request: TableRequest) -> Iterator[None]:
    """Take what the environment filled in out of errors: libraries repeat addresses and logins.

    The library's own error goes with it where there is a secret, since notebooks show that too.
    """
    try:
        yield
    except KervanError as error:
        message, hint = request.shown(str(error)), request.shown(error.hint)
        if request.location == request.source or isinstance(error, InvalidConfig | MissingExtra):
            raise
        safe = KervanError.__new__(type(error))
        KervanError.__init__(safe, message, hint=hint)
        raise safe from None
