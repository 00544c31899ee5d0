"""Who is answered by which version, where several share the traffic."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.identity import sha256
from kervan.core.serving import ShareRole
from kervan.serve.keeper import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kervan.core.serving import Serving
    from kervan.serve.table import Loaded

ENTITY = "entity"


class Division:
    """Deals requests out among the versions of a deployment, each in proportion to its share.

    By chance, or so that requests with the same key stay with a version, as long as its share does not
    shrink: the key is a header's value or whom the first row is about. By a rule, rows with certain values
    belong to the candidate. Requests without a key are dealt out by chance.
    """

    def __init__(self, stable: Loaded, rivals: Sequence[Loaded], serving: Serving) -> None:
        self._stable = stable
        self._salt = serving.salt
        self._sticky = serving.sticky.lower()
        self._rule = serving.rule
        candidates = [each for each in rivals if each.role is ShareRole.CANDIDATE]
        self._bounds: list[tuple[float, Loaded]] = []
        bound = 0.0
        for each in candidates:
            bound += each.share
            self._bounds.append((bound, each))
        self._ruled = candidates[0] if candidates and serving.rule else None

    @property
    def asks_rows(self) -> bool:
        """Whether the rows decide."""
        return self._ruled is not None or self._sticky == ENTITY

    def by_head(self, headers: Mapping[str, str]) -> Loaded:
        """Return the version for a request with these headers."""
        if not self._bounds:
            return self._stable
        key = headers.get(self._sticky, "") if self._sticky and self._sticky != ENTITY else ""
        return self._at(self._place(key) if key else random.random())  # noqa: S311 - no secret hangs on it

    def by_row(self, row: Mapping[str, Any], entity: Any, headers: Mapping[str, str]) -> Loaded:
        """Return the version for a request whose first row is this one, about an entity."""
        if self._ruled is not None and self._rule is not None:
            value = row.get(self._rule.column)
            is_meant = value is not None and text_of(value) in self._rule.values
            return self._ruled if is_meant else self._stable
        if self._sticky == ENTITY and entity is not None:
            return self._at(self._place(text_of(entity)))
        return self.by_head(headers)

    def by_sent(self, sent: bytes, about: bytes, headers: Mapping[str, str]) -> Loaded:
        """Return the version for rows as JSON, about whom `about` says, which may be empty."""
        entity = msgspec.json.decode(about) if about else None
        if isinstance(entity, list):
            entity = entity[0]
        row = msgspec.json.decode(sent)[0] if self._ruled is not None else {}
        return self.by_row(row, entity, headers)

    def _at(self, place: float) -> Loaded:
        for bound, loaded in self._bounds:
            if place < bound:
                return loaded
        return self._stable

    def _place(self, key: str) -> float:
        """Return where a key lies between 0 and 1."""
        return int(sha256(f"{self._salt}\n{key}".encode())[:13], 16) / 16**13
