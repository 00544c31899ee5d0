from __future__ import annotations

import os
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kervan.core.errors import Corrupted, InvalidConfig, NotFound, StorageFailed
from kervan.core.identity import sha256
from kervan.store.blobs import Blobs

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager


@pytest.fixture(params=["folder", "file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    folder = tmp_path / "dosyalar ı"
    if request.param == "memory":
        return f"memory://{uuid.uuid4()}"
    return str(folder) if request.param == "folder" else f"file://{folder}"


@pytest.fixture
def blobs(url: str) -> Blobs:
    return Blobs(url)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(content=st.binary(max_size=2_000))
def test_content_comes_back_under_its_hash(content: bytes, blobs: Blobs) -> None:
    digest = blobs.put_bytes(content)
    assert digest == sha256(content)
    assert blobs.holds(digest)
    assert blobs.read_bytes(digest) == content
    with blobs.open(digest) as file:
        assert file.read() == content


def test_a_file_is_stored_like_its_bytes(blobs: Blobs, tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    path = tmp_path / "İstanbul şehir.bin"
    path.write_bytes(content)
    assert blobs.put_file(path) == blobs.put_bytes(content) == sha256(content)
    [stored] = blobs.all()
    assert (stored.hash, stored.size) == (sha256(content), len(content))
    assert -5 < stored.age < 60


def test_a_file_given_for_good_is_not_copied_on_the_same_disk(tmp_path: Path) -> None:
    blobs, path = Blobs(str(tmp_path / "blobs")), tmp_path / "given"
    path.write_bytes(b"for good")
    digest = blobs.put_file(path, for_good=True)
    kept = tmp_path / "blobs" / digest[:2] / digest[2:]
    assert kept.samefile(path)
    path.unlink()
    assert blobs.read_bytes(digest) == b"for good"
    assert kept.stat().st_mode & 0o077 == 0
    assert [each.hash for each in blobs.all()] == [digest]


def test_what_is_not_stored_is_not_found(blobs: Blobs) -> None:
    digest = sha256(b"yok")
    assert not blobs.holds(digest)
    assert list(blobs.all()) == list(blobs.leftovers()) == []
    with pytest.raises(NotFound, match=f"{digest} is gone") as caught:
        blobs.read_bytes(digest)
    assert "backup" in caught.value.hint
    blobs.remove(digest)


def test_removed_content_is_gone_and_can_be_stored_again(blobs: Blobs) -> None:
    digest = blobs.put_bytes(b"bir")
    other = blobs.put_bytes(b"iki")
    blobs.remove(digest)
    assert not blobs.holds(digest)
    assert [stored.hash for stored in blobs.all()] == [other]
    assert blobs.put_bytes(b"bir") == digest
    assert blobs.read_bytes(digest) == b"bir"


def place_of(folder: Path, digest: str) -> Path:
    return folder / digest[:2] / digest[2:]


@pytest.mark.parametrize("altered", [b"", b"bio", b"bir ", b"bi"])
def test_altered_content_is_found_on_reading(altered: bytes, folder: Path) -> None:
    blobs = Blobs(str(folder))
    digest = blobs.put_bytes(b"bir")
    place_of(folder, digest).write_bytes(altered)
    with pytest.raises(Corrupted, match=f"{digest} in .*blobs was altered"):
        blobs.read_bytes(digest)


def test_content_cut_short_by_a_power_failure_is_written_again(folder: Path) -> None:
    blobs = Blobs(str(folder))
    digest = blobs.put_bytes(b"bir")
    place_of(folder, digest).write_bytes(b"b")
    assert blobs.put_bytes(b"bir") == digest
    assert blobs.read_bytes(digest) == b"bir"


def test_leftovers_of_a_crash_are_no_content_and_are_swept_when_old(folder: Path) -> None:
    blobs = Blobs(str(folder))
    digest = blobs.put_bytes(b"bir")
    left = folder / digest[:2] / ".part-x1"
    left.write_bytes(b"half")
    assert list(blobs.leftovers()) == []
    os.utime(left, (time.time() - 7_200,) * 2)
    assert [stored.hash for stored in blobs.all()] == [digest]
    assert list(blobs.leftovers()) == [f"{digest[:2]}/.part-x1"]
    for name in blobs.leftovers():
        blobs.sweep(name)
    assert not left.exists()
    assert blobs.read_bytes(digest) == b"bir"


def test_many_writers_of_one_content_store_it_once(folder: Path) -> None:
    contents = [os.urandom(200_000) for _ in range(4)]
    with ThreadPoolExecutor(16) as pool:
        written = list(pool.map(Blobs(str(folder)).put_bytes, contents * 16))
    assert set(written) == {sha256(content) for content in contents}
    assert sorted(stored.hash for stored in Blobs(str(folder)).all()) == sorted(set(written))
    assert not list(folder.rglob(".part-*"))


def test_content_is_listed_while_others_write_and_remove(folder: Path) -> None:
    blobs = Blobs(str(folder))
    kept = blobs.put_bytes(b"kept")
    over = threading.Event()

    def write_and_remove() -> None:
        number = 0
        while not over.is_set():
            blobs.remove(blobs.put_bytes(f"{threading.get_ident()} {number % 7}".encode()))
            number += 1

    writers = [threading.Thread(target=write_and_remove) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(200):
            assert kept in {stored.hash for stored in blobs.all()}
            assert list(blobs.leftovers()) == []
    finally:
        over.set()
        for writer in writers:
            writer.join()


def test_a_full_disk_is_said_and_nothing_half_is_left(
    small_disk: Callable[[str], AbstractContextManager[Path]],
) -> None:
    with small_disk("size=1m") as disk:
        blobs = Blobs(str(disk / "blobs"))
        digest = blobs.put_bytes(b"bir")
        with pytest.raises(StorageFailed, match="No space left") as caught:
            blobs.put_bytes(os.urandom(2_000_000))
        assert "free some space" in caught.value.hint
        assert [stored.hash for stored in blobs.all()] == [digest]
        assert not list(disk.rglob(".part-*"))
        assert blobs.put_bytes(b"iki")


def test_a_disk_without_room_for_the_working_copy_is_said(
    small_disk: Callable[[str], AbstractContextManager[Path]], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk("size=64k") as disk:
        monkeypatch.setattr("tempfile.tempdir", str(disk))
        with pytest.raises(StorageFailed, match="No space left"):
            Blobs(f"memory://{uuid.uuid4()}").put_bytes(os.urandom(200_000))
        assert list(disk.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(
    small_disk: Callable[[str], AbstractContextManager[Path]],
) -> None:
    with small_disk("ro") as disk:
        blobs = Blobs(str(disk / "blobs"))
        with pytest.raises(StorageFailed, match=r"blobs.*Read-only file system") as caught:
            blobs.put_bytes(b"bir")
        assert "make the folder writable" in caught.value.hint
        assert list(blobs.all()) == []


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("I am a file")
    with pytest.raises(StorageFailed, match="blobs"):
        Blobs(str(tmp_path / "blobs")).put_bytes(b"bir")


@pytest.mark.parametrize("url", ["nonsense://x", "libarchive://bucket"])
def test_a_place_that_cannot_be_reached_is_refused_in_words(url: str) -> None:
    with pytest.raises(InvalidConfig, match=rf"\[workspace\] blobs: {url}") as caught:
        Blobs(url)
    assert "fsspec" in caught.value.hint
