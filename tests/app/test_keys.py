"""Keys are issued, rotated and revoked on record; servers see hashes, and nobody sees a secret twice."""

from __future__ import annotations

import json
import re
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from kervan.app import keys
from kervan.app.audit import trail, verify
from kervan.app.doctor import examine
from kervan.app.project import open_project
from kervan.core.errors import Conflict, InvalidInput, NotFound
from kervan.serve.access import Access
from kervan.serve.problem import HttpProblem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from journeys.home import Home
    from kervan.app.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    opened = open_project(tmp_path, flags={"workspace": {"actor": "ayşe"}})
    yield opened
    opened.store.close()


def opens(project: Project, token: str) -> bool:
    """Whether a server that starts now lets a token in."""
    try:
        return bool(Access(keys.access_file(project)).caller({"x-api-key": token}).id)
    except HttpProblem:
        return False


def test_a_key_lives_on_record_and_its_secret_nowhere(project: Project) -> None:
    issued = keys.create_key(project, ["predict:gelir", "metrics"], name="dükkân", seconds=60, why="satış")
    assert opens(project, issued.token)
    rotated = keys.rotate_key(project, "dükkân", overlap=3600)
    assert opens(project, issued.token)
    assert opens(project, rotated.token)
    again = keys.rotate_key(project, issued.key.id, overlap=0)
    assert [opens(project, each.token) for each in (issued, rotated, again)] == [False, False, True]
    revoked = keys.revoke_key(project, "dükkân", why="kütükte kaldı")
    assert revoked.revoked is not None
    assert not opens(project, again.token)
    told = [(event.action, event.actor, event.why) for event in trail(project)]
    assert told == [
        ("issued key", "ayşe", "satış"),
        ("rotated key", "ayşe", ""),
        ("rotated key", "ayşe", ""),
        ("revoked key", "ayşe", "kütükte kaldı"),
    ]
    assert verify(project).records == 1
    kept = b"".join(path.read_bytes() for path in project.store.root.rglob("*") if path.is_file())
    for each in (issued, rotated, again):
        assert each.token.split("_")[2].encode() not in kept


def test_a_token_has_160_random_bits_and_its_file_is_its_owners(project: Project) -> None:
    tokens = {keys.create_key(project, ["predict"]).token for _ in range(3)}
    assert len(tokens) == 3
    for token in tokens:
        assert re.fullmatch(r"kv_[0-9A-Z]{26}_[\w-]{27,}", token)
    assert keys.access_file(project).stat().st_mode & 0o077 == 0


def test_what_cannot_be_is_refused(project: Project) -> None:
    for scope in ("everything", "predict:", "predict:../x", "metrics:gelir", "open", ""):
        with pytest.raises(InvalidInput):
            keys.create_key(project, [scope])
    with pytest.raises(InvalidInput, match="not a rate"):
        keys.create_key(project, ["predict"], rate="often")
    with pytest.raises(InvalidInput, match="nothing"):
        keys.create_key(project, [])
    with pytest.raises(InvalidInput, match="expired"):
        keys.create_key(project, ["predict"], seconds=0)
    keys.create_key(project, ["predict"], name="ci")
    with pytest.raises(Conflict, match="ci"):
        keys.create_key(project, ["predict"], name="ci")
    with pytest.raises(NotFound, match="cı"):
        keys.revoke_key(project, "cı")
    keys.revoke_key(project, "ci")
    with pytest.raises(Conflict, match="revoked"):
        keys.rotate_key(project, "ci")
    keys.create_key(project, ["predict"], name="ci")


def test_changes_at_once_lose_no_key(project: Project) -> None:
    tokens: list[str] = []

    def create() -> None:
        own = open_project(project.config.folder)
        tokens.append(keys.create_key(own, ["predict"]).token)
        own.store.close()

    keys.create_key(project, ["predict"])
    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tokens) == 8
    assert all(opens(project, token) for token in tokens)


def test_what_was_lost_is_published_anew(project: Project) -> None:
    assert doctor_says(project) == "passed"
    token = keys.create_key(project, ["predict"]).token
    known = keys.access_file(project).read_bytes()
    assert doctor_says(project) == "passed"
    keys.access_file(project).unlink()
    assert not opens(project, token)
    assert doctor_says(project) == "failed"
    keys.publish_keys(project)
    assert opens(project, token)
    keys.revoke_key(project, keys.keys(project)[0].id)
    assert doctor_says(project) == "passed"
    keys.access_file(project).write_bytes(known)  # the revoked key would open again
    assert doctor_says(project) == "failed"


def doctor_says(project: Project) -> str:
    return next(str(each.verdict) for each in examine(project) if each.subject == "keys to servers")


def test_an_expired_key_is_listed_and_not_published(project: Project) -> None:
    issued = keys.create_key(project, ["predict"], seconds=0.05)
    deadline = time.monotonic() + 10
    while issued.key.opens(time.time()):
        assert time.monotonic() < deadline
    keys.publish_keys(project)
    assert json.loads(keys.access_file(project).read_bytes())["keys"] == []
    assert [key.id for key in keys.keys(project)] == [issued.key.id]


def test_the_commands_tell_people_and_programs(home: Home) -> None:
    home.write("kervan.toml", "")
    made = home.ask("key", "create", "--scope", "predict", "--name", "ci", "--expires", "90d").out
    token = made.strip()
    found: Any = home.ask("key", "--json").json
    assert [(key["name"], key["scopes"]) for key in found] == [("ci", ["predict"])]
    rotated = home.ask("key", "rotate", "ci", "--json").json
    assert rotated["token"] != token
    assert "expires" in home.ask("key").out
    home.ask("key", "revoke", "ci", "--why", "bitti")
    shown = home.ask("key", "list").out
    assert "revoked" in shown
    assert token[-20:] not in shown + home.ask("audit").out
    assert home.ask("key", "revoke", "CI", "--json", code=3).problem["hint"] == 'did you mean "ci"?'
    assert "write 90d" in home.ask("key", "create", "--scope", "predict", "--expires", "soon", code=2).err
