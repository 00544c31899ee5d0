from __future__ import annotations

import hashlib
import io
import json
import os
import resource
import shutil
import struct
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from kervan.core.errors import Conflict, Corrupted, KervanError, Refused, StorageFailed
from kervan.package.contents.archive import pack, unpack_package
from kervan.package.contents.manifest import FILE_NAME
from kervan.package.contents.signing import FILE_NAME as SIGNATURE
from kervan.package.contents.signing import SigningKey
from kervan.package.opening import load_package, opened
from kervan.testing.sample import SECRET, make_package, sample


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_package(tmp_path_factory.mktemp("written") / "paket ı", "1.0.0")


@pytest.fixture(scope="module")
def file(folder: Path) -> Path:
    path = folder.parent / "gelir ı.kervan"
    pack(folder, path)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def closed(tar: bytes) -> bytes:
    """Compress a tar and put the hash behind it, as somebody would who means harm and knows the form."""
    packed = zstandard.ZstdCompressor(level=19).compress(tar)
    return packed + struct.pack("<II", 0x184D2A50, 32) + hashlib.sha256(packed).digest()


def tar_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def test_what_was_packed_comes_back(folder: Path, file: Path, tmp_path: Path) -> None:
    unpack_package(file, tmp_path / "again")
    assert contents(tmp_path / "again") == contents(folder)


def test_a_model_in_one_file_answers_like_the_one_in_a_folder(folder: Path, file: Path) -> None:
    rows, _, _ = sample("binary")
    manifest, predictor = load_package(file, trusted=[SigningKey(SECRET).signer.key_id])
    assert manifest.ref == "gelir@1.0.0"
    np.testing.assert_array_equal(predictor.predict(rows), load_package(folder)[1].predict(rows))


def test_the_unpacked_files_are_gone_afterwards(file: Path) -> None:
    with opened(file) as found:
        assert found.folder.is_dir()
    assert not found.folder.parent.exists()


def test_the_same_content_gives_the_same_bytes(folder: Path, file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for name in sorted(contents(folder), reverse=True):
        (other / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(folder / name, other / name)
        os.utime(other / name, (time.time() - 1e6, 1e9))
        (other / name).chmod(0o600)
    pack(other, tmp_path / "again.kervan")
    assert (tmp_path / "again.kervan").read_bytes() == file.read_bytes()


NAMES = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=60)


@settings(max_examples=30)
@given(files=st.dictionaries(NAMES, st.binary(max_size=3_000), min_size=1, max_size=4))
def test_any_files_come_back(files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    scratch = tmp_path_factory.mktemp("any")
    (scratch / "folder").mkdir()
    for name, content in files.items():
        (scratch / "folder" / name).write_bytes(content)
    try:
        pack(scratch / "folder", scratch / "one.kervan")
    except Refused:  # names that are one on some disks: such a file could not be unpacked everywhere
        assert len({normalize("NFC", name).casefold() for name in files}) < len(files)
        return
    unpack_package(scratch / "one.kervan", scratch / "again")
    assert contents(scratch / "again") == files


def test_other_programs_unpack_it(folder: Path, file: Path, tmp_path: Path) -> None:
    plain = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(file.read_bytes())).read()
    (tmp_path / "plain.tar").write_bytes(plain)
    (tmp_path / "out").mkdir()
    subprocess.run(["tar", "-xf", tmp_path / "plain.tar", "-C", tmp_path / "out"], check=True)
    assert contents(tmp_path / "out") == contents(folder)


def test_one_flipped_byte_anywhere_is_refused_a_thousand_times_of_a_thousand(
    file: Path, tmp_path: Path
) -> None:
    random = np.random.default_rng(20_261_121)
    content = file.read_bytes()
    path = tmp_path / "one.kervan"
    for place in random.integers(len(content), size=1_000):
        flipped = content[place] ^ int(random.integers(1, 256))
        path.write_bytes(content[:place] + bytes([flipped]) + content[place + 1 :])
        with pytest.raises(Corrupted, match=r"one\.kervan"), opened(path):
            pass
    path.write_bytes(content)
    load_package(path)


@pytest.mark.parametrize("keep", [0, 1, 39, 40, 41, 500, -1, -40, -41])
def test_a_file_that_was_cut_off_is_refused(keep: int, file: Path, tmp_path: Path) -> None:
    (tmp_path / "one.kervan").write_bytes(file.read_bytes()[:keep])
    with pytest.raises(Corrupted, match="cut off") as caught:
        load_package(tmp_path / "one.kervan")
    assert caught.value.hint


@pytest.mark.parametrize("rest", [b"\0", b"more", bytes(40)])
def test_a_file_with_something_behind_it_is_refused(rest: bytes, file: Path, tmp_path: Path) -> None:
    (tmp_path / "one.kervan").write_bytes(file.read_bytes() + rest)
    with pytest.raises(Corrupted):
        load_package(tmp_path / "one.kervan")


def _named(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


HOSTILE = {
    "absolute": (_named("/tmp/kervan-slip"), b"x"),
    "above": (_named("../slip"), b"x"),
    "link": (_named("onnx/link", tarfile.SYMTYPE, "/etc/passwd"), b""),
    "hard link": (_named("onnx/link", tarfile.LNKTYPE, "manifest.json"), b""),
    "device": (_named("onnx/device", tarfile.CHRTYPE), b""),
    "pipe": (_named("onnx/pipe", tarfile.FIFOTYPE), b""),
    "twice": (_named(FILE_NAME), b"{}"),
    "added": (_named("extra.py"), b"print()"),
    "bomb": (_named("zeros"), bytes(64 << 20)),
}


@pytest.mark.parametrize("harm", list(HOSTILE))
def test_a_hostile_file_is_refused_and_writes_nothing(harm: str, folder: Path, tmp_path: Path) -> None:
    whole = [(tarfile.TarInfo(name), content) for name, content in contents(folder).items()]
    path = tmp_path / "inner" / "one.kervan"
    path.parent.mkdir()
    path.write_bytes(closed(tar_of(*whole)))
    load_package(path)
    path.write_bytes(closed(tar_of(*whole, HOSTILE[harm])))
    with pytest.raises((Corrupted, Refused)) as caught:
        load_package(path)
    assert caught.value.hint
    assert [each.name for each in path.parent.iterdir()] == ["one.kervan"]
    assert not (tmp_path / "slip").exists()


def test_a_package_packed_without_its_signature_is_refused(folder: Path, tmp_path: Path) -> None:
    bare = shutil.copytree(folder, tmp_path / "bare")
    (bare / SIGNATURE).unlink()
    pack(bare, tmp_path / "bare.kervan")
    with pytest.raises(Refused, match="is not signed"):
        load_package(tmp_path / "bare.kervan")


@pytest.mark.parametrize("there", ["file", "folder", "link"])
def test_nothing_is_overwritten(there: str, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "one.kervan"
    {"file": path.touch, "folder": path.mkdir, "link": lambda: path.symlink_to("nowhere")}[there]()
    with pytest.raises(Conflict, match="exists already") as caught:
        pack(folder, path)
    assert caught.value.hint
    assert [each.name for each in tmp_path.iterdir()] == ["one.kervan"]


def test_what_could_not_be_unpacked_is_not_packed(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    os.truncate(os.open(source / "zeros", os.O_CREAT | os.O_WRONLY), 64 << 20)
    with pytest.raises(Refused, match="grows more than"):
        pack(source, tmp_path / "one.kervan")
    assert [each.name for each in tmp_path.iterdir()] == ["source"]


def test_a_place_that_cannot_be_written_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="cannot write"):
        pack(folder, tmp_path / "nowhere" / "one.kervan")


def test_a_full_disk_leaves_nothing(
    tmp_path: Path, small_disk: Callable[[str], AbstractContextManager[Path]]
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "noise").write_bytes(np.random.default_rng(0).bytes(200_000))
    with small_disk("size=100k") as disk:
        with pytest.raises(KervanError, match="No space left"):
            pack(source, disk / "one.kervan")
        assert list(disk.iterdir()) == []


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("name", ["more.bin", "onnx/matrix.onnx"])
def test_nothing_is_written_but_what_the_manifest_names_in_its_size(
    place: str, name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [(tarfile.TarInfo(path), content) for path, content in contents(folder).items() if path != name]
    bomb = (tarfile.TarInfo(name), os.urandom(1 << 17) + bytes(64 << 20))
    path = tmp_path / "bomb.kervan"
    path.write_bytes(closed(tar_of(*([bomb, *files] if place == "before" else [*files, bomb]))))
    assert path.stat().st_size < 1 << 20
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))  # a larger file ends in another error
    try:
        with pytest.raises(Corrupted, match=f"{name} was (added|changed)"), opened(path):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [left.name for left in tmp_path.iterdir()] == ["bomb.kervan"]


def test_a_manifest_that_names_more_than_there_is_room_for_is_refused_first(
    folder: Path, tmp_path: Path
) -> None:
    there = contents(folder)
    told = json.loads(there[FILE_NAME])
    told["files"].append({"path": "huge.bin", "size": 1 << 50, "sha256": "0" * 64})
    there[FILE_NAME] = json.dumps(told).encode()
    there[SIGNATURE] = SigningKey(SECRET).sign(there[FILE_NAME])
    path = tmp_path / "huge.kervan"
    path.write_bytes(closed(tar_of(*((tarfile.TarInfo(name), content) for name, content in there.items()))))
    with pytest.raises(StorageFailed, match="needs 1,1"), opened(path):
        pass
