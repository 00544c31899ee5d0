"""Processes that compute steps: each a fork of one that has loaded what training takes long to load."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, SpawnContext

_LOADED = (
    "kervan.flow.worker",
    "sklearn.compose",
    "sklearn.ensemble",
    "sklearn.impute",
    "sklearn.linear_model",
    "sklearn.neighbors",
    "sklearn.pipeline",
    "sklearn.tree",
    "threadpoolctl",
)  # none of which starts a thread that a fork would miss
_THREADS = "OMP_NUM_THREADS"
_THREAD_SETTINGS = (_THREADS, "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")


def processes() -> ForkServerContext | SpawnContext:
    """Return how processes are started: by a server that forks itself, where forks are safe."""
    if sys.platform != "linux":
        return get_context("spawn")
    found = get_context("forkserver")
    found.set_forkserver_preload(list(_LOADED))
    return found


def surroundings(threads: int) -> dict[str, str]:
    """Return the environment of a process with a share of the cores, where the user names no other."""
    return {**dict.fromkeys(_THREAD_SETTINGS, str(threads)), **os.environ}


def start_worker(environment: Mapping[str, str]) -> None:
    """Prepare a process: its environment, its share of the cores, and an end when the parent was killed.

    Ctrl-C reaches all processes of a terminal: a worker ends without a word, as its parent says what is next.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.environ.clear()  # that of the server which was forked may be older
    os.environ.update(environment)
    if "threadpoolctl" in sys.modules:  # what is loaded already has counted its threads
        sys.modules["threadpoolctl"].threadpool_limits(int(environment[_THREADS].partition(",")[0]))
    threading.Thread(target=_leave_with_parent, daemon=True).start()


@contextmanager
def without_main() -> Iterator[None]:
    """Let workers that start meanwhile leave the user's script alone.

    A new process would run the script again from its top, and no step that it computes is in there.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _leave_with_parent() -> None:
    # A worker that computes, or waits for work, does not notice that its parent was killed.
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
