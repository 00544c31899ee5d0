"""The site: which page and button is where, and how a request gets there."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route as Mounted

from kervan.core.errors import InvalidInput, KervanError, NotFound
from kervan.core.plugins import extras_named
from kervan.ui import frame, guard, work
from kervan.ui.asked import Asked, Upload
from kervan.ui.form import form_of
from kervan.ui.jobs import Jobs
from kervan.ui.live import stream
from kervan.ui.opened import Opened
from kervan.ui.page import Done, Page, Work
from kervan.ui.render import KINDS, static_file, static_names
from kervan.ui.reply import FLASH, JSON, Asker, complain, reply
from kervan.ui.routes import ROUTES
from kervan.ui.texts import language_of
from kervan.ui.voice import Voice

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from starlette.requests import Request

    from kervan.app.project import Project
    from kervan.ui.page import Route

_FOR_EVER = "public, max-age=31536000, immutable"


class Site:
    """The pages about the project in one folder."""

    def __init__(self, folder: Path, port: int) -> None:
        self.opened = Opened(folder)
        self.jobs = Jobs(folder)
        self._guard = guard.Guard(port)
        self._closing = asyncio.Event()

    def app(self) -> Starlette:
        """Return the application that a web server runs."""
        routes = [self._mounted(each) for each in (*ROUTES, *work.routes(self.jobs))]
        routes.append(Mounted("/static/{digest}/{name}", self._static))
        routes.append(Mounted("/choose", self._choose, methods=["POST"]))
        return Starlette(
            routes=routes,
            middleware=[Middleware(guard.Door, guard=self._guard)],
            exception_handlers={HTTPException: self._no_such_page, KervanError: self._complain},
            lifespan=self._lifespan,
        )

    def close(self) -> None:
        """Let streams end, so that the server can."""
        self._closing.set()

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        yield
        self.jobs.close()
        self.opened.close()

    def _mounted(self, route: Route) -> Mounted:
        methods = ["GET"] * (route.shows is not None) + ["POST"] * (route.does is not None)
        return Mounted(route.path, partial(self._answer, route), methods=methods)

    async def _answer(self, route: Route, request: Request) -> Response:
        """Answer one request for a page or an action."""
        asker = self._asker(request, {}, {})
        try:
            if request.method in guard.SAFE_METHODS:
                response = await self._show(route, asker, request.method)
            else:
                async with form_of(request) as (form, files):
                    asker = self._asker(request, form, files)
                    token = asker.asked.text(guard.FIELD)
                    self._guard.check_action(request.headers, _visit(request), token)
                    result = await run_in_threadpool(self._act, route, asker.asked)
                response = await run_in_threadpool(reply, result, asker)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except Exception as error:  # noqa: BLE001 - whatever it is, the reader is told
            response = await run_in_threadpool(complain, error, asker)
        return self._finished(response, request, asker)

    async def _show(self, route: Route, asker: Asker, method: str) -> Response:
        if not route.unread and not self.opened.is_begun and not asker.wants_json:
            return RedirectResponse("/begin", status_code=303)
        look = partial(self._look, route, asker.asked)
        first = await run_in_threadpool(look)
        if asker.asked.flag("live") and isinstance(first, Page) and method == "GET":
            return stream(first, look, asker, self._closing)
        return await run_in_threadpool(reply, first, asker)

    def _look(self, route: Route, asked: Asked) -> Any:
        assert route.shows is not None  # noqa: S101 - else no GET gets here
        with extras_named():
            return route.shows(self._project(route), asked)

    def _act(self, route: Route, asked: Asked) -> Done | Page:
        assert route.does is not None  # noqa: S101
        with extras_named():
            result = route.does(self._project(route), asked)
            if isinstance(result, Work):
                job = self.jobs.begin(result)
                return Done(text="", to=f"/work/{job.id}")
            return result

    def _project(self, route: Route) -> Project:
        return self.opened.unread() if route.unread else self.opened.project()

    def _asker(self, request: Request, form: Mapping[str, list[str]], files: Mapping[str, Upload]) -> Asker:
        language = language_of(
            request.cookies.get("kervan_language", ""), request.headers.get("accept-language", "")
        )
        asked = Asked(
            path=request.url.path,
            parts=dict(request.path_params),
            query={name: request.query_params.getlist(name) for name in request.query_params if name},
            form=form,
            files=files,
            language=language,
        )
        accepted = request.headers.get("accept", "")
        return Asker(
            asked=asked,
            voice=Voice(language),
            wants_json=JSON in accepted and "text/html" not in accepted,
            frame=frame.of(self.opened, self.jobs, request.cookies, self._guard.token(_visit(request))),
        )

    def _finished(self, response: Response, request: Request, asker: Asker) -> Response:
        response.headers.update(guard.HEADERS)
        response.headers.setdefault("cache-control", "no-store")
        if not request.cookies.get(guard.COOKIE):
            response.set_cookie(guard.COOKIE, _visit(request), httponly=True, samesite="strict")
        if request.method == "GET" and FLASH in request.cookies and not asker.wants_json:
            response.delete_cookie(FLASH, httponly=True, samesite="strict")
        return response

    async def _static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in static_names():
            raise HTTPException(404)
        kind = KINDS[name.rpartition(".")[2]]
        headers = {"cache-control": _FOR_EVER, "x-content-type-options": "nosniff"}
        return Response(static_file(name), media_type=kind, headers=headers)

    async def _choose(self, request: Request) -> Response:
        """Keep the language or the colours that a reader chose, in cookies."""
        self._guard.check_origin(request.headers)
        async with form_of(request) as (form, _):
            return self._chosen(form)

    def _chosen(self, form: Mapping[str, list[str]]) -> Response:
        back = (form.get("back") or ["/"])[-1]
        response = RedirectResponse(
            back if back.startswith("/") and back[1:2] not in {"/", "\\"} else "/", 303
        )
        for name, known in (("language", ("en", "tr")), ("colours", ("light", "dark", "system"))):
            chosen = (form.get(name) or [""])[-1]
            if chosen in known:
                response.set_cookie(f"kervan_{name}", chosen, max_age=31_536_000, samesite="strict")
        return response

    async def _complain(self, request: Request, error: Exception) -> Response:
        asker = self._asker(request, {}, {})
        return self._finished(await run_in_threadpool(complain, error, asker), request, asker)

    async def _no_such_page(self, request: Request, error: Exception) -> Response:
        if getattr(error, "status_code", 404) == 405:
            return await self._does_nothing(request, error)
        missing = NotFound(
            f"there is no page {request.url.path}", hint="the list on the left has all there are"
        )
        return await self._complain(request, missing)

    async def _does_nothing(self, request: Request, error: Exception) -> Response:
        given = (getattr(error, "headers", None) or {}).get("Allow", "")
        known = ", ".join(sorted(given.replace(" ", "").split(",")))
        told = InvalidInput(f"{request.method} does nothing at {request.url.path}", hint=f"use {known}")
        asker = self._asker(request, {}, {})
        response = await run_in_threadpool(complain, told, asker, 405)
        response.headers["allow"] = known
        return self._finished(response, request, asker)


def _visit(request: Request) -> str:
    """Return the name of the visit, a new one where the browser has none yet."""
    known = request.cookies.get(guard.COOKIE, "")
    if not known:
        known = getattr(request.state, "visit", "") or guard.new_visit()
        request.state.visit = known
    return known
