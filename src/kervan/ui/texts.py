"""The texts of the site in the reader's language: one catalogue, whose keys are the English texts."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

LANGUAGES = {"en": "English", "tr": "Türkçe"}
_FOLDER = files("kervan.ui") / "texts"


@cache
def catalogue(language: str) -> dict[str, str]:
    """Return the texts of a language by the English ones; English itself has none."""
    found: dict[str, str] = {}
    if language in LANGUAGES and language != "en":
        for file in sorted((_FOLDER / language).iterdir(), key=lambda each: each.name):
            found |= tomllib.loads(file.read_text(encoding="utf-8"))
    return found


def said(language: str, text: str, **values: object) -> str:
    """Return a text in a language, in English where it has none, with its values put in.

    >>> said("tr", "{n} runs", n=3), said("en", "{n} runs", n=3)
    ('3 koşu', '3 runs')
    """
    found = catalogue(language).get(text, text)
    return found.format_map(values) if values else found


def language_of(chosen: str, accepted: str) -> str:
    """Return the language to speak: the one that was chosen, or the first that a browser accepts.

    >>> language_of("", "tr-TR,tr;q=0.9,en;q=0.8"), language_of("en", "tr"), language_of("", "de")
    ('tr', 'en', 'en')
    """
    if chosen in LANGUAGES:
        return chosen
    wanted = (each.partition(";")[0].strip().partition("-")[0].lower() for each in accepted.split(","))
    return next((each for each in wanted if each in LANGUAGES), "en")
