"""Callers who go on asking an environment while a release goes its way."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from journeys.home import Home


class Callers:
    """Some connections over which one row is asked again and again."""

    def __init__(self, url: str, row: Mapping[str, Any], pause: float) -> None:
        place = urlsplit(url)
        self._address = (place.hostname or "", place.port or 0)
        self._body = json.dumps(row).encode()
        self._pause = pause
        self._stop = threading.Event()
        self.answers: list[tuple[float, str, str]] = []  # when it was asked, the version, the id
        self.failures: list[str] = []

    def keep_asking(self) -> None:
        connection = http.client.HTTPConnection(*self._address, timeout=30)
        while not self._stop.is_set():
            asked = time.monotonic()
            try:
                connection.request("POST", "/predict", self._body, {"content-type": "application/json"})
                reply = connection.getresponse()
                content = json.loads(reply.read())
                if reply.status == 200:
                    self.answers.append((asked, content["model"], content["id"]))
                else:
                    self.failures.append(f"{reply.status}: {content}")
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
            time.sleep(self._pause)
        connection.close()

    def since(self, moment: float) -> Counter[str]:
        """How often each version answered what was asked after a moment."""
        return Counter(version for asked, version, _ in self.answers if asked >= moment)

    def stop(self) -> None:
        self._stop.set()


@contextmanager
def calling(
    home: Home, row: Mapping[str, Any], many: int = 4, pause: float = 0.005, *, may_fail: bool = False
) -> Iterator[Callers]:
    """Keep asking the environment; at the end no request may have failed, unless some are to."""
    found = home.ask("releases", "--json").json
    url = next(each["endpoint"] for each in found if each["state"])
    callers = Callers(url, row, pause)
    threads = [threading.Thread(target=callers.keep_asking) for _ in range(many)]
    for each in threads:
        each.start()
    try:
        yield callers
    finally:
        callers.stop()
        for each in threads:
            each.join()
    assert may_fail or callers.failures == []
    assert callers.answers
