"""Wheels for an image: fetched in exact versions for its platform and Python, locked by their hashes."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from kervan.core.errors import Corrupted, InvalidConfig, MissingTool, NotFound, ServerFailed
from kervan.core.identity import sha256_file, sha256_parts
from kervan.deploy.image.layers import Entry
from kervan.deploy.image.needs import pins, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
_OLD = ("manylinux2014", "manylinux2010", "manylinux1")
_ABSENT = re.compile(r"(?:No matching distribution found for|satisfies the requirement) (\S+)")


class Runner(Protocol):
    """What runs the wheels: Python 3.`minor` and its C library, None where it is musl's."""

    @property
    def minor(self) -> int:
        """The second number of its version."""

    @property
    def glibc(self) -> tuple[int, int] | None:
        """The version of glibc."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """One wheel that was fetched."""

    file: Path
    name: str
    version: str
    sha256: str


def fetch(
    needed: Sequence[str], base: Runner, platform: str, *, local: Path | None, cache: Path
) -> list[Wheel]:
    """Fetch wheels for a base, or take those that were fetched for the same needs before.

    `local` is a folder of wheels to take instead of an index. Raises `NotFound` if there is no wheel for the
    platform, `ServerFailed` if the index cannot be reached, `MissingTool` without pip.
    """
    pinned = pins(needed)
    key = sha256_parts([*needed, *pinned, platform, str(base.minor), str(base.glibc), *_listed(local)])
    folder = cache / key[:32]
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            place = Path(scratch) / "wheels"
            _download(needed, pinned, [*_tags(base, platform)], local, place)
            _move(place, folder)
    return [_wheel(file) for file in sorted(folder.glob("*.whl"))]


def _move(place: Path, folder: Path) -> None:
    try:
        place.replace(folder)
    except OSError:
        if not folder.exists():  # another process was faster
            raise


def _listed(local: Path | None) -> list[str]:
    if local is None:
        return []
    found = sorted(each.name for each in local.glob("*.whl"))
    if not found:
        raise NotFound(f"[image] wheels: there are none in {local}", hint="fill it with `pip download`")
    return found


def _tags(base: Runner, platform: str) -> list[str]:
    """Return what wheels may be called that run there, and what Python is asked for."""
    name = _MACHINES[platform]
    if base.glibc is None:
        platforms = [f"musllinux_1_{number}_{name}" for number in (2, 1)]
    else:
        newest = base.glibc[1]
        platforms = [f"manylinux_2_{number}_{name}" for number in range(newest, 4, -1)]
        platforms += [f"{each}_{name}" for each in _OLD]
    tags = [part for each in platforms for part in ("--platform", each)]
    return [*tags, "--implementation", "cp", "--python-version", f"3.{base.minor}"]


def _download(
    needed: Sequence[str], pinned: Sequence[str], tags: list[str], local: Path | None, to: Path
) -> None:
    to.mkdir()
    constraints = to / "constraints.txt"
    constraints.write_text("\n".join(pinned))
    where = [] if local is None else ["--no-index", "--find-links", str(local)]
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
    ]
    command += ["--only-binary=:all:", *tags, *where, "--constraint", str(constraints), "--dest", str(to)]
    done = subprocess.run([*command, *needed], capture_output=True, text=True, check=False)
    constraints.unlink()
    if done.returncode == 0:
        return
    _complain(done.stderr, local)


def _complain(told: str, local: Path | None) -> None:
    if "No module named pip" in told:
        raise MissingTool("pip, which fetches wheels, is not installed", hint="python -m ensurepip")
    if "Invalid requirement" in told:
        raise InvalidConfig(f"[image] requirements: {_last(told)}", hint="write it like lightgbm==4.6.0")
    absent = _ABSENT.search(told)
    if absent and "Connection" not in told:
        where = f"in {local}" if local else "on the index for that platform, Python and version"
        raise NotFound(
            f"there is no wheel for {absent[1]} {where}",
            hint="change [image] base, platform or requirements, or put one into the folder [image] wheels",
        )
    raise ServerFailed(f"pip could not fetch the wheels: {_last(told)}", hint="is the index reachable?")


def _last(told: str) -> str:
    lines = [line.removeprefix("ERROR: ") for line in told.splitlines() if line.startswith("ERROR: ")]
    return lines[0] if lines else told.strip()[-300:]


def _wheel(file: Path) -> Wheel:
    name, number = file.name.split("-")[:2]
    return Wheel(file=file, name=plain(name), version=number, sha256=sha256_file(file))


def lock(wheels: Sequence[Wheel]) -> str:
    """Return what was fetched as a file that `pip install --require-hashes` takes."""
    return "".join(f"{each.name}=={each.version} \\\n    --hash=sha256:{each.sha256}\n" for each in wheels)


def wheel_entries(wheel: Wheel, at: str) -> list[Entry]:
    """Return the files of a wheel as they lie once it is installed, without its commands and tests."""
    found = []
    with zipfile.ZipFile(wheel.file) as archive:
        for each in archive.infolist():
            path = _place(each.filename, wheel)
            if path is not None and not each.is_dir():
                found.append(Entry(path=f"{at}/{path}", read=_reader(wheel.file, each)))
    return found


def _place(name: str, wheel: Wheel) -> str | None:
    """Return where a file of a wheel goes, None for what is left out."""
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or name.startswith("/") or "\\" in name:
        raise Corrupted(f"{wheel.file.name} holds {name!r}, which leads outside", hint="fetch it elsewhere")
    if parts[0].endswith(".data"):
        return "/".join(parts[2:]) if len(parts) > 2 and parts[1] in {"purelib", "platlib"} else None
    is_left_out = "tests" in parts[1:-1] or parts[-1].endswith((".pyc", ".pyi"))
    return None if is_left_out else "/".join(parts)


def _reader(file: Path, told: zipfile.ZipInfo) -> Callable[[], bytes]:
    """Return what reads one file of a wheel, without reading the wheel's list of files again for each."""

    def read() -> bytes:
        with file.open("rb") as stream:
            stream.seek(told.header_offset + 26)
            name, extra = struct.unpack("<HH", stream.read(4))
            stream.seek(name + extra, os.SEEK_CUR)
            packed = stream.read(told.compress_size)
        content = packed if told.compress_type == zipfile.ZIP_STORED else zlib.decompress(packed, -15)
        if zlib.crc32(content) != told.CRC:
            raise Corrupted(f"{file.name} is damaged: {told.filename}", hint=f"remove {file}")
        return content

    return read
