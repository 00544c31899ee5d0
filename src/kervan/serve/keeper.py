"""Applies the rules of what is kept to records, on their way to the disk and not to the answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import msgspec

from kervan.core.errors import InvalidInput, RefusedRow
from kervan.core.keeping import EVERYTHING, LONGEST_ENTITY, Keeping, pseudonym
from kervan.core.schema import number_text
from kervan.serve.decode import in_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kervan.serve.metrics import Metrics

_encode = msgspec.json.Encoder().encode
_Members = dict[str, msgspec.Raw]
_record = msgspec.json.Decoder(_Members).decode
_rows = msgspec.json.Decoder(list[_Members]).decode
_NOTHING = msgspec.Raw(b"[]")


class Keeper:
    """What is kept of a record by the rules of `keeping`, for models whose rows are about `entity`.

    Values stay as they were sent, letter for letter, unless a rule is for them.
    """

    def __init__(self, keeping: Keeping, entity: str) -> None:
        self._keeping = keeping
        self._left_out, self._hashed = frozenset(keeping.leave_out), frozenset(keeping.hash)
        self._key = _read_key(keeping) if keeping.hash else b""
        self._entity = entity

    def kept(self, ident: str, rest: bytes, metrics: Metrics) -> bytes:
        """Return a record (JSON without its first brace and member `id`) as it is written down.

        Whether its inputs are kept depends on its id alone.
        """
        members = _record(b"{" + rest)
        if "entity" in members:
            self._keep_entity(members)
        if crc32(ident.encode()) >= self._keeping.sample * 2**32:
            metrics.drop("sample")
            inputs, withheld = _NOTHING, {EVERYTHING}
        else:
            inputs, withheld = self._kept_inputs(members["inputs"])
            if withheld & self._left_out:
                metrics.drop("leave_out")
        members["inputs"] = inputs
        if withheld:
            members["withheld"] = msgspec.Raw(_encode(sorted(withheld)))
        return _encode(members)[1:]

    def entity(self, value: Any) -> Any:
        """Return what is kept of whom something is about, None where that is not to be kept."""
        if self._entity in self._left_out or value is None:
            return None
        return self._pseudonym(value) if self._entity in self._hashed else value

    def _keep_entity(self, members: _Members) -> None:
        if self._entity in self._left_out:
            del members["entity"]
        elif self._entity in self._hashed:
            said = msgspec.json.decode(members["entity"])
            kept = [self.entity(each) for each in said] if isinstance(said, list) else self.entity(said)
            members["entity"] = msgspec.Raw(_encode(kept))

    def _kept_inputs(self, inputs: msgspec.Raw) -> tuple[msgspec.Raw, set[str]]:
        withheld: set[str] = set()
        if not (self._left_out or self._hashed):
            return inputs, withheld
        rows = _rows(inputs)
        for row in rows:
            for name in self._left_out & row.keys():
                del row[name]
                withheld.add(name)
            for name in self._hashed & row.keys():
                row[name] = msgspec.Raw(_encode(self._pseudonym(msgspec.json.decode(row[name]))))
                withheld.add(name)
        return msgspec.Raw(_encode(rows)), withheld

    def _pseudonym(self, value: Any) -> str | None:
        return None if value is None else pseudonym(text_of(value), self._key)


def keeper_of(keeping: Keeping, entity: str) -> Keeper | None:
    """Return what applies the rules, None where records are kept as they are."""
    return None if keeping.keeps_all else Keeper(keeping, entity)


def text_of(value: Any) -> str:
    """Return the text by which one is known: `17`, `17.0` and `"17"` are the same.

    >>> text_of(17), text_of(17.0), text_of("17"), text_of(True)
    ('17', '17', '17', 'true')
    """
    if isinstance(value, float):
        return number_text(value)
    return value if isinstance(value, str) else _encode(value).decode()


def read_entity(rows: Sequence[Mapping[str, Any]], name: str) -> Any:
    """Return whom rows are about: one value, or a list where there are many rows; None if nobody said it.

    Raises `RefusedRow` for what can be nobody's name.
    """
    if not name:
        return None
    found = [row.get(name) for row in rows]
    for place, value in enumerate(found):
        check_entity(value, row=place, field=name)
    if all(value is None for value in found):
        return None
    return found[0] if len(found) == 1 else found


def check_entity(value: Any, *, row: int, field: str) -> None:
    """Raise `RefusedRow` unless a value can say whom a row is about: a text, a number or nothing."""
    if not isinstance(value, str | int | float | None):
        wrong = in_words(value)
    elif isinstance(value, str) and len(value) > LONGEST_ENTITY:
        wrong = f"longer than {LONGEST_ENTITY} letters"
    else:
        return
    raise RefusedRow(
        f"row {row}, {field!r}: is {wrong}", row=row, field=field, hint="send a short text or a number"
    )


def _read_key(keeping: Keeping) -> bytes:
    try:
        return Path(keeping.hash_key).read_bytes()
    except OSError as error:
        raise InvalidInput(
            f"cannot read the key of pseudonyms {keeping.hash_key!r}: {error.strerror}",
            hint="release the model again",
        ) from error
