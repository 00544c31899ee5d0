"""A form made from the signature, and the lines that ask a server from a shell, Python and Node.js."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from journeys.home import SETTINGS
from kervan.app.by_hand import ask_by_hand, form_of
from kervan.app.records import predictions
from kervan.core.errors import InvalidInput, NotFound, RefusedRow
from kervan.core.schema import Type

if TYPE_CHECKING:
    from journeys.home import Home

ENTITY = SETTINGS.replace("[model]", 'entity = "kim"\n[model]')


def test_a_form_has_what_the_model_takes_and_its_answer_is_on_record(lived: Home) -> None:
    lived.write("kervan.toml", ENTITY)
    lived.ask("release")
    with lived.opened() as project:
        form = form_of(project, "üretim")
        fields = {each.name: each for each in form.fields}
        assert list(fields) == ["yaş", "şehir", "gelir", "0", "kim"]
        assert (fields["yaş"].type, fields["yaş"].is_required) == (Type.INTEGER, True)
        assert set(fields["şehir"].allowed) == {"Ankara", "İstanbul", "Iğdır", "ısparta"}
        assert 18 <= (fields["yaş"].low or 0) < (fields["yaş"].high or 0) <= 90
        assert [each.is_input for each in form.fields] == [True] * 4 + [False]
        texts = {name: str(value) for name, value in form.example.items()}
        answer = ask_by_hand(project, "üretim", {**texts, "kim": " Ayşe ", "0": ""})
        assert answer["label"] in {"evet", "hayır"}
        assert isinstance(answer["flags"], list)
        (record,) = predictions(project, "üretim")
        assert (record.id, record.entity) == (answer["id"], "Ayşe")
        assert record.inputs[0]["yaş"] == form.example["yaş"]


def test_what_cannot_be_read_names_its_column(lived: Home) -> None:
    lived.ask("release")
    with lived.opened() as project:
        texts = {name: str(value) for name, value in form_of(project, "üretim").example.items()}
        for name, text, told in (
            ("yaş", "otuz", "whole number"),
            ("yaş", "30.5", "whole number"),
            ("gelir", "1,5", "no number"),
            ("gelir", "inf", "no number"),
        ):
            with pytest.raises(InvalidInput, match=told) as caught:
                ask_by_hand(project, "üretim", {**texts, name: text})
            assert name in str(caught.value)
        with pytest.raises(RefusedRow, match="yaş"):
            ask_by_hand(project, "üretim", {**texts, "yaş": ""})
        with pytest.raises(NotFound):
            form_of(project, "yok")


@pytest.mark.parametrize("language", ["curl", "python", "javascript"])
def test_the_lines_ask_a_server_that_wants_a_key(lived: Home, language: str) -> None:
    program = {"curl": "curl", "python": sys.executable, "javascript": "node"}[language]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    key = lived.ask("key", "create", "--scope", "predict", "--json").json["token"]
    lived.write("kervan.toml", SETTINGS + 'keys = ".kervan/access.json"\n')
    lived.ask("release")
    with lived.opened() as project:
        form = form_of(project, "üretim")
    assert form.needs_key
    assert key not in form.curl + form.python + form.javascript
    lines = getattr(form, language)
    command = {
        "curl": ["sh", "-c", lines],
        "python": [sys.executable, "-c", lines],
        "javascript": ["node", "--input-type=module", "-e", lines],
    }[language]
    environ = {**lived.surroundings(), "KERVAN_KEY": key}
    done = subprocess.run(command, env=environ, capture_output=True, check=True, timeout=60)
    said = done.stdout.decode()
    if language == "curl":
        said = str(json.loads(said)["predictions"][0])
    assert "label" in said
    assert "probabilities" in said
