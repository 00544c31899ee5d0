"""What of requests is kept on record, and how long: which columns, of how many, and whose they are."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass

from kervan.core.errors import InvalidInput

EVERYTHING = "*"  # stands for all columns
LONGEST_ENTITY = 256
_DIGITS = 32  # 128 bits: equal pseudonyms of different values do not happen
_SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?([kMGT]?B)", re.ASCII)
_BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """What a server keeps of requests.

    `entity` names the column that says whom a row is about, also where it is no input. Of a share `sample`
    of the requests the inputs are kept; of the others ids and answers alone. The columns in `leave_out` are
    never kept, those in `hash` as pseudonyms, whose key is in the file `hash_key`.
    """

    entity: str = ""
    sample: float = 1.0
    leave_out: tuple[str, ...] = ()
    hash: tuple[str, ...] = ()
    hash_key: str = ""

    @property
    def keeps_all(self) -> bool:
        """Whether records hold the inputs as they were sent."""
        return self.sample >= 1 and not self.leave_out and not self.hash


KEEP_ALL = Keeping()


def pseudonym(text: str, key: bytes) -> str:
    """Return what stands for a text in tables and records: the beginning of its HMAC-SHA256.

    >>> pseudonym("Ada", bytes(16)) == pseudonym("Ada", bytes(16)), len(pseudonym("Ada", bytes(16)))
    (True, 32)
    """
    return hmac.digest(key, text.encode(), "sha256").hex()[:_DIGITS]


def read_size(text: str) -> int:
    """Read how much a disk may hold, and return its bytes.

    >>> read_size("10 GB"), read_size("1.5MB")
    (10000000000, 1500000)
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise InvalidInput(f"{text!r} is not a size", hint="write 10 GB, 500 MB or 1.5 TB")
    return round(float(match[1]) * _BYTES[match[2]])
