"""Archives: what comes out is what went in, and nothing leaves the folder."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kervan.core.errors import Conflict, Corrupted, KervanError, Refused
from kervan.package.safety.archives import read_members, unpack
from kervan.package.safety.limits import MIB, Limits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILES = {"manifest.json": b"{}", "onnx/matrix.onnx": b"\x08\x09" * 5000, "ş/boş ı.txt": b""}
TARS = ["w", "w:gz", "w:bz2", "w:xz"]


def make_zip(path: Path, files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def make_tar(path: Path, files: Mapping[str, bytes], mode: Any = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_is_unpacked_as_it_was_packed(method: int, tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", FILES, method)
    assert unpack(archive, tmp_path / "here") == tuple(FILES)
    assert contents(tmp_path / "here") == FILES


@pytest.mark.parametrize("mode", TARS)
def test_a_tar_is_unpacked_as_it_was_packed(mode: str, tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "a.tar", FILES, mode)
    assert unpack(archive, tmp_path / "here") == tuple(FILES)
    assert contents(tmp_path / "here") == FILES


def test_a_tar_of_a_folder_itself_is_read(tmp_path: Path) -> None:
    (tmp_path / "one" / "in").mkdir(parents=True)
    (tmp_path / "one" / "in" / "a.txt").write_text("a")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(tmp_path / "one", ".")
    assert unpack(tmp_path / "a.tar", tmp_path / "here") == ("in/a.txt",)


def test_members_come_one_after_the_other(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", FILES)
    found = {member.name: (member.size, member.stream.read()) for member in read_members(archive)}
    assert found == {name: (len(content), content) for name, content in FILES.items()}


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../a",
        "a/../../b",
        "a//b",
        "C:/a",
        "a\\b",
        "a\nb",
        "a" * 300,
        "a/" * 40 + "b",
        "./../a",
    ],
)
def test_names_that_lead_elsewhere_are_refused(name: str, tmp_path: Path) -> None:
    for archive in (
        make_zip(tmp_path / "a.zip", {"good": b"1", name: b"2"}),
        make_tar(tmp_path / "a.tar", {"good": b"1", name: b"2"}),
    ):
        with pytest.raises(Refused):
            unpack(archive, tmp_path / "here")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar", "a.zip"]


@pytest.mark.parametrize("twin", ["a", "A", "a/b"])
def test_a_name_belongs_to_one_member(twin: str, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name in ("a", twin):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(Refused, match="twice"):
        unpack(tmp_path / "a.tar", tmp_path / "here")


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_in_a_tar_are_refused(kind: bytes, tmp_path: Path) -> None:
    info = tarfile.TarInfo("link")
    info.type, info.linkname = kind, "/etc/passwd"
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(info)
    with pytest.raises(Refused, match="link"):
        unpack(tmp_path / "a.tar", tmp_path / "here")


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(Refused, match="link"):
        unpack(tmp_path / "a.zip", tmp_path / "here")


def test_limits_hold(tmp_path: Path) -> None:
    zeros = {"a": bytes(40 * MIB)}
    for archive in (
        make_zip(tmp_path / "a.zip", zeros),
        *(make_tar(tmp_path / f"{at}.tar", zeros, mode) for at, mode in enumerate(TARS[1:])),
    ):
        with pytest.raises(Refused, match="grows"):
            unpack(archive, tmp_path / "here")
    many = make_zip(tmp_path / "many.zip", {str(number): b"" for number in range(50)})
    with pytest.raises(Refused, match="50 members"):
        unpack(many, tmp_path / "here", Limits(members=49))
    with pytest.raises(Refused, match="more than 1 MiB"):
        unpack(make_tar(tmp_path / "b.tar", {"a": bytes(2 * MIB)}), tmp_path / "here", Limits(total=MIB))
    assert not (tmp_path / "here").exists()


def test_an_index_that_leads_before_the_file_is_corrupted(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", FILES)
    content = archive.read_bytes()
    archive.write_bytes(content[:-6] + (2**31).to_bytes(4, "little") + content[-2:])
    with pytest.raises(Corrupted):
        unpack(archive, tmp_path / "here")


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", FILES)
    (tmp_path / "here").mkdir()
    with pytest.raises(Conflict):
        unpack(archive, tmp_path / "here")


@pytest.mark.parametrize("make", [make_zip, make_tar])
@settings(max_examples=200)
@given(data=st.data())
def test_a_broken_archive_never_gives_half_a_folder(
    make: Any, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("broken")
    archive = make(folder / "archive", FILES)
    content = bytearray(archive.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[place] ^= data.draw(st.integers(1, 255))
    del content[data.draw(st.integers(0, len(content))) :]
    archive.write_bytes(content)
    error = refusal(archive, folder / "here")
    if error:
        assert str(archive) in str(error)
        assert sorted(folder.iterdir()) == [archive]


def refusal(archive: Path, folder: Path) -> KervanError | None:
    try:
        unpack(archive, folder)
    except (Refused, Corrupted) as error:
        return error
    return None
