"""The ways in: every route of every protocol, found by method and path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from kervan.core.errors import Conflict, Refused
from kervan.core.ports import Action, Route, Scope, Wire
from kervan.serve.problem import HttpProblem

if TYPE_CHECKING:
    from collections.abc import Mapping

_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Mounted:
    """A route, and the protocol that speaks there."""

    route: Route
    protocol: str
    wire: Wire


class Router:
    """All routes of some protocols, by name. Whoever asks for a path gets exactly one of them.

    Raises `Refused` for a route that does not say who may use it, `Conflict` for one that is taken.
    """

    def __init__(self, wires: Mapping[str, Wire]) -> None:
        self._exact: dict[str, dict[str, Mounted]] = {}
        self._patterns: dict[str, tuple[re.Pattern[str], dict[str, Mounted]]] = {}
        for protocol, wire in wires.items():
            for route in wire.routes:
                self._mount(Mounted(route, protocol, wire))

    @property
    def mounted(self) -> list[Mounted]:
        """Every route, in the order of its mounting."""
        rows = [*self._exact.values(), *(methods for _, methods in self._patterns.values())]
        return [mounted for methods in rows for mounted in methods.values()]

    def find(self, method: str, path: str) -> tuple[Mounted, dict[str, str]]:
        """Return the route of a request and the parameters in its path, which is taken as it was sent.

        Raises `HttpProblem` 404 where there is none, 405 for one of another method.
        """
        methods = self._exact.get(path)
        found: dict[str, str] = {}
        if methods is None:
            methods, found = self._match(path)
        mounted = methods.get("GET" if method == "HEAD" else method)
        if mounted is None:
            allowed = sorted({*methods, *({"HEAD"} if "GET" in methods else ())})
            raise HttpProblem(
                405,
                f"{method} is not for this path",
                hint=f"use {', '.join(allowed)}",
                headers={"allow": ", ".join(allowed)},
            )
        return mounted, found

    def _match(self, path: str) -> tuple[dict[str, Mounted], dict[str, str]]:
        for pattern, methods in self._patterns.values():
            if (match := pattern.fullmatch(path)) is not None:
                return methods, {name: _decoded(text) for name, text in match.groupdict().items()}
        raise HttpProblem(404, "there is nothing at this path", hint="POST /predict asks for predictions")

    def _mount(self, mounted: Mounted) -> None:
        route = mounted.route
        where = f"the route {route.method} {route.path} of the protocol {mounted.protocol!r}"
        if not isinstance(route.scope, Scope):
            raise Refused(f"{where} does not say who may use it", hint="give it a `scope`")
        if route.scope is Scope.OPEN and route.action is not Action.INFORM:
            raise Refused(f"{where} would be open to everybody", hint="give it the scope of what it does")
        if "{" in route.path:
            pattern = re.compile(
                "".join(
                    f"(?P<{part}>[^/:]+)" if place % 2 else re.escape(part)
                    for place, part in enumerate(_PARAMETER.split(route.path))
                )
            )
            methods = self._patterns.setdefault(pattern.pattern, (pattern, {}))[1]
        else:
            methods = self._exact.setdefault(route.path, {})
        if route.method in methods:
            raise Conflict(
                f"{where} is taken by {methods[route.method].protocol!r}", hint="give it another path"
            )
        methods[route.method] = mounted


def _decoded(text: str) -> str:
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError as error:
        raise HttpProblem(400, "the path is not in UTF-8") from error
