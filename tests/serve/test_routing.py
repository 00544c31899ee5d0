"""A protocol is reachable by being there, and no route is open by oversight."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from kervan.core import plugins
from kervan.core.errors import Conflict, Refused
from kervan.core.ports import Action, Answer, Call, Choose, Reply, Request, Route, Scope, Served
from kervan.serve.desk import Desk
from kervan.serve.engine import Engine
from kervan.serve.http import App
from kervan.serve.problem import HttpProblem
from kervan.serve.routing import Router
from serve.real_packages import ROW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from kervan.core.schema import Signature
    from kervan.core.serving import Serving


def route(**changes: Any) -> Route:
    told = {"path": "/odd/{name}:ask", "action": Action.PREDICT, "scope": Scope.PREDICT} | changes
    return Route(**told)


class Odd:
    """Rows as lines `name=value`, answers as text."""

    complaint = "trouble"

    def __init__(self, *routes: Route) -> None:
        self.routes = routes or (route(takes=("text/odd",)),)

    def decode(self, call: Call, choose: Choose) -> Request:
        signature = choose(call.parameters["name"])
        pairs = dict(line.split("=") for line in call.body.decode().splitlines())
        kinds = {"yaş": int, "0": float, "evli": lambda text: text == "true"}
        row = {name: kinds.get(name, str)(pairs[name]) for name in signature.inputs.names if name in pairs}
        return Request(rows=[row])

    def encode(self, answer: Answer, signature: Signature, call: Call) -> Reply:
        return Reply(body=f"{answer.values.ravel().tolist()}".encode(), kind="text/odd")

    def inform(self, call: Call, models: Sequence[Served]) -> Reply:
        return Reply(body=b"")


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(plugins, "_ADDED", [])
    plugins.add("protocol", "odd", Odd())
    yield
    monkeypatch.undo()
    plugins.plugins.cache_clear()


@pytest.mark.usefixtures("odd")
def test_a_protocol_from_outside_is_served_and_told(serving: Callable[..., Serving]) -> None:
    engine = Engine(serving())
    transport = httpx.ASGITransport(App(Desk(engine)))

    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            lines = "\n".join(f"{name}={str(value).lower()}" for name, value in ROW.items())
            lines = lines.replace(str(ROW["şehir adı"]).lower(), ROW["şehir adı"])
            headers = {"content-type": "text/odd"}
            return [
                await client.post("/odd/gelir:ask", content=lines.encode(), headers=headers),
                await client.post("/predict", json=ROW),
                await client.post("/odd/gelir:ask", content=b"yas=x"),
                await client.post("/odd/other:ask", content=lines.encode(), headers=headers),
                await client.get("/openapi.json"),
            ]

    answer, ours, untyped, unknown, told = asyncio.run(ask())
    engine.close()
    assert answer.headers["content-type"] == "text/odd"
    assert answer.json() == list(ours.json()["predictions"][0]["probabilities"].values())
    assert untyped.status_code == 415
    assert untyped.json()["trouble"] == untyped.json()["detail"]
    assert unknown.status_code == 404
    assert "/odd/{name}:ask" in told.json()["paths"]


def test_a_route_that_does_not_say_who_may_use_it_is_an_error_at_the_start() -> None:
    with pytest.raises(Refused, match="does not say who may use it"):
        Router({"odd": Odd(route(scope=None))})
    with pytest.raises(Refused, match="would be open to everybody"):
        Router({"odd": Odd(route(scope=Scope.OPEN))})


def test_a_path_belongs_to_one_protocol() -> None:
    with pytest.raises(Conflict, match=r"/odd/\{name\}:ask of the protocol 'b' is taken by 'a'"):
        Router({"a": Odd(), "b": Odd()})
    Router({"a": Odd(), "b": Odd(route(method="GET", action=Action.INFORM))})


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/odd/a:ask", "a"),
        ("/odd/%C5%9Fehir:ask", "şehir"),
        ("/odd/a.b-c_1:ask", "a.b-c_1"),
        ("/odd/a%2fb:ask", "a/b"),
    ],
)
def test_parameters_are_one_part_of_a_path(path: str, name: str) -> None:
    assert Router({"odd": Odd()}).find("POST", path)[1] == {"name": name}


@pytest.mark.parametrize(
    "path",
    ["/odd/a/b:ask", "/odd/:ask", "//odd/a:ask", "/odd/a:ask/", "/odd/../odd/a:ask", "/ODD/a:ask", "", "*"],
)
def test_what_is_no_path_leads_nowhere(path: str) -> None:
    with pytest.raises(HttpProblem) as caught:
        Router({"odd": Odd()}).find("POST", path)
    assert caught.value.status == 404
