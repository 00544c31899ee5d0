"""Every text of the site is in the catalogue of the other language, and nothing else is."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

import kervan.ui
from kervan.ui.texts import LANGUAGES, catalogue

_FOLDER = Path(kervan.ui.__file__).parent
_PICTURES = _FOLDER.parent / "model" / "page" / "pictures"  # which the pages show too
_TEXT = r'"((?:[^"\\]|\\.)*)"'
_IN_TEMPLATES = re.compile(rf"\bt\(\s*{_TEXT}")
_IN_CODE = re.compile(rf"(?:\b(?:say|text)\(\s*|\btitle ?= ?)f?{_TEXT}")
# Words that templates take from records: how something is, which part it is.
_WORDS = {
    *("failed", "finished", "gone", "interrupted", "passed", "paused", "promoted", "rolled back", "running"),
    *("stopped", "unknown", "warned"),
    *("Data", "Model", "Package", "Release", "Watch"),
    *("Audit", "Home", "Models", "Predictions", "Releases", "Runs", "Settings"),
    *("s", "min", "h"),
    *("answered positive", "true positive", "false positive", "right", "mean error", "mean absolute error"),
}


def _said() -> set[str]:
    found = set(_WORDS)
    for file in _FOLDER.rglob("*.html"):
        found |= set(_IN_TEMPLATES.findall(file.read_text(encoding="utf-8")))
    for file in _PICTURES.glob("*.py"):
        found |= set(_IN_CODE.findall(file.read_text(encoding="utf-8")))
    for file in _FOLDER.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        found |= {each for each in _IN_CODE.findall(text) if " " in each or each.istitle()}
    return found


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_every_text_is_translated_and_none_is_left_over(language: str) -> None:
    known = catalogue(language)
    said = _said()
    assert sorted(said - set(known)) == []
    assert sorted(set(known) - said - {"{n} runs"}) == []


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_translations_name_the_same_values(language: str) -> None:
    for text, other in catalogue(language).items():
        assert _names(text) == _names(other), text


def _names(text: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}
