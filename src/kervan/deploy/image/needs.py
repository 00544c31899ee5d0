"""Which distributions of Python an image needs so that it answers for a package, in exact versions."""

from __future__ import annotations

import platform as machine
import re
import sys
from importlib.metadata import PackageNotFoundError, distributions, requires, version
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.package.proving.build import requirements, served_format
from kervan.package.quick.kernel import library
from kervan.package.quick.scorer import quick_scorer
from kervan.package.writing.formats.onnx import MATRIX_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kervan.core.places import ImageSettings
    from kervan.package.contents.manifest import Manifest

_RUNTIME = "onnxruntime"
_EXTRA = re.compile(r"extra == ['\"]([^'\"]+)['\"]")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MACHINES = {"amd64": ("x86_64", "amd64"), "arm64": ("aarch64", "arm64")}


def plain(name: str) -> str:
    """Return the name of a distribution in the one form in which names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needs_of(folder: Path, manifest: Manifest, settings: ImageSettings) -> list[str]:
    """Return requirements: those of Kervan, of scoring the package, of `[image]` extras and requirements.

    Raises `InvalidConfig` for an extra that Kervan does not have.
    """
    found = [*of_kervan(""), *scoring(folder, manifest, settings.platform)]
    for extra in settings.extras:
        known = sorted({name for each in requires("kervan") or () for name in _EXTRA.findall(each)})
        if extra not in known:
            raise InvalidConfig(
                f"[image] extras: Kervan has no extra {extra!r}", hint=did_you_mean(extra, known)
            )
        found += of_kervan(extra)
    return [*dict.fromkeys([*found, *settings.requirements])]


def scoring(folder: Path, manifest: Manifest, platform: str) -> list[str]:
    """Return what scores the format that is served, in the versions by which it was proved.

    ONNX Runtime is left out where our own scorer does its work.
    """
    name = served_format(manifest.formats)
    facts = next((each for each in manifest.facts if each.format == name), None)
    needed = dict(facts.requires) if facts and facts.requires else requirements([name])
    if _RUNTIME in needed and scores_alone(folder / name, platform):
        del needed[_RUNTIME]
    return [f"{each}=={number}" for each, number in sorted(needed.items())]


def scores_alone(folder: Path, platform: str) -> bool:
    """Say whether a graph is scored without ONNX Runtime in an image for a platform."""
    file = folder / MATRIX_FILE
    has_kernel = is_this_machine(platform) and library() is not None
    return has_kernel and file.is_file() and quick_scorer(file) is not None


def is_this_machine(platform: str) -> bool:
    """Say whether what is compiled here runs in images for a platform."""
    system, _, name = platform.partition("/")
    return sys.platform == system and machine.machine().lower() in _MACHINES.get(name, (name,))


def pins(chosen: Sequence[str]) -> list[str]:
    """Return the versions of all that is installed here, for what is needed by what is needed.

    What is chosen in an exact version is left out: that is the one.
    """
    named = {plain(match[0]) for each in chosen if "==" in each and (match := _NAME.match(each))}
    found = {}
    for each in distributions():
        name = plain(each.metadata["Name"] or "")
        if name and name not in {"kervan", *named}:
            found[name] = each.version.partition("+")[0]
    return [f"{name}=={number}" for name, number in sorted(found.items())]


def closure(chosen: Sequence[str]) -> dict[str, str]:
    """Return what is needed with all that it needs in turn, by what is installed here: name and version."""
    found: dict[str, str] = {}
    waiting = list(chosen)
    while waiting:
        match = _NAME.match(waiting.pop())
        name = plain(match[0]) if match else ""
        if not name or name in found:
            continue
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue  # for another system or an older Python
        waiting += [each for each in requires(name) or () if not _EXTRA.search(each)]
    exact = dict(each.split("==", 1) for each in chosen if "==" in each)
    return dict(sorted({**found, **{plain(name): number for name, number in exact.items()}}.items()))


def of_kervan(extra: str) -> Iterator[str]:
    """Yield the requirements of Kervan itself, or those that an extra adds."""
    for each in requires("kervan") or ():
        named = _EXTRA.findall(each)
        if named == ([extra] if extra else []):
            text = each.partition(";")[0].strip() if named else each
            yield text
