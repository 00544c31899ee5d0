"""A project opened: its settings, its store, and who is told how work gets on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kervan.core.config import Config
from kervan.core.loading import find_folder, load_config
from kervan.core.plugins import extras_named
from kervan.core.workspace import workspace_of

if TYPE_CHECKING:
    from kervan.core.nouns import Finding

_FIRST_SIGNS = (2.0, 5.0, 15.0)  # seconds
_LONGEST_SILENCE = 300.0  # seconds
_FEW = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One thing on the way: done in so many seconds, known from before, or (None) only to be told."""

    name: str
    detail: str
    seconds: float | None
    cached: bool = False

    @property
    def text(self) -> str:
        """One line for people."""
        took = "known" if self.cached else "" if self.seconds is None else f"{self.seconds:.1f} s"
        return f"{self.name:<28} {took:>7}  {self.detail}"


Observer = Callable[[Stage], None]

with extras_named():
    from kervan.store.open import Store


def signs() -> Iterator[float]:
    """Yield after how many seconds long work tells that it goes on: 2, 5, 15, 30, 60, … and every 5 minutes.

    >>> from itertools import islice
    >>> list(islice(signs(), 9))
    [2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 240.0, 480.0, 780.0]
    """
    yield from _FIRST_SIGNS
    seconds = _FIRST_SIGNS[-1]
    while True:
        seconds += min(seconds, _LONGEST_SILENCE)
        yield seconds


def _nobody(_stage: Stage) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What every action works on."""

    config: Config
    store: Store
    observe: Observer = _nobody

    def with_settings(self, **tables: Any) -> Project:
        """Return the project with some tables of its settings replaced."""
        return replace(self, config=replace(self.config, **tables))

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[str], None]]:
        """Time a stage and tell the observer when it ends, and that it goes on where that takes long.

        The body gives the detail to show.
        """
        started = time.monotonic()
        detail: list[str] = []
        with self.alive(name):
            yield detail.append
        seconds = time.monotonic() - started
        self.observe(Stage(name=name, detail=" ".join(detail), seconds=seconds))

    @contextmanager
    def alive(self, name: str) -> Iterator[None]:
        """Tell that long work still goes on: soon at first, then more seldom, so that no log is flooded."""
        done = threading.Event()

        def tell() -> None:
            started = time.monotonic()
            for seconds in signs():
                if done.wait(started + seconds - time.monotonic()):
                    return
                self.remark(name, f"still at work after {seconds:.0f} s")

        thread = threading.Thread(target=tell, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def remark_all(self, name: str, findings: Iterable[Finding], *, where: str) -> None:
        """Tell what was found, but of many findings of one rule the first, and where to read the others."""
        by_rule: dict[str, list[Finding]] = {}
        for finding in findings:
            by_rule.setdefault(finding.rule, []).append(finding)
        for found in by_rule.values():
            shown = found if len(found) <= _FEW else found[:1]
            for finding in shown:
                self.remark(name, finding.advice)
            if left := len(found) - len(shown):
                self.remark(name, f"and {left:,} like it: {where}")

    def remark(self, name: str, detail: str) -> None:
        """Tell the observer something that is worth knowing."""
        self.observe(Stage(name=name, detail=detail, seconds=None))

    def known(self, name: str, detail: str) -> None:
        """Tell the observer that nothing had to be done."""
        self.observe(Stage(name=name, detail=detail, seconds=0.0, cached=True))


def unread_project(folder: Path) -> Project:
    """Open a folder as it would be without any settings, such as one in which there is no project yet."""
    config = Config(folder=folder)
    return Project(config=config, store=Store(workspace_of(config)))


def open_project(
    folder: Path | None = None, *, flags: Mapping[str, Any] | None = None, observe: Observer = _nobody
) -> Project:
    """Open the project in `folder`, or the one around the current folder. Nothing is written yet."""
    place = find_folder(Path.cwd()) if folder is None else folder
    config = load_config(place, flags=flags)
    return Project(config=config, store=Store(workspace_of(config)), observe=observe)
