"""One row, one number: through every protocol, and through the package's own predictor."""

from __future__ import annotations

import math
import random
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kervan.core.plugins import plugin, plugins
from kervan.core.reading import Reading
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.core.serving import Serving
from kervan.package.contents.manifest import Manifest
from kervan.package.contents.seal import write_manifest
from kervan.package.opening import load_package
from kervan.package.proving.build import write_formats
from kervan.package.writing.fitted import Fitted
from kervan.serve.decode import RowDecoder
from kervan.serve.record import find
from kervan.serve.routing import Router
from serve.live import Live, Reply
from serve.real_packages import KEY
from serve.speakers import SPEAKERS, Speaker, head_length

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNATURE = Signature(
    inputs=Schema(
        (
            Column(name="0", type=Type.NUMBER, nullable=True),
            Column(name="yaş", type=Type.INTEGER, nullable=True),
            Column(name="büyük sayı", type=Type.INTEGER),
            Column(
                name="şehir", type=Type.CATEGORY, nullable=True, allowed=("Ankara", "İzmir, ç", "ısparta")
            ),
            Column(name="evli", type=Type.BOOLEAN),
            Column(name="an", type=Type.DATETIME, nullable=True),
            Column(name="gün", type=Type.DATE),
        )
    ),
    output=Column(name="kira", type=Type.NUMBER),
    reading=Reading.of_table([]),
)
ROW: dict[str, Any] = {
    "0": 1.1,
    "yaş": 39,
    "büyük sayı": 2**53 + 1,
    "şehir": "İzmir, ç",
    "evli": True,
    "an": "2024-02-29T18:30:00.25+03:00",
    "gün": "2024-02-29",
}
ROWS = [
    ROW,
    {**ROW, "0": None, "yaş": None, "şehir": None, "an": None, "evli": False},
    {**ROW, "0": -2.5e-7, "büyük sayı": -(10**18) - 1, "şehir": "Göbekli", "an": "2024-02-29T18:30:00Z"},
    {**ROW, "yaş": 39.0, "gün": "1969-12-31", "an": "1969-12-31 23:59:59"},
]


def some_rows(count: int) -> list[dict[str, Any]]:
    chosen = random.Random(0)
    return [
        {
            "0": chosen.gauss(0, 1),
            "yaş": chosen.choice([None, 20, 40, 60]),
            "büyük sayı": chosen.randrange(-(2**60), 2**60),
            "şehir": chosen.choice(["Ankara", "İzmir, ç", None]),
            "evli": chosen.choice([True, False]),
            "an": f"2024-0{chosen.randrange(1, 9)}-1{chosen.randrange(9)}T1{chosen.randrange(9)}:00:00+03:00",
            "gün": f"19{chosen.randrange(60, 99)}-01-01",
        }
        for _ in range(count)
    ]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A linear model, whose answer every digit of its inputs changes."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folder = tmp_path_factory.mktemp("kira")
    matrix = RowDecoder(SIGNATURE).decode(some_rows(200))
    truth = [math.sin(place) * 1e3 for place in range(200)]
    model = make_pipeline(SimpleImputer(), StandardScaler(), LinearRegression()).fit(matrix, truth)
    parity = write_formats(Fitted(model, SIGNATURE), folder, ["onnx"], matrix[:50])
    manifest = Manifest(
        name="kira",
        version="1.0.0",
        created=time.time(),
        creator="test",
        signature=SIGNATURE,
        formats=("onnx",),
        parity=parity,
        files=(),
        samples=(ROW,),
    )
    write_manifest(manifest, folder, KEY)
    return folder


@pytest.fixture(scope="module")
def server(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("server")
    live = Live(
        folder,
        Serving(
            environment="production",
            deployment="D1",
            package=str(package),
            records=str(folder / "records"),
            port=0,
        ),
    )
    live.start()
    yield live
    live.kill()


@pytest.fixture(params=SPEAKERS.values(), ids=SPEAKERS)
def speaker(request: pytest.FixtureRequest) -> Speaker:
    found: Speaker = request.param
    return replace(found, path=found.path.format(model="kira"))


def ask(server: Live, speaker: Speaker, rows: list[dict[str, Any]]) -> Reply:
    body = speaker.write(rows, SIGNATURE)
    return server.ask("POST", speaker.path, body, speaker.headers(body))


def own(package: Path, rows: list[dict[str, Any]]) -> list[float]:
    manifest, predictor = load_package(package)
    return list(predictor.predict(RowDecoder(manifest.signature).decode(rows))[:, 0].tolist())


def test_every_protocol_gives_the_same_number_to_the_last_digit(
    server: Live, speaker: Speaker, package: Path
) -> None:
    for rows in ([ROW], ROWS):
        reply = ask(server, speaker, rows)
        assert reply.status == 200, reply.body
        assert [repr(value) for value in speaker.read(reply.body)] == [
            repr(value) for value in own(package, rows)
        ]


def test_every_protocol_names_its_record(server: Live, speaker: Speaker) -> None:
    reply = ask(server, speaker, ROWS)
    ident = reply.headers.get("x-kervan-prediction")
    if ident is None:
        content = reply.body[: head_length(reply.body)].decode()
        ident = next(word for word in content.split('"') if len(word) == 26 and word.startswith("01"))
    folder = Path(server.serving.records)
    server.until(lambda: find(folder, f"{ident}.1") is not None)
    found = find(folder, f"{ident}.1")
    assert found is not None
    assert found.protocol in plugins("protocol")
    assert found.inputs[0]["gün"] == ROW["gün"]
    assert found.inputs[1]["yaş"] is None


def test_not_a_number_is_a_missing_one(server: Live, speaker: Speaker, package: Path) -> None:
    reply = ask(server, speaker, [{**ROW, "0": float("nan"), "yaş": float("nan")}])
    if not speaker.has_tokens:
        assert reply.status == 400
        assert "null for a missing value" in reply.json["detail"]
        return
    assert speaker.read(reply.body) == own(package, [{**ROW, "0": None, "yaş": None}])


WRONG = [
    ("0", float("inf"), "is infinite"),
    ("0", 1e300, "is beyond"),
    ("yaş", 1.5, "not a whole number|tensor of whole numbers"),
    ("yaş", float("-inf"), "is infinite"),
    ("gün", "2024-02-30", "is no date that the calendar knows"),
    ("an", "yesterday", "is no time that the calendar knows"),
    ("0", "1.5", "is a text, not a number"),
    ("yaş", "39", "is a text, not a whole number"),
    ("evli", 2, "not true or false"),
    ("şehir", 6, "is a number, not a text"),
    ("gün", None, "is missing"),
    ("büyük sayı", None, "is missing"),
]


def can_say(speaker: Speaker, value: Any, words: str) -> bool:
    is_token = isinstance(value, float) and math.isinf(value)
    is_other_type = words.startswith(("is a", "not true"))
    return (speaker.has_tokens or not is_token) and (speaker.has_types or not is_other_type)


@pytest.mark.parametrize(
    ("name", "field", "value", "words"),
    [
        pytest.param(name, *wrong, id=f"{name}-{wrong[0]}-{wrong[1]}")
        for name, each in SPEAKERS.items()
        for wrong in WRONG
        if can_say(each, *wrong[1:])
    ],
)
def test_a_refused_value_is_named_by_row_and_field(
    server: Live, name: str, field: str, value: Any, words: str
) -> None:
    speaker = replace(SPEAKERS[name], path=SPEAKERS[name].path.format(model="kira"))
    reply = ask(server, speaker, [ROW, {**ROW, field: value}])
    assert reply.status == 422, reply.body
    assert (reply.json["row"], reply.json["field"]) == (1, field)
    assert any(word in reply.json["detail"] for word in words.split("|"))
    assert reply.json["hint"]


def test_other_sites_get_nothing_even_where_no_type_has_to_be_declared(server: Live) -> None:
    wires = {name: plugin("protocol", name) for name in plugins("protocol")}
    routes = [mounted.route for mounted in Router(wires).mounted if mounted.route.method != "GET"]
    assert any("" in route.takes for route in routes)
    for route in routes:
        path = route.path.format(name="kira", version="1.0.0")
        for origin in ("http://evil.example", "null"):
            assert server.ask(route.method, path, b"{}", {"origin": origin}).status == 403
        for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"):
            assert server.ask(route.method, path, b"{}", {"content-type": kind}).status == 415
