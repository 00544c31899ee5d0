from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from kervan.core.errors import Corrupted
from kervan.store.ring import Ring

if TYPE_CHECKING:
    from pathlib import Path


def ring(folder: Path, secret: bytes = b"s" * 32) -> Ring:
    return Ring(folder / "ring", secret=lambda: secret)


def test_a_name_keeps_its_key_until_that_is_destroyed(tmp_path: Path) -> None:
    first = ring(tmp_path).keys(["Ayşe", "Barış"])
    assert first["Ayşe"] != first["Barış"]
    assert ring(tmp_path).keys(["Barış", "Can"])["Barış"] == first["Barış"]
    assert ring(tmp_path).destroy(["Ayşe", "nobody"]) == 1
    assert not ring(tmp_path).holds("Ayşe")
    assert ring(tmp_path).keys(["Ayşe"])["Ayşe"] != first["Ayşe"]
    assert ring(tmp_path).keys(["Barış"])["Barış"] == first["Barış"]


def test_neither_names_nor_destroyed_keys_are_on_the_disk(tmp_path: Path) -> None:
    key = ring(tmp_path).keys(["Ayşe"])["Ayşe"]
    content = b"".join(path.read_bytes() for path in (tmp_path / "ring").iterdir())
    assert key in content
    assert "Ayşe".encode() not in content
    ring(tmp_path).destroy(["Ayşe"])
    assert key not in b"".join(path.read_bytes() for path in (tmp_path / "ring").iterdir())


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    ring(tmp_path).keys(map(str, range(50)))
    paths = [tmp_path / "ring", *(tmp_path / "ring").iterdir()]
    assert all(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 for path in paths)


def test_many_ask_at_once_and_have_the_same_keys(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: ring(tmp_path).keys(map(str, range(40))), range(16)))
    assert all(each == found[0] for each in found)


def test_half_a_file_is_noticed(tmp_path: Path) -> None:
    ring(tmp_path).keys(["Ayşe"])
    (path,) = (tmp_path / "ring").glob("*.keys")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Corrupted, match="holds no keys"):
        ring(tmp_path).keys(["Ayşe"])
