"""Servers in the foreground of a terminal, with one process or with several."""

from __future__ import annotations

import logging
import tempfile
from contextlib import nullcontext
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.core.serving import Plan, Serving

if TYPE_CHECKING:
    from kervan.serve.screen import Screen

_log = logging.getLogger("kervan.serve")


def answer(serving: Serving, screen: Screen | None = None) -> None:
    """Answer until SIGTERM or SIGINT, with as many processes as are wanted; must run in the main thread.

    `screen` is the terminal of somebody who watches. Raises what `kervan.serve.server.serve` raises.
    """
    if serving.workers > 1:
        _answer_with_many(serving, screen)
        return
    from kervan.serve.server import serve

    serve(serving, screen=screen)


def _answer_with_many(serving: Serving, screen: Screen | None) -> None:
    from kervan.deploy.kept import Kept
    from kervan.deploy.process import REPLICAS
    from kervan.deploy.supervisor import Supervisor
    from kervan.serve.sharing import read_counts

    told = {each.name: getattr(serving, each.name) for each in fields(Serving)}
    kept = Kept(**told, plan=Plan(workers=serving.workers))
    with (
        tempfile.TemporaryDirectory(prefix="kervan-") as scratch,
        screen.of_others() if screen else nullcontext() as log,
    ):
        supervisor = Supervisor(Path(scratch), kept, log=log)

        def on_ready() -> None:
            url = serving.url(supervisor.port)
            if screen is None:
                _log.info("serving", extra={"workers": serving.workers, "url": url})
                return
            screen.greet(serving, url, supervisor.grpc_port)
            screen.watch(lambda: read_counts(Path(scratch) / REPLICAS))

        supervisor.run(on_ready)
