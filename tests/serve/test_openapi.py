"""The server describes itself as it is: what it tells is valid, and what it answers is what it told."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from openapi_spec_validator import validate

from serve.live import Live
from serve.real_packages import ROW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kervan.core.serving import Serving

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")


@pytest.fixture
def several(serving: Callable[..., Serving], packages: dict[str, Path], tmp_path: Path) -> Iterator[Live]:
    folder = tmp_path / "server"
    folder.mkdir()
    server = Live(folder, replace(serving(), others=(str(packages["2.0.0"]), str(packages["regression"]))))
    server.start()
    yield server
    server.kill()


def test_the_document_is_valid_and_typed_for_each_model(several: Live) -> None:
    told = several.ask("GET", "/openapi.json").json
    validate(told)
    assert told["openapi"] == "3.1.0"
    for path in ("/predict", "/models/gelir/predict", "/models/gelir/versions/2.0.0/predict"):
        assert told["paths"][path]["post"]["requestBody"]
    assert "/models/kira/predict" in told["paths"]
    row = told["components"]["schemas"]["gelir-1.0.0"]
    assert row["required"] == ["yaş", "tür", "evli"]
    assert row["properties"]["yaş"] == {"type": "integer", "minimum": 0, "maximum": 120}
    assert row["properties"]["tür"]["enum"] == ["a", "b"]
    assert "securitySchemes" not in told["components"]


def test_its_examples_are_answered_as_it_tells(several: Live) -> None:
    told = several.ask("GET", "/openapi.json").json
    asked = 0
    for path, methods in told["paths"].items():
        content = (
            methods.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json", {})
        )
        for example in content.get("examples", {}).values():
            reply = several.ask("POST", path, example["value"])
            schema = methods["post"]["responses"]["200"]["content"]["application/json"]["schema"]
            jsonschema.validate(reply.json, schema)
            jsonschema.validate(example["value"], _whole(content["schema"], told))
            asked += 1
    assert asked >= 4


def _whole(schema: Any, told: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "components": told["components"]}


@pytest.mark.slow
def test_nothing_that_a_fuzzer_sends_is_answered_otherwise(several: Live) -> None:
    """Of other protocols it knows no bodies, so that it cannot know which of them have to be accepted."""
    address = f"http://127.0.0.1:{several.port}/openapi.json"
    common = [SCHEMATHESIS, "run", address, "--seed=1", "--max-examples=30", "--checks=all"]
    ours = ["--include-tag=predict", "--include-tag=kervan", "--suppress-health-check=all"]
    others = ["--exclude-tag=predict", "--exclude-tag=kervan", "--exclude-checks=positive_data_acceptance"]
    for part in (ours, others):
        done = subprocess.run(
            [*common, *part], capture_output=True, text=True, check=False, cwd=several.folder
        )
        assert done.returncode == 0, done.stdout[-6000:]
        assert re.search(r"Tested: \d{1,3}\n", done.stdout)
    assert several.predict(ROW).status == 200


def test_the_page_needs_nothing_from_outside(several: Live) -> None:
    reply = several.ask("GET", "/docs")
    text = reply.body.decode()
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.search(r'(?:src|href)="(?!openapi\.json)', text)
    assert "yaş" in text
    assert "connect-src 'self'" in reply.headers["content-security-policy"]
    assert "script-src 'sha256-" in reply.headers["content-security-policy"]
