"""What a file from elsewhere is, found out by its content alone, and whether it may be read."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.core.errors import Corrupted, NotFound
from kervan.package.safety.archives import ZIP_END, ZIP_START, tar_members, zip_members
from kervan.package.safety.headers import is_onnx, npy_fault, onnx_fault, safetensors_fault
from kervan.package.safety.kinds import BY_NAME, marked
from kervan.package.safety.limits import DEFAULT, Budget
from kervan.package.safety.opcodes import walk
from kervan.package.safety.streams import compression, unpacked
from kervan.package.safety.tape import EndedEarly, Tape
from kervan.package.safety.texts import hdf5_fault, keras_fault, tag_fault, text_kind, xml_fault, yaml_fault

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path
    from typing import BinaryIO

    from kervan.package.safety.limits import Limits
    from kervan.package.safety.streams import Readable

_HEAD = 4096
_IN_MEMORY = 4 << 20
_TAIL = 66_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a file is. `inside` names the kinds of what lies in it, by member; `wrapped` its compressions."""

    kind: str
    runs_code: bool
    wrapped: tuple[str, ...] = ()
    inside: tuple[tuple[str, str], ...] = ()


def inspect_file(path: Path, limits: Limits = DEFAULT, *, allow: Collection[str] = ()) -> Found:
    """Say what a file is, without running anything in it.

    Raises `Refused` for what could do harm: kinds that run code, unless `allow` names them; archives that
    lead elsewhere; what grows or announces more than the limits; texts and headers with traps. Raises
    `Corrupted` for what is broken, `NotFound` where there is no file.
    """
    if path.is_dir():
        raise NotFound(f"{path} is a folder", hint="name a file in it: they are looked at one by one")
    if not path.is_file():
        raise NotFound(f"there is no file {path}", hint="check its name")
    inspector = _Inspector(Budget(path, limits), frozenset(allow))
    with path.open("rb") as file:
        try:
            return inspector.look(file, path.stat().st_size, 0)
        except EndedEarly as error:
            raise Corrupted(f"{path} is broken: {error}", hint="fetch the file again") from error


class _Inspector:
    def __init__(self, budget: Budget, allow: frozenset[str]) -> None:
        self._budget = budget
        self._allow = allow
        self._limits = budget.limits

    def look(self, stream: BinaryIO, size: int, depth: int) -> Found:
        """Look at one stream that can be read from its beginning again."""
        if depth > self._limits.depth:
            raise self._budget.refuse(f"nests more than {self._limits.depth} files in each other")
        tape = self._tape(stream)
        head = tape.head(_HEAD)
        if not head:
            return Found(kind="empty", runs_code=False)
        packed = compression(head)
        if packed and not (packed == "zlib" and text_kind(head)):
            return self._look_inside(stream, packed, depth)
        kind = _kind(tape, head, size)
        self._check_two_kinds(stream, head, kind)
        if kind == "zip":
            return self._zip(stream, depth)
        if kind == "tar":
            stream.seek(0)
            inside = [
                (member.name, self._member(member.stream, member.size, depth))
                for member in tar_members(stream, self._budget)
            ]
            return self._found("tar", inside=tuple(inside))
        self._check(kind, self._tape(stream), size)
        return self._found(kind)

    def _tape(self, stream: BinaryIO) -> Tape:
        stream.seek(0)
        return Tape(stream, self._limits.header)

    def _look_inside(self, stream: BinaryIO, packed: str, depth: int) -> Found:
        stream.seek(0)
        with _Spooled(unpacked(stream, packed, self._budget)) as (inner, size):
            found = self.look(inner, size, depth + 1)
        return Found(
            kind=found.kind, runs_code=found.runs_code, wrapped=(packed, *found.wrapped), inside=found.inside
        )

    def _member(self, stream: Readable, size: int, depth: int) -> str:
        with _Spooled(stream) as (inner, length):
            if length != size:
                raise Corrupted(
                    f"{self._budget.path}: a member has another size than its header says",
                    hint="fetch the file again",
                )
            return self.look(inner, length, depth + 1).kind

    def _check_two_kinds(self, stream: BinaryIO, head: bytes, kind: str) -> None:
        """Refuse a file that a reader of zips would open too. What lies in a tar is looked at anyway."""
        if kind in {"zip", "tar"}:
            return
        end = stream.seek(0, 2)
        stream.seek(max(0, end - _TAIL))
        tail = stream.read(_TAIL)
        place = tail.rfind(ZIP_END)
        if place >= 0 and len(tail) - place >= 22 and b"PK\x01\x02" in tail:
            raise self._budget.refuse(f"is two kinds of file at once: {kind} and zip")

    def _check(self, kind: str, tape: Tape, size: int) -> None:
        fault = ""
        if kind == "npy":
            fault = npy_fault(tape)
        elif kind == "safetensors":
            fault = safetensors_fault(tape, min(self._limits.header, size))
        elif kind == "onnx":
            fault = onnx_fault(tape, size)
        elif kind == "xml":
            fault = xml_fault(tape)
        elif kind == "yaml":
            fault = yaml_fault(tape)
        elif kind in {"json", "text"}:
            fault = tag_fault(tape.head(_HEAD))
        elif kind == "hdf5":
            fault = hdf5_fault(tape)
        if fault:
            raise self._budget.refuse(fault)

    def _zip(self, stream: BinaryIO, depth: int) -> Found:
        stream.seek(0)
        inside: list[tuple[str, str]] = []
        names: list[str] = []
        for member in zip_members(stream, self._budget):
            names.append(member.name)
            inside.append((member.name, self._zipped(member.name, member.stream, member.size, depth)))
        kind = _zip_kind(names)
        if kind == "keras":
            self._check_keras(stream)
        return self._found(kind, inside=tuple(inside))

    def _zipped(self, name: str, stream: Readable, size: int, depth: int) -> str:
        """Look at a member; the pickle of a PyTorch file is what makes it one."""
        is_part = name.endswith(("/data.pkl", "/constants.pkl", ".debug_pkl"))
        if is_part and {"torch", "torchscript"} & self._allow:
            return "pickle"
        return self._member(stream, size, depth)

    def _check_keras(self, stream: BinaryIO) -> None:
        stream.seek(0)
        for member in zip_members(stream, Budget(self._budget.path, self._limits)):
            if member.name == "config.json":
                fault = keras_fault(Tape(member.stream, self._limits.header))
                if fault:
                    raise self._budget.refuse(fault)

    def _found(self, kind: str, inside: tuple[tuple[str, str], ...] = ()) -> Found:
        row = BY_NAME[kind]
        if row.runs_code and kind not in self._allow:
            raise self._budget.refuse(
                f"is or holds a {kind} ({row.title}): reading it may run what it says",
                hint="ask for a format without code, such as onnx, safetensors or native; "
                f"if you trust whoever made it, allow {kind!r} by name",
            )
        return Found(kind=kind, runs_code=row.runs_code, inside=inside)


def _kind(tape: Tape, head: bytes, size: int) -> str:
    """Find out what a stream is. Whatever a reader of pickles would act on is a pickle."""
    known = _binary_kind(head, size)
    if known and not marked(head):
        return known
    text = text_kind(head)
    if text in {"json", "xml"}:
        return text
    walked = walk(tape)
    if known:  # some marks are opcodes too, behind which a pickle could go on
        return "pickle" if walked.calls else known
    if walked.calls or (not text and walked.names) or (walked.ended and head[:1] == b"\x80"):
        return "pickle"
    return text or "unknown"


def _binary_kind(head: bytes, size: int) -> str:
    if head.startswith((ZIP_START, ZIP_END)):
        return "zip"
    if head[257:262] == b"ustar" or _is_old_tar(head):
        return "tar"
    if _is_safetensors(head, size):
        return "safetensors"
    return marked(head) or ("onnx" if is_onnx(head) else "")


class _Spooled:
    """Keeps a stream in memory, or on disk where it is long, so that it can be read again."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  closed on leaving

    def __enter__(self) -> tuple[BinaryIO, int]:
        size = 0
        try:
            while piece := self._stream.read(1 << 16):
                size += self._file.write(piece)
        except BaseException:
            self._file.close()
            raise
        self._file.seek(0)
        return self._file, size  # type: ignore[return-value]

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _zip_kind(names: list[str]) -> str:
    last = {name.rpartition("/")[2] for name in names}
    if any("/code/" in f"/{name}" and name.endswith(".py") for name in names):
        return "torchscript"
    if "data.pkl" in last:
        return "torch"
    if any(name.endswith(".class") for name in names):
        return "java"
    if {"config.json", "metadata.json"} <= set(names):
        return "keras"
    if "model.ini" in names:
        return "mojo"
    return "npz" if names and all(name.endswith(".npy") for name in names) else "zip"


def _is_old_tar(head: bytes) -> bool:
    """Say whether the checksum of a header without a mark is right."""
    block = head[:512]
    if len(block) < 512 or not block[0]:
        return False
    try:
        wanted = int(block[148:156].strip(b" \0") or b"x", 8)
    except ValueError:
        return False
    return wanted == sum(block[:148]) + 8 * 32 + sum(block[156:])


def _is_safetensors(head: bytes, size: int) -> bool:
    return (
        len(head) > 9 and head[8:9] == b"{" and head[9:10] in b'"} \n' and head[6:8] in (b"\0\0", b"\xff\xff")
    )
