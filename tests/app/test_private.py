"""What holds rows or secrets is its owner's alone, and no password or escape reaches a terminal."""

from __future__ import annotations

import os
import re
import sqlite3
from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from journeys.home import SETTINGS, as_csv, customers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeys.home import Home

ROW = {"yaş": 30, "şehir": "ısparta", "gelir": 10_000.0}
SECRET = "gizli-Söz"


@pytest.fixture
def careless() -> Iterator[None]:
    """The umask that most people have."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("careless")
def test_a_whole_life_leaves_nothing_that_others_can_read(home: Home) -> None:
    home.start(150).ask("run", "--quiet")
    home.predict(ROW)
    home.ask("drift", "üretim", "--since", "2020-01-01")
    root = home.folder / ".kervan"
    places = [root, *root.rglob("*")]
    assert [path for path in places if path.stat().st_mode & 0o077] == []
    assert len(places) > 50
    home.ask("package", "export", "müşteri-kaybı", "paket")
    files = [path for path in (home.folder / "paket").rglob("*") if path.is_file()]
    assert {oct(path.stat().st_mode & 0o777) for path in files} == {"0o644"}


@pytest.mark.usefixtures("careless")
def test_the_doctor_names_what_others_can_read(lived: Home) -> None:
    root = lived.folder / ".kervan"
    root.chmod(0o755)
    key = root / "keys" / "workspace.key"
    key.chmod(0o644)
    found = lived.ask("doctor", "--json", code=None).json
    wrong = {each["subject"]: each["hint"] for each in found if each["verdict"] != "passed"}
    assert wrong["permissions"] == f"chmod -R go= {root}"
    assert f"chmod 600 {key}" in wrong["key"]


def test_a_key_that_is_gone_or_another_is_named_and_none_takes_its_place(lived: Home) -> None:
    key = lived.folder / ".kervan" / "keys" / "workspace.key"
    kept, told = key.read_bytes(), lived.ask("package", "key").out
    key.unlink()
    reply = lived.ask("package", "key", code=6)
    assert "the workspace's key is gone" in reply.err
    assert "backup" in reply.err
    assert not key.exists()
    assert "the workspace's key is gone" in lived.ask("doctor", code=6).out
    key.write_bytes(bytes(32))
    key.chmod(0o600)
    assert "is not the key that this workspace began with" in lived.ask("doctor", code=6).out
    with sqlite3.connect(lived.folder / ".kervan" / "catalog.sqlite") as old:
        old.execute("UPDATE events SET subject = 'x', action = 'x' WHERE action = 'made key'")
    assert "is not the key that this workspace began with" in lived.ask("doctor", code=6).out
    key.write_bytes(kept)
    assert lived.ask("package", "key").out == told


@pytest.mark.parametrize("how", [(), ("--json",)])
def test_passwords_in_settings_are_not_shown(how: tuple[str, ...], home: Home) -> None:
    url = f"postgresql://ayse:{SECRET}@127.0.0.1:1/db?sslpassword={SECRET}"
    blobs = f"s3://kova:{SECRET}@host/yer"
    home.start(10, SETTINGS + f'[workspace]\ncatalog = "{url}"\nblobs = "{blobs}"\n')
    text = home.ask("settings", *how).out
    assert "postgresql://ayse:***@127.0.0.1:1/db?sslpassword=***" in text
    for command in ("settings", "doctor", "run", "models", "gc"):
        reply = home.ask(command, *how, code=None)
        assert SECRET not in reply.out + reply.err, command


def test_escapes_in_names_and_values_do_not_reach_the_terminal(home: Home) -> None:
    rows = [
        [*row[:2], "Rize\x1b[2J\x9b31m\u202e", *row[3:]] if place % 3 else row
        for place, row in enumerate(customers(150))
    ]
    header = ("müşteri", "yaş", "şehir", "gelir", "0\x1b]0;owned\x07", "ayrıldı")
    home.start(10, SETTINGS.replace('to = "üretim"\n', ""))
    home.write("müşteriler.csv", as_csv(rows, header))
    said = []
    for words in (["run"], ["data", "show", "müşteri-kaybı"], ["models", "müşteri-kaybı"], ["audit", "list"]):
        for how in ([], ["--json"]):
            reply = home.ask(*words, *how)
            said.append(reply.out + reply.err)
    told = "".join(said)
    assert "owned" in told
    for mark in ("\x1b[0m", "\x1b[1m", "\x1b[32m", "\x1b[36m"):
        told = told.replace(mark, "")
    assert re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", told) == []


def test_pages_allow_their_own_style_and_nothing_else(lived: Home) -> None:
    pages = [path.read_text() for path in (lived.folder / ".kervan" / "reports").glob("*.html")]
    assert len(pages) == 2
    for page in pages:
        (policy,) = re.findall('<meta http-equiv="Content-Security-Policy" content="([^"]*)">', page)
        (style,) = re.findall("<style>(.*?)</style>", page, re.DOTALL)
        digest = b64encode(sha256(style.encode()).digest()).decode()
        assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; ")
        assert page.index("Content-Security-Policy") < page.index("<style>")
        assert "style=" not in page
        assert "<script" not in page
