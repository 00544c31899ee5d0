"""What people may see of a text: no password of a URL, nothing that steers their terminal."""

from __future__ import annotations

import pytest

from kervan.core.errors import NotFound
from kervan.core.shown import masked, printable, without_passwords

SECRET = "gizli"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ayse:gizli@host/db",
        "postgresql+psycopg://ayse:gizli@host:5432/db?sslmode=require",
        "postgresql://ayse:giz@gizli@host/db",
        "postgresql://ayse:giz/gizli@host/db",
        "postgresql://ayse:giz?gizli@host/db",
        "postgresql://:gizli@host/db",
        "s3://kova:gizli@yer",
        "https://host/x?token=gizli&a=1",
        "postgresql://host/db?user=ayse&password=gizli",
    ],
)
def test_no_password_is_shown(url: str) -> None:
    for text in (url, f"{url}: connection refused", f'catalog = "{url}"', f"first {url} second {url}"):
        assert SECRET not in without_passwords(text)
        assert "***" in without_passwords(text)
    assert SECRET not in str(masked({"a": [url, {"b": url}]}))
    assert SECRET not in str(NotFound(f"{url} is not there", hint=f"look at {url}"))


@pytest.mark.parametrize(
    "text", ["http://127.0.0.1:8000/predict", "a@b.c", "s3://kova/yer", "12:30 @ ev", "x"]
)
def test_what_is_no_password_stays(text: str) -> None:
    assert without_passwords(text) == text


def test_letters_of_every_script_stay_and_none_steers() -> None:
    text = "İstanbul ısparta 東京 שלום السلام 🎉 क्षि\t\n"
    assert printable(text) == text
    for letter in ("\x1b", "\x07", "\r", "\x9b", "\x7f", "\u202e", "\u2066", "\u200b", "\ud800"):
        assert letter not in printable(f"a{letter}b")
