"""Answers to a browser, or to a program that accepts JSON, from the same address."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import msgspec
from starlette.responses import RedirectResponse, Response, StreamingResponse

from kervan.app.download import Download
from kervan.core import errors
from kervan.core.plugins import EXTRAS, missing_module
from kervan.core.shown import masked
from kervan.ui.page import Done, Page
from kervan.ui.render import render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kervan.ui.asked import Asked
    from kervan.ui.voice import Voice

JSON = "application/json"
PROBLEM = "application/problem+json"
FLASH = "kervan_said"
_log = logging.getLogger("kervan.ui")
_STATUSES: tuple[tuple[type[errors.KervanError], int], ...] = (
    (errors.InvalidInput, 422),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.Refused, 403),
    (errors.StorageFailed, 503),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks: in which language, for JSON or for a page, and what the frame around each page needs."""

    asked: Asked
    voice: Voice
    wants_json: bool
    frame: Mapping[str, Any]


def reply(result: Page | Done | Download, asker: Asker) -> Response:
    """Answer with what a page or an action gave."""
    if isinstance(result, Download):
        return _download(result)
    if isinstance(result, Done):
        return _done(result, asker)
    if asker.wants_json:
        return Response(to_json(result.content), result.status, media_type=JSON)
    return Response(
        render(result.template, context_of(result, asker), asker.voice), result.status, media_type="text/html"
    )


def context_of(page: Page, asker: Asker) -> dict[str, Any]:
    """Return what a template gets."""
    return {**asker.frame, "page": page, "c": page.content, "asked": asker.asked}


def complain(error: Exception, asker: Asker, status: int | None = None) -> Response:
    """Say what went wrong, and what to do."""
    named = named_error(error)
    if status is None:
        status = next((status for kind, status in _STATUSES if isinstance(named, kind)), 500)
    log_bug(error)
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": str(named),
        "hint": named.hint,
    }
    if asker.wants_json:
        return Response(to_json(content), status, media_type=PROBLEM)
    title = asker.voice.text("Not found") if status == 404 else asker.voice.text("That did not work")
    page = Page(template="error.html", title=title, content=content, status=status)
    return reply(page, asker)


def log_bug(error: Exception) -> None:
    """Say where an error came from that people cannot mend themselves."""
    if is_bug(error):
        _log.error("%s: %s", type(error).__name__, error, exc_info=error)


def is_bug(error: Exception) -> bool:
    """Say whether an error is none that people can mend."""
    return not isinstance(error, errors.KervanError) and type(named_error(error)) is errors.KervanError


def named_error(error: Exception) -> errors.KervanError:
    """Return an error as one that people can mend, or as a bug."""
    if isinstance(error, errors.KervanError):
        return error
    if isinstance(error, ModuleNotFoundError) and (module := missing_module(error)) in EXTRAS:
        return errors.MissingExtra(module, EXTRAS[module])
    if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
        told = f"{error.filename}: {os.strerror(error.errno)}"
        return errors.StorageFailed(told, hint="check the path, its permissions and the free space")
    return errors.KervanError(
        f"this is a bug in Kervan: {type(error).__name__}",
        hint="what `kervan ui` printed says where; please report it",
    )


def to_json(value: Any) -> bytes:
    """Write what a page shows for programs, without passwords."""
    return msgspec.json.encode(masked(msgspec.to_builtins(value, enc_hook=str)))


def said_before(cookie: str) -> str:
    """Return what the action before said."""
    return unquote(cookie)


def _done(done: Done, asker: Asker) -> Response:
    if asker.wants_json:
        return Response(to_json(done), media_type=JSON)
    found = RedirectResponse(done.to, status_code=303)
    found.set_cookie(FLASH, quote(done.text), max_age=60, httponly=True, samesite="strict")
    return found


def _download(found: Download) -> Response:
    headers = {
        "content-disposition": f'attachment; filename="{found.name}"',
        "content-length": str(found.size),
    }
    return StreamingResponse(found.pieces, media_type=found.type, headers=headers)
