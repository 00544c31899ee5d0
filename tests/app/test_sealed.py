"""The test part is sealed: encrypted, opened once for a model line, and every look is on record."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from app.disk import texts
from journeys.home import HEADER, SETTINGS, as_csv, customers

if TYPE_CHECKING:
    from journeys.home import Home

TREE = SETTINGS.replace('["linear"]', '["tree"]')


def looks(home: Home) -> list[dict[str, str]]:
    return [event for event in home.ask("audit", "--json").json if event["action"] == "opened test"]


def test_a_second_look_needs_a_reason_which_goes_on_record(lived: Home) -> None:
    (first,) = looks(lived)
    assert first["why"] == "acceptance"
    lived.ask("run", "--quiet")
    assert len(looks(lived)) == 1  # the same candidate is not judged twice

    lived.write("kervan.toml", TREE)
    refused = lived.ask("run", "--quiet", "--json", code=4)
    assert refused.problem["error"] == "SealedTest"
    assert "was opened for müşteri-kaybı on" in refused.problem["message"]
    assert "--why" in refused.problem["hint"]
    assert len(looks(lived)) == 1
    assert [model["version"] for model in lived.ask("models", "--json").json] == ["1.0.0"]

    why = "ağaç da denenecek, kurul onayı ı-7"
    found = lived.ask("run", "--quiet", "--json", "--why", why).json
    assert found["model"] == "müşteri-kaybı@1.0.1"
    assert [look["why"] for look in looks(lived)] == ["acceptance", why]
    lived.ask("audit", "verify")


@pytest.mark.parametrize(
    "change",
    [
        ("folds = 2", "folds = 3"),
        ("[model]", "[model]\nseed = 7"),
        ("[data]", '[data]\nunits = { "yaş" = "yıl" }'),
    ],
)
def test_the_same_rows_are_known_in_another_version_of_the_dataset(
    lived: Home, change: tuple[str, str]
) -> None:
    lived.write("kervan.toml", TREE.replace(*change))
    assert lived.ask("run", "--quiet", "--json", code=4).problem["error"] == "SealedTest"
    assert len(looks(lived)) == 1


def test_new_rows_bring_a_new_test_part(lived: Home) -> None:
    lived.write("müşteriler.csv", as_csv([*customers(200), *customers(150, seed=1)]))
    lived.write("kervan.toml", TREE)
    assert lived.ask("run", "--quiet", "--json").json["model"].startswith("müşteri-kaybı@1.")
    assert len(looks(lived)) == 2


def test_nothing_of_the_test_part_or_the_original_can_be_read_on_the_disk(home: Home) -> None:
    rows = [[*row[:5], f"sır-{place:04d}-İ", row[5]] for place, row in enumerate(customers(300))]
    home.start(300, SETTINGS.replace('protect = { "müşteri" = "hash" }', ""))
    home.write("müşteriler.csv", as_csv(rows, (*HEADER[:5], "not", HEADER[5])))
    home.ask("run", "--quiet")
    open_rows = set()
    for part in ("train", "validation"):
        home.ask("data", "export", "müşteri-kaybı", f"{part}.csv", "--part", part)
        with (home.folder / f"{part}.csv").open(encoding="utf-8", newline="") as file:
            open_rows |= {row["not"] for row in csv.DictReader(file)}
    hidden = {row[5] for row in rows} - open_rows
    assert 10 < len(hidden) < 60
    root = home.folder / ".kervan"
    found = list(texts(root))
    assert any(
        row in content for _, content in found for row in open_rows
    )  # the search does find what is there
    leaks = {(row, path.name) for path, content in found for row in hidden if row in content}
    assert leaks == set()
    original = (home.folder / "müşteriler.csv").read_bytes()
    assert not [path for path in root.rglob("*") if path.is_file() and original[:200] in path.read_bytes()]


def test_the_key_is_its_owners_alone_and_nothing_opens_without_it(lived: Home) -> None:
    key = lived.folder / ".kervan" / "keys" / "workspace.key"
    assert key.stat().st_mode & 0o077 == 0
    key.write_bytes(bytes(32))
    lived.write("kervan.toml", TREE)
    reply = lived.ask("run", "--quiet", "--why", "anahtar değişti", code=6)
    assert "cannot be opened" in reply.err
    assert "restore" in reply.err
