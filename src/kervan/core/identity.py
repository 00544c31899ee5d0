"""Hashes, time-ordered ids, semantic versions and references such as `income@1.2.0` and `adult:3`."""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from dataclasses import dataclass
from enum import IntEnum
from math import ceil
from typing import TYPE_CHECKING
from unicodedata import category, normalize

from kervan.core.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_NAME = re.compile(r"[^\W_][\w.-]*")
_LONGEST = 128
_DIGITS = 18  # of a version
_VERSION = re.compile(r"(0|[1-9]\d{0,17})\.(0|[1-9]\d{0,17})\.(0|[1-9]\d{0,17})", re.ASCII)
_BEGUN = re.compile(r"v?(\d+(?:\.\d+){0,2})", re.ASCII)
_CHUNK = 1 << 20
_TURKISH = str.maketrans("ıİ", "ii")


_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]


def plain_name(text: str) -> str:
    """Return a name of lower-case ASCII letters, digits and hyphens, as addresses and installers take them.

    >>> plain_name("Müşteri kaybı"), plain_name("income_2")
    ('musteri-kaybi', 'income-2')
    """
    plain = normalize("NFKD", text.translate(_TURKISH)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


class _Clock:
    """Issues strictly rising 128-bit numbers: 48 bits of milliseconds, 80 random bits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def tick(self, count: int = 1) -> int:
        """Return the first of so many numbers in a row."""
        fresh = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
        with self._lock:
            first = max(fresh, self._last + 1)
            self._last = first + count - 1
            return first


_clock = _Clock()


def new_id() -> str:
    """Return a new ULID: 26 letters that sort by the time of their making, also within one process.

    >>> first, second = new_id(), new_id()
    >>> len(first), first < second
    (26, True)
    """
    return _written(_clock.tick())


def new_ids(count: int) -> list[str]:
    """Return ids made at once, rising: they follow each other without a gap, which makes them cheap.

    >>> ids = new_ids(3)
    >>> len(ids), ids == sorted(ids)
    (3, True)
    """
    first = _clock.tick(count)
    low = first & 0xFFFFF
    if low + count > 0xFFFFF:
        return [_written(first + place) for place in range(count)]
    front = _written(first)[:-4]
    return [front + _PAIRS[number >> 10] + _PAIRS[number & 1023] for number in range(low, low + count)]


def _written(number: int) -> str:
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])


def id_time(ident: str) -> float:
    """Return the time, in seconds since 1970, at which an id was made.

    >>> abs(id_time(new_id()) - time.time()) < 5
    True
    """
    number = 0
    for letter in ident[:10]:
        number = number << 5 | _ALPHABET.index(letter)
    return number / 1000


def first_id(seconds: float) -> str:
    """Return the least id that can be made at a time, in seconds since 1970, or later.

    >>> id_time(first_id(1.5)), first_id(0.0) < new_id()
    (1.5, True)
    """
    return _written(max(ceil(seconds * 1000), 0) << 80)


def id_after(ident: str) -> str:
    """Return the least id that is greater than another.

    >>> id_after("01JD4Z8Y7W00000000000000ZZ")
    '01JD4Z8Y7W0000000000000100'
    """
    number = 0
    for letter in ident:
        number = number << 5 | _ALPHABET.index(letter)
    return _written(number + 1)


def sha256(content: bytes) -> str:
    """Return the SHA-256 of some bytes as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's content, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def sha256_parts(parts: Iterable[str]) -> str:
    """Return one SHA-256 over several texts; lists that only join to the same text differ."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode()
        digest.update(len(content).to_bytes(8, "big"))
        digest.update(content)
    return digest.hexdigest()


def check_name(name: str, what: str) -> str:
    """Return `name` if it can name a dataset, model or environment; letters of every script are welcome.

    It comes back in Unicode's composed form (NFC): what looks the same is the same name.

    >>> check_name("şehir-2026", "a dataset")
    'şehir-2026'
    """
    composed = normalize("NFC", name)
    without_marks = composed[:1] + "".join(letter for letter in composed[1:] if category(letter)[0] != "M")
    if _NAME.fullmatch(without_marks) and len(composed) <= _LONGEST:
        return composed
    raise InvalidInput(
        f"{name!r} cannot name {what}",
        hint="use letters, digits, '.', '_' and '-', beginning with a letter or digit, at most 128",
    )


class Bump(IntEnum):
    """How much a version has to rise, smallest first."""

    PATCH = 0
    MINOR = 1
    MAJOR = 2


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A semantic version.

    >>> Version.parse("1.2.3").bumped(Bump.MINOR)
    Version(major=1, minor=3, patch=0)
    >>> print(Version.parse("1.2.3"))
    1.2.3
    """

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read `MAJOR.MINOR.PATCH`; a leading `v` is allowed."""
        match = _VERSION.fullmatch(text.removeprefix("v"))
        if match is None:
            raise InvalidInput(f"{text!r} is not a version", hint="write MAJOR.MINOR.PATCH, such as 1.2.0")
        return cls(*(int(part) for part in match.groups()))

    def bumped(self, bump: Bump) -> Version:
        """Return the next version of the wanted size."""
        if bump is Bump.MAJOR:
            return Version(self.major + 1, 0, 0)
        if bump is Bump.MINOR:
            return Version(self.major, self.minor + 1, 0)
        return Version(self.major, self.minor, self.patch + 1)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


FIRST_VERSION = Version(1, 0, 0)


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference to a record: `income@1.2.0` (a model), `adult:3` (a dataset), or a bare name (the newest).

    `adult:gold` is the dataset that the alias `gold` points to.

    >>> Ref.parse("income@1.2.0")
    Ref(name='income', version='1.2.0')
    >>> Ref.parse("adult:3").version, Ref.parse("adult").version
    ('3', None)
    """

    name: str
    version: str | None = None

    @classmethod
    def parse(cls, text: str) -> Ref:
        """Read a reference."""
        name, at, version = text.partition("@")
        if at:
            return cls(check_name(name, "a model"), str(Version.parse(version)))
        name, colon, version = text.partition(":")
        if version.isdecimal() and len(version) <= _DIGITS:
            return cls(check_name(name, "a record"), str(int(version)))
        if colon and not version[:1].isalpha():
            raise InvalidInput(f"{text!r} is not a reference", hint="write adult:3, income@1.2.0 or a name")
        return cls(check_name(name, "a record"), check_name(version, "an alias") if colon else None)


def begins(version: str, wanted: str) -> bool:
    """Say whether a version is the wanted one, or begins like it.

    >>> [wanted for wanted in ("1.2.0", "v1.2", "1", "1.20", "2", "") if begins("1.2.0", wanted)]
    ['1.2.0', 'v1.2', '1']
    """
    begun = _BEGUN.fullmatch(wanted)
    return begun is not None and f"{version}.".startswith(f"{begun[1]}.")
