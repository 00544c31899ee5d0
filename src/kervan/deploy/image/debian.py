"""What Debian's package manager wrote down in an image, and in which order Debian puts versions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest

_SOURCE = re.compile(r"(\S+)(?: \((\S+)\))?")
_PIECES = re.compile(r"([^0-9]*)([0-9]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class DebianPackage:
    """An installed package, and the source package that advisories speak of."""

    name: str
    version: str
    architecture: str
    source: str
    source_version: str


def read_status(text: str) -> list[DebianPackage]:
    """Read `/var/lib/dpkg/status`, or a file of `status.d`; what is not installed is left out.

    >>> read_status("Package: libssl3\\nVersion: 3.0.1-1\\nSource: openssl")[0].source
    'openssl'
    """
    found = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        pairs = (line.partition(":") for line in paragraph.splitlines() if not line.startswith((" ", "\t")))
        fields = {name: value.strip() for name, _, value in pairs}
        is_installed = fields.get("Status", "install ok installed").endswith(" installed")
        if not is_installed or not {"Package", "Version"} <= fields.keys():
            continue
        name, number = fields["Package"], fields["Version"]
        source = _SOURCE.fullmatch(fields.get("Source", name))
        found.append(
            DebianPackage(
                name=name,
                version=number,
                architecture=fields.get("Architecture", "all"),
                source=source[1] if source else name,
                source_version=(source[2] if source else None) or number,
            )
        )
    return found


def debian_key(version: str) -> tuple[int, list[tuple[list[int], int]], list[tuple[list[int], int]]]:
    """Return by what Debian sorts versions (deb-version(7)).

    >>> sorted(["1.0", "1.0~rc1", "1:0.9", "1.0-2", "1.0-10"], key=debian_key)
    ['1.0~rc1', '1.0', '1.0-2', '1.0-10', '1:0.9']
    """
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "0")
    return int(epoch) if epoch.isdigit() else 0, _pieces(upstream), _pieces(revision)


def _pieces(text: str) -> list[tuple[list[int], int]]:
    """Return letters and numbers in turn; the end of the letters sorts behind `~` and before all else."""
    found = _PIECES.findall(text)
    return [([*map(_weight, letters), 0], int(number or 0)) for letters, number in found]


def _weight(letter: str) -> int:
    if letter == "~":
        return -1
    return ord(letter) if letter.isalpha() else ord(letter) + 256


def is_older(one: str, other: str) -> bool:
    """Say whether a version comes before another.

    >>> is_older("3.0.15-1~deb12u1", "3.0.15-1")
    True
    """
    first, second = debian_key(one), debian_key(other)
    if first[0] != second[0]:
        return first[0] < second[0]
    for mine, theirs in zip(first[1:], second[1:], strict=True):
        for left, right in zip_longest(mine, theirs, fillvalue=([0], 0)):
            if left != right:
                return left < right
    return False
