from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kervan.core.errors import Corrupted, StorageFailed
from kervan.store.keys import Keys

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

PIECE = 1 << 20
OVERHEAD = 28

RACE = """
import os, pathlib, sys
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from kervan.store.keys import Keys

start, go = os.pipe()
children = []
for _ in range(8):
    back, out = os.pipe()
    if os.fork() == 0:
        os.close(go)
        os.read(start, 1)
        os.write(out, Keys(pathlib.Path(sys.argv[1])).derived("yarış").hex().encode())
        os._exit(0)
    os.close(out)
    children.append(back)
os.close(go)
print(*(os.read(child, 64).decode() for child in children))
"""


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys(tmp_path_factory.mktemp("anahtar ı") / "keys")


@settings(max_examples=40)
@given(content=st.binary(max_size=3_000), context=st.text(max_size=20))
def test_what_is_sealed_can_be_opened(content: bytes, context: str, keys: Keys) -> None:
    sealed = keys.seal(content, context)
    assert keys.open(sealed, context) == content
    assert len(sealed) == len(content) + OVERHEAD
    if len(content) > 8:
        assert content not in sealed
    assert keys.seal(content, context) != sealed


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 5])
def test_every_length_around_a_piece_comes_back(size: int, keys: Keys) -> None:
    content = os.urandom(size)
    assert keys.open(keys.seal(content, "x"), "x") == content


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, 2 * PIECE, 2 * PIECE + 5])
def test_a_file_is_sealed_as_its_bytes_are(size: int, keys: Keys, tmp_path: Path) -> None:
    content = os.urandom(size)
    (tmp_path / "plain").write_bytes(content)
    keys.seal_file(tmp_path / "plain", tmp_path / "sealed", "x")
    assert keys.open((tmp_path / "sealed").read_bytes(), "x") == content
    with pytest.raises(FileExistsError):
        keys.seal_file(tmp_path / "plain", tmp_path / "sealed", "x")


@settings(max_examples=40)
@given(data=st.data(), content=st.binary(max_size=200))
def test_any_altered_or_missing_byte_is_noticed(data: st.DataObject, content: bytes, keys: Keys) -> None:
    sealed = keys.seal(content, "test part")
    place = data.draw(st.integers(0, len(sealed) - 1))
    flipped = data.draw(st.integers(1, 255))
    altered = bytearray(sealed)
    altered[place] ^= flipped
    for wrong in (bytes(altered), sealed[:place], sealed + bytes([flipped]), sealed[place + 1 :]):
        with pytest.raises(Corrupted, match="test part cannot be opened"):
            keys.open(wrong, "test part")
    with pytest.raises(Corrupted):
        keys.open(sealed, "another part")


def test_pieces_cannot_be_moved_dropped_or_joined(keys: Keys) -> None:
    width = PIECE + OVERHEAD
    sealed = keys.seal(bytes(2 * PIECE) + b"end", "x")
    first, second, last = sealed[:width], sealed[width : 2 * width], sealed[2 * width :]
    for wrong in (second + first + last, first + last, first + second, first, last, first + first + last):
        with pytest.raises(Corrupted):
            keys.open(wrong, "x")


def test_another_workspace_cannot_open_it(keys: Keys, tmp_path: Path) -> None:
    with pytest.raises(Corrupted, match="the workspace's key is another one") as caught:
        Keys(tmp_path).open(keys.seal(b"gizli", "x"), "x")
    assert "workspace.key" in caught.value.hint


def test_each_purpose_has_its_own_key_and_keeps_it(tmp_path: Path) -> None:
    first = Keys(tmp_path).derived("kişi")
    assert len(first) == 32
    assert Keys(tmp_path).derived("kişi") == first
    assert Keys(tmp_path).derived("kisi") != first


def test_only_the_owner_can_read_the_key(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    Keys(folder).derived("x")
    [file] = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RACE, str(tmp_path / "keys")], capture_output=True, text=True, check=True
    )
    derived = done.stdout.split()
    assert len(derived) == 8
    assert set(derived) == {Keys(tmp_path / "keys").derived("yarış").hex()}
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["workspace.key"]


@pytest.mark.parametrize("content", [b"", b"short", bytes(33)])
def test_a_broken_key_file_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "workspace.key").write_bytes(content)
    with pytest.raises(Corrupted, match=r"workspace\.key is no key"):
        Keys(tmp_path).derived("x")


@pytest.mark.parametrize("options", ["ro", "size=4k"])
def test_a_key_that_cannot_be_kept_is_not_used(
    options: str, small_disk: Callable[[str], AbstractContextManager[Path]]
) -> None:
    with small_disk(options) as disk:
        if options != "ro":
            (disk / "rest").write_bytes(bytes(4096))
        with pytest.raises(StorageFailed) as caught:
            Keys(disk).seal(b"gizli", "x")
        assert caught.value.hint
        assert [path.name for path in disk.iterdir() if path.name != "rest"] == []
