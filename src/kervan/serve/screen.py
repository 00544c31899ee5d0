"""What somebody sees who starts a server in a terminal: who answers where, and every second how it does."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from kervan.core.plugins import plugin, plugins
from kervan.core.ports import Action
from kervan.core.shown import printable
from kervan.package.opening import told
from kervan.serve.metrics import spread_of
from kervan.serve.own import OwnPages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kervan.core.serving import Serving
    from kervan.serve.metrics import Counted

_SECOND = 1.0
_WINDOW = 5  # seconds of which rate and times are told
_ERASE = "\r\x1b[2K"
_OWN = {route.path for route in OwnPages.routes} | {"none"}


@dataclass(frozen=True, slots=True)
class Glance:
    """What a server had counted at a moment, without its own pages."""

    requests: int
    errors: int
    seconds: list[int]  # by bucket
    memory: int

    @classmethod
    def of(cls, counted: Iterable[Counted]) -> Glance:
        """Add up what its processes have counted."""
        all_ = list(counted)
        asked = [
            (status, many) for each in all_ for route, status, many in each.requests if route not in _OWN
        ]
        spread = spread_of(
            found for each in all_ for route, found in each.seconds.items() if route not in _OWN
        )
        return cls(
            requests=sum(many for _, many in asked),
            errors=sum(many for status, many in asked if status >= 500),
            seconds=spread.counts,
            memory=sum(each.process.memory for each in all_),
        )

    def since(self, before: Glance, seconds: float) -> str:
        """Say in one line what has happened since."""
        spread = spread_of(
            [([now - then for now, then in zip(self.seconds, before.seconds, strict=True)], 0.0)]
        )
        rate = (self.requests - before.requests) / seconds
        errors = f"{self.errors:,} error{'s' * (self.errors != 1)}"
        return (
            f"{rate:,.1f} requests/s · p50 {_time(spread.quantile(0.5))} · p99 {_time(spread.quantile(0.99))}"
            f" · {errors} · {self.memory / 1e6:,.0f} MB"
        )


class Screen:
    """A terminal: lines that stay, and below them one that changes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._line = ""
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def greet(self, serving: Serving, url: str, grpc_port: int | None) -> None:
        """Say who answers where."""
        self.say(printable(_banner(serving, url, grpc_port)))

    def watch(self, counts: Callable[[], Iterable[Counted]]) -> None:
        """From now on say how they do, by what they have counted."""
        self._thread = threading.Thread(target=self._watch, args=(counts,), name="kervan-screen", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Leave the terminal as it was found."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            self._show("")

    def say(self, text: str) -> None:
        """Write lines that stay."""
        with self._lock:
            self._write(f"{_ERASE if self._line else ''}{text}\n{self._line}")

    @contextmanager
    def of_others(self) -> Iterator[int]:
        """Give a descriptor to which other processes write their logs, of which warnings are shown."""
        reading, writing = os.pipe()
        reader = threading.Thread(target=self._read, args=(reading,), name="kervan-logs", daemon=True)
        reader.start()
        try:
            yield writing
        finally:
            os.close(writing)
            reader.join(1)

    def _read(self, descriptor: int) -> None:
        with open(descriptor, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    content = msgspec.json.decode(line, type=dict[str, Any])
                except msgspec.DecodeError:
                    self.say(printable(line.rstrip("\n")))
                    continue
                if content.get("log.level") != "info":
                    self.say(printable(f"{content.get('log.level')}: {content.get('message')}"))

    def _watch(self, counts: Callable[[], Iterable[Counted]]) -> None:
        seen = deque([Glance.of(counts())], maxlen=_WINDOW + 1)
        while not self._ended.wait(_SECOND):
            seen.append(Glance.of(counts()))
            with self._lock:
                self._show(seen[-1].since(seen[0], (len(seen) - 1) * _SECOND))

    def _show(self, line: str) -> None:
        """Write the line that changes, cut where the terminal ends."""
        try:
            columns = os.get_terminal_size(self._stream.fileno()).columns
        except OSError:
            columns = 0
        self._line = line[: (columns or 80) - 1]
        self._write(f"{_ERASE}{self._line}")

    def _write(self, text: str) -> None:
        with suppress(OSError):  # whoever watched has gone; the server goes on
            self._stream.write(text)
            self._stream.flush()


class _Lines(logging.Handler):
    """Shows what is logged, but for what the banner has said."""

    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self._screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.WARNING and not record.name.startswith("kervan"):
            return
        beside = [str(vars(record)[name]) for name in ("model", "reason") if vars(record).get(name)]
        level = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        self._screen.say(printable(f"{level}{': '.join([record.getMessage(), *beside])}"))


@contextmanager
def watching(stream: TextIO) -> Iterator[Screen]:
    """Show a server on a terminal, with what it logs."""
    screen = Screen(stream)
    logging.basicConfig(level=logging.INFO, handlers=[_Lines(screen)], force=True)
    try:
        yield screen
    finally:
        screen.close()


def _banner(serving: Serving, url: str, grpc_port: int | None) -> str:
    """Say who answers where, in which ways, and how that is closed."""
    models = [
        f"{manifest.name}@{manifest.version}"
        for package in (serving.package, *serving.others)
        if (manifest := told(Path(package))) is not None
    ]
    if serving.folder:
        models.append(f"what lies in {serving.folder}")
    processes = f" with {serving.workers} processes" if serving.workers > 1 else ""
    rows = {
        "models": ", ".join(models),
        "protocols": "\n            ".join(_ways(grpc_port)),
        "docs": f"{url}/docs",
        "keys": serving.keys or "off",
        "TLS": _tls(serving),
        "records": serving.records,
    }
    lines = [f"  {name:<9} {text}" for name, text in rows.items()]
    head = f"Kervan {version('kervan')} answers at {url}{processes}; Ctrl-C ends it"
    return "\n".join((head, *lines))


def _ways(grpc_port: int | None) -> list[str]:
    """Name each protocol with the shortest of its ways to a prediction."""
    found = []
    for name in plugins("protocol"):
        paths = [route.path for route in plugin("protocol", name).routes if route.action is Action.PREDICT]
        if paths:
            found.append(f"{name:<18} {min(paths, key=len)}")
    if grpc_port is not None:
        found.append(f"{'gRPC':<18} port {grpc_port}")
    return found


def _tls(serving: Serving) -> str:
    if serving.platform:
        return "by the platform in front"
    if serving.proxy:
        return f"by the proxy at {serving.proxy}"
    if not serving.certificate:
        return "off"
    return "on, and clients need a certificate" if serving.client_ca else "on"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"
