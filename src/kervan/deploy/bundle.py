"""A package as a ZIP for functions: wheels for the platform, Kervan, the package, and the handler.

The same package with the same wheels gives the same bytes: names in order, no times. What a function may
weigh unpacked is counted before anything is sent.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from kervan.core.errors import Refused
from kervan.core.features import codes
from kervan.core.nouns import Finding, Verdict
from kervan.deploy.image.build import kervan_entries
from kervan.deploy.image.layers import Entry, folder_entries
from kervan.deploy.image.needs import needs_of
from kervan.deploy.image.recipe import CODE
from kervan.deploy.image.wheels import fetch, wheel_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kervan.deploy.image.build import Order

PACKAGE = "package"  # where the package lies in the ZIP
_MIB = 1 << 20
_LARGEST = 5  # files that are named where all is too much
_NEVER = (1980, 1, 1, 0, 0, 0)  # the first moment that a ZIP knows
_LEVEL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What runs functions: its Python (3.`minor`) and C library, the handler, and what a ZIP may weigh.

    `unpacked` and `packed` are bytes; `packed` is for a ZIP that is sent with the call, 0 where none is.
    """

    title: str
    minor: int
    glibc: tuple[int, int] | None
    unpacked: int
    packed: int = 0
    files: Mapping[str, str] = field(default_factory=dict)


LAMBDA = Runtime(
    title="AWS Lambda",
    minor=12,
    glibc=(2, 34),  # Amazon Linux 2023
    unpacked=250 * _MIB,
    packed=50 * _MIB,
    files={"handler.py": "from kervan.serve.function import aws, warm\n\nwarm()\n__all__ = ['aws']\n"},
)
# The files of the others are rendered by their targets, beside the ZIP's.
CLOUD_FUNCTIONS = Runtime(title="Cloud Functions", minor=12, glibc=(2, 35), unpacked=500 * _MIB)
SERVER = Runtime(title="a server", minor=11, glibc=(2, 36), unpacked=4096 * _MIB)  # Debian 12
AZURE_FUNCTIONS = Runtime(title="Azure Functions", minor=12, glibc=(2, 31), unpacked=1024 * _MIB)


@runtime_checkable
class Bundled(Protocol):
    """A target whose artefact is a ZIP, for this runtime."""

    runtime: Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A ZIP that was written: how many bytes it has, packed and unpacked."""

    file: Path
    packed: int
    unpacked: int


def write_bundle(
    order: Order, runtime: Runtime, file: Path, extra: Mapping[str, bytes] | None = None
) -> Bundle:
    """Write the ZIP of a package, with `extra` files by their paths in it.

    Raises `Refused` that names the largest files if it is too much for the runtime, `NotFound` where there is
    no wheel for the platform, and what the index raises. Then nothing is written.
    """
    entries = _entries(order, runtime, extra or {})
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".bundle-") as scratch:
        place = Path(scratch) / file.name
        with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
            for entry in entries:
                _add(archive, entry)
        wrong = [*look_at_bundle(place, runtime, is_stored=True)]
        if wrong:
            raise Refused(wrong[0].message, hint=wrong[0].hint)
        place.replace(file)
    return Bundle(file=file, packed=file.stat().st_size, unpacked=sum(size for _, size in _sizes(file)))


def look_at_bundle(file: Path, runtime: Runtime, *, is_stored: bool = False) -> Iterator[Finding]:
    """Say whether a ZIP is too much for a runtime; nothing where there is none yet.

    One that `is_stored` goes by way of a bucket, and only what it weighs unpacked counts.
    """
    if not file.is_file():
        return
    sizes = _sizes(file)
    unpacked, packed = sum(size for _, size in sizes), file.stat().st_size
    hint = "leave out [image] extras and requirements, take fewer formats, or release it as an image"
    if unpacked > runtime.unpacked:
        said = f"{file.name} has {_mib(unpacked)} unpacked"
        most = f"{runtime.title} takes {runtime.unpacked // _MIB} MiB"
        yield _failed(file, f"{said}, and {most}: {_largest(sizes)}", hint)
    if runtime.packed and packed > runtime.packed and not is_stored:
        said = (
            f"{file.name} has {_mib(packed)}, over the {runtime.packed // _MIB} MiB that are sent with a call"
        )
        yield _failed(file, f"{said}: {_largest(sizes)}", "name a bucket: [targets.lambda] bucket")


def _failed(file: Path, message: str, hint: str) -> Finding:
    return Finding(rule="size", subject=file.name, verdict=Verdict.FAILED, message=message, hint=hint)


def _entries(order: Order, runtime: Runtime, extra: Mapping[str, bytes]) -> list[Entry]:
    settings = order.settings
    local = order.project / settings.wheels if settings.wheels else None
    needed = needs_of(order.package, order.manifest, settings)
    wheels = fetch(needed, runtime, settings.platform, local=local, cache=order.cache / "wheels")
    trusted = f"os.environ.setdefault('KERVAN_TRUSTED', {','.join(order.trusted)!r})\n"
    functions = ",".join(codes(order.manifest.signature.features))
    allowed = f"os.environ.setdefault('KERVAN_ALLOW', {functions!r})\n" if functions else ""
    begin = f"import os\n\n{trusted}{allowed}\n" if order.trusted else ""
    files = {path: begin + text for path, text in runtime.files.items()}
    found = [entry for wheel in wheels for entry in wheel_entries(wheel, CODE)]
    found += kervan_entries(settings.platform)
    found += [Entry(path=f"{CODE}/{path}", read=_reading(text.encode())) for path, text in files.items()]
    found += [Entry(path=f"{CODE}/{path}", read=_reading(content)) for path, content in extra.items()]
    found += folder_entries(order.package, f"{CODE}/{PACKAGE}")
    by_path = {entry.path.removeprefix(f"{CODE}/"): entry for entry in found}
    return [
        Entry(path=path, read=by_path[path].read, executable=by_path[path].executable)
        for path in sorted(by_path)
    ]


def _reading(content: bytes) -> Callable[[], bytes]:
    return lambda: content


def _add(archive: zipfile.ZipFile, entry: Entry) -> None:
    if entry.read is None:
        return
    told = zipfile.ZipInfo(entry.path, _NEVER)
    told.create_system = 3  # Unix: only then the rights count
    told.external_attr = (0o100755 if entry.executable else 0o100644) << 16
    told.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(told, entry.read())


def _sizes(file: Path) -> list[tuple[str, int]]:
    with zipfile.ZipFile(file) as archive:
        return [(each.filename, each.file_size) for each in archive.infolist()]


def _largest(sizes: Sequence[tuple[str, int]]) -> str:
    largest = sorted(sizes, key=lambda each: -each[1])[:_LARGEST]
    return "the largest are " + ", ".join(f"{name} ({_mib(size)})" for name, size in largest)


def _mib(size: int) -> str:
    return f"{size / _MIB:.1f} MiB"
