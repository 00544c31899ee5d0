"""The replicas of one server together: begun, changed all or none, replaced one by one, ended."""

from __future__ import annotations

import logging
import signal
import time
from typing import TYPE_CHECKING

from kervan.core.errors import ServerFailed
from kervan.core.locks import LOCK, is_held
from kervan.deploy.kept import must_roll
from kervan.deploy.replica import Replica

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from kervan.deploy.kept import Kept
    from kervan.deploy.replica import Means

STEP = 0.02
_SECONDS = 60.0  # in which a replica has to come up or to switch
_DRAIN_SECONDS = 15.0
_CLOSE_SECONDS = 2.0
_log = logging.getLogger("kervan.deploy")


def found_in(folder: Path, kept: Kept) -> list[Replica]:
    """Return the replicas that live in a folder, taken to answer for `kept`."""
    places = sorted(path.parent for path in folder.glob(f"*/{LOCK}"))
    return [Replica(place, kept) for place in places if is_held(place / LOCK)]


class Replicas:
    """Those in `folder`, started by `means`.

    Once `is_over` says so, nothing is waited for; `on_progress` hears of each that was replaced.
    """

    def __init__(
        self, folder: Path, means: Means, is_over: Callable[[], bool], on_progress: Callable[[], None]
    ) -> None:
        self.all: list[Replica] = []
        self._folder = folder
        self._means = means
        self._is_over = is_over
        self._on_progress = on_progress
        self._leaving: list[tuple[Replica, float]] = []

    @property
    def ready(self) -> int:
        """How many answer."""
        return sum(each.is_ready for each in self.all)

    @property
    def complaint(self) -> str:
        """Why some are not started again any more, or ""."""
        now = time.monotonic()
        gone = [each for each in self.all if each.has_died and each.patience.has_ended(now)]
        return f"{gone[0].reason}, again and again: it is not started any more" if gone else ""

    def adopt(self, found: Iterable[Replica]) -> None:
        """Look after replicas that live already."""
        for each in found:
            each.adopt()
            self.all.append(each)

    def grow(self, kept: Kept, count: int) -> list[Replica]:
        """Start replicas until there are so many, and return those; they are not ready yet."""
        fresh = []
        while len(self.all) < count:
            fresh.append(self._launch(kept))
            self.all.append(fresh[-1])
        return fresh

    def shrink(self, count: int) -> None:
        """Let the youngest go until so many are left; they answer what they were asked."""
        while len(self.all) > count:
            self._let_go(self.all.pop())

    def open(self, kept: Kept, count: int) -> None:
        """Start so many and wait until they answer. Raises `ServerFailed` with the first reason."""
        fresh = self.grow(kept, count)
        try:
            self._wait_for(fresh)
        except ServerFailed:
            for each in fresh:
                self.all.remove(each)
                self._let_go(each)
            raise

    def switch(self, before: Kept, after: Kept) -> None:
        """Let all answer for something else, or none.

        In place where that can be; one after the other, each only when the next is ready, where it must be.
        Raises `ServerFailed` with the first reason.
        """
        if not self.all:
            self.open(after, 1)
        elif must_roll(before, after):
            self._roll(before, after)
        else:
            self._tell_all(before, after)

    def _tell_all(self, before: Kept, after: Kept) -> None:
        try:
            self._hang_up(self.all, after)
            self._wait_for(self.all)
        except ServerFailed:
            self._hang_up(self.all, before)
            self._bring_back()
            raise

    def _hang_up(self, replicas: Iterable[Replica], kept: Kept) -> None:
        """Tell each what it is to answer for; one that is only starting begins again with that."""
        for each in replicas:
            if each.was_ready and each.is_alive:
                each.tell(kept, self._means)
                each.signal(signal.SIGHUP)
                continue
            each.signal(signal.SIGKILL)
            each.wait(0)
            each.kept = kept
            each.start(self._means)

    def _bring_back(self) -> None:
        """Wait until those that live answer for what they did before; one that cannot is started anew."""
        for each in self.all:
            try:
                self._wait_for([each])
            except ServerFailed:
                each.signal(signal.SIGKILL)

    def _roll(self, before: Kept, after: Kept) -> None:
        try:
            self._replace([each for each in self.all if each.kept is not after], after)
        except ServerFailed as error:
            try:
                self._replace([each for each in self.all if each.kept is after], before)
            except ServerFailed as other:
                raise ServerFailed(f"{error}; some did not go back: {other}", hint=error.hint) from error
            raise

    def _replace(self, old: Iterable[Replica], kept: Kept) -> None:
        for each in old:
            fresh = self._launch(kept)
            try:
                self._wait_for([fresh])
            except ServerFailed:
                self._let_go(fresh)
                raise
            self.all[self.all.index(each)] = fresh
            self._let_go(each)
            self._wait_until_closed(each)
            self._on_progress()

    def _wait_for(self, replicas: Iterable[Replica]) -> None:
        """Wait until each answers for what it was told; raise `ServerFailed` if one does not."""
        waiting = list(replicas)
        deadline = time.monotonic() + _SECONDS
        while waiting:
            self._tend([each for each in self.all if each not in waiting])
            for each in waiting:
                each.look(time.monotonic())
            for each in [each for each in waiting if each.has_tried or not each.is_alive]:
                if not each.is_ready:
                    raise ServerFailed(each.reason)
                waiting.remove(each)
            if waiting and self._is_over():
                raise ServerFailed("the replicas were told to end before they were ready")
            if waiting and time.monotonic() > deadline:
                raise ServerFailed(waiting[0].reason)
            if waiting:
                time.sleep(STEP)

    def _wait_until_closed(self, leaver: Replica) -> None:
        """Wait until callers come to the others alone, so that nobody meets what was replaced."""
        deadline = time.monotonic() + _CLOSE_SECONDS
        while leaver.lets_in and time.monotonic() < deadline:
            time.sleep(STEP)

    def tend(self) -> None:
        """Start the dead again, each time a little later, and see off those that leave."""
        self._tend(self.all)

    def _tend(self, replicas: Iterable[Replica]) -> None:
        now = time.monotonic()
        for each in replicas:
            if each.look(now):
                _log.error("a replica died", extra={"replica": each.folder.name, "exit": each.exit})
                if each.patience.has_ended(now):
                    _log.error(self.complaint, extra={"replica": each.folder.name})
            if each.has_died and now >= each.patience.until and not each.patience.has_ended(now):
                each.start(self._means)
        for leaver, deadline in list(self._leaving):
            if leaver.is_alive and now > deadline:
                leaver.signal(signal.SIGKILL)
            elif not leaver.is_alive:
                leaver.forget()
                self._leaving.remove((leaver, deadline))

    def close(self) -> None:
        """End all: what they were asked is answered, what waits to be written is written."""
        self.shrink(0)
        for each, deadline in self._leaving:
            each.wait(max(deadline - time.monotonic(), 0))
            each.forget()
        self._leaving.clear()

    def _launch(self, kept: Kept) -> Replica:
        used = {each.folder.name for each in (*self.all, *(leaver for leaver, _ in self._leaving))}
        place = next(each for each in range(len(used) + 1) if str(each) not in used)
        fresh = Replica(self._folder / str(place), kept)
        fresh.start(self._means)
        return fresh

    def _let_go(self, replica: Replica) -> None:
        replica.signal(signal.SIGTERM)
        self._leaving.append((replica, time.monotonic() + _DRAIN_SECONDS))
