"""What a form, or a program, sends along: fields, and files that stay on disk until they are read."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from kervan.core.errors import InvalidInput
from kervan.ui.asked import Upload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.datastructures import FormData
    from starlette.requests import Request

    Sent = tuple[dict[str, list[str]], dict[str, Upload]]

MAX_BODY = 2 << 30
_MAX_JSON = 4 << 20
_MAX_FIELDS = 5_000
_DIGITS = 20  # of a length


@asynccontextmanager
async def form_of(request: Request) -> AsyncIterator[Sent]:
    """Give the fields and files of a form, or of an object of JSON."""
    length = request.headers.get("content-length", "")
    is_json = request.headers.get("content-type", "").startswith("application/json")
    most = _MAX_JSON if is_json else MAX_BODY
    if not length.isascii() or not length.isdecimal():
        raise InvalidInput("what is sent does not say how long it is", hint="send Content-Length with it")
    if len(length) > _DIGITS or int(length) > most:
        raise InvalidInput(
            f"more than {most >> 20} MiB cannot be sent here",
            hint="put the file into the project's folder: the page lists what is there",
        )
    if is_json:
        yield _fields(await request.body()), {}
        return
    try:
        async with request.form(max_files=4, max_fields=_MAX_FIELDS) as sent:
            yield _sorted(sent)
    except HTTPException as error:
        raise InvalidInput(
            f"the form cannot be read: {error.detail}", hint="load the page again, then try once more"
        ) from error


def _sorted(sent: FormData) -> Sent:
    form: dict[str, list[str]] = {}
    files: dict[str, Upload] = {}
    for name, value in sent.multi_items():
        if isinstance(value, UploadFile):
            if value.filename:
                files[name] = Upload(name=value.filename, file=value.file)
        else:
            form.setdefault(name, []).append(value)
    return form, files


def _fields(body: bytes) -> dict[str, list[str]]:
    try:
        found = msgspec.json.decode(body, type=dict[str, str | list[str]])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        hint = 'write it like {"why": "…"}'
        raise InvalidInput(f"the body is no object of texts: {error}", hint=hint) from error
    return {name: [value] if isinstance(value, str) else value for name, value in found.items()}
