"""What a manifest of somebody else may say: names that can be names, paths that stay inside."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidInput
from kervan.core.identity import Version, check_name
from kervan.package.safety.archives import wrong_name

if TYPE_CHECKING:
    from kervan.package.contents.manifest import Manifest

_LAST = 253_402_300_799  # the end of the year 9999, in seconds since 1970
_LONGEST_WORD = 64
_LONGEST_TEXT = 4_096
_SHA256 = re.compile("[0-9a-f]{64}")


def check_manifest(manifest: Manifest) -> None:
    """Raise `InvalidInput` that names the first field which says what no honest manifest says."""
    check_name(manifest.name, "a model")
    if len(manifest.version) > _LONGEST_WORD or str(Version.parse(manifest.version)) != manifest.version:
        raise InvalidInput(f"`version` is {manifest.version[:80]!r}, which is none")
    if not 0 <= manifest.created <= _LAST:
        raise InvalidInput(f"`created` is {manifest.created:g}, which is no time")
    _check_formats(manifest.formats)
    _check_files(manifest)
    for column in (*manifest.signature.inputs, manifest.signature.output):
        if not 0 < len(column.name) <= _LONGEST_TEXT:
            raise InvalidInput(f"`signature` has a column with a name of {len(column.name)} letters")
    for field in ("creator", "entity", "family", "licence"):
        if len(getattr(manifest, field)) > _LONGEST_TEXT:
            raise InvalidInput(f"`{field}` has more than {_LONGEST_TEXT} letters")


def _check_formats(formats: tuple[str, ...]) -> None:
    for name in formats:
        check_name(name, "a format")
    if len(set(formats)) < len(formats):
        raise InvalidInput("`formats` names one twice")


def _check_files(manifest: Manifest) -> None:
    for file in manifest.files:
        wrong = wrong_name(file.path)
        if wrong:
            raise InvalidInput(f"`files` has {file.path[:80]!r}, and that name {wrong}")
        if file.size < 0 or not _SHA256.fullmatch(file.sha256):
            raise InvalidInput(f"`files` says a size or hash of {file.path[:80]!r} that is none")
    there = {file.path for file in manifest.files}
    for field in ("model_card", "data_card", "materials"):
        name = getattr(manifest, field)
        if name and name not in there:
            raise InvalidInput(f"`{field}` is {name[:80]!r}, which is no file of the package")
