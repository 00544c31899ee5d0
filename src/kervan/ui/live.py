"""Parts of a page that change by themselves: sent again, as server-sent events, whenever they do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from kervan.ui.page import Page
from kervan.ui.render import render_block
from kervan.ui.reply import context_of, log_bug

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from kervan.ui.reply import Asker

OVER = "over"
_SECONDS = 1.0
_QUIET = 20  # looks after which a sign of life is sent
_FAILED = 5  # looks in a row that may fail before nothing more is sent


def stream(
    first: Page, look: Callable[[], Page], asker: Asker, is_closing: asyncio.Event
) -> StreamingResponse:
    """Send the block `live` of a page whenever it has changed, until it is over or the site closes."""
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(
        _events(first, look, asker, is_closing), media_type="text/event-stream", headers=headers
    )


async def _events(
    first: Page, look: Callable[[], Page], asker: Asker, is_closing: asyncio.Event
) -> AsyncIterator[str]:
    last, quiet, failed = "", 0, 0
    known: Page | None = first
    while not is_closing.is_set():
        try:
            page = known if known is not None else await run_in_threadpool(look)
            known = None
            part = await run_in_threadpool(
                render_block, page.template, "live", context_of(page, asker), asker.voice
            )
        except Exception as error:  # noqa: BLE001 - what is looked at moves: the next look sees it whole
            failed += 1
            if failed >= _FAILED:
                log_bug(error)
                return  # the browser asks again after a while
            await _wait(is_closing)
            continue
        failed = 0
        if part != last:
            yield _event(part)
            last, quiet = part, 0
        elif quiet >= _QUIET:
            yield ": still here\n\n"
            quiet = 0
        quiet += 1
        if not page.is_live:
            break
        await _wait(is_closing)
    yield f"event: {OVER}\ndata: {OVER}\n\n"


async def _wait(is_closing: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_SECONDS):
            await is_closing.wait()
    except TimeoutError:
        return


def _event(markup: str) -> str:
    return "".join(f"data: {line}\n" for line in markup.splitlines()) + "\n"
