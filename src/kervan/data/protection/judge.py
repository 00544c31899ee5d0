"""Whether a column tells of persons: by what its values prove, its name says, and is inside."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.data.protection.called import said_by
from kervan.data.protection.recognise import INSIDE, Personal, recognisers
from kervan.flow.table import as_texts

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from kervan.data.protection.recognise import Recogniser

_ROWS = 5_000  # so many rows, spread over the table, are looked at
_DISTINCT = 1_000  # and so many different values of them
_FIRST = 40  # after so many it is clear that a column is something else
_PROVED, _ALIKE, _USUAL = 0.9, 0.6, 0.05  # shares of the rows
_FEWEST = 5  # different values, below which a form proves nothing
_SHORTEST_ID = 6  # digits: no country numbers its people with fewer
_EXAMPLES = 2
_NAME_LIKE = re.compile(r"[^\W\d_][^\d_@<>{}=;:]{1,60}")
_DIALLED = re.compile(r"\+?(?:[ ().\-/x]*\d){7,15}")
_STREET = re.compile(
    r"(?i)\b(street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|court|cad|caddesi|sok|sokak|sokağı|"
    r"mah|mahallesi|bulvarı|apt|straße|str|rue)\b\.?"
)
# What is proposed: an action that keeps what a model or a person at the desk still needs, and no more.
_PROPOSED = {
    Personal.NAME: '"drop"',
    Personal.EMAIL: '"hash"',
    Personal.PHONE: '"drop"',
    Personal.NATIONAL_ID: '"hash"',
    Personal.IBAN: '"mask"',
    Personal.CARD: '"mask"',
    Personal.ADDRESS: '"drop"',
    Personal.POSTCODE: "{ prefix = 3 }",
    Personal.IP: '"hash"',
    Personal.BIRTH: '{ generalise = "year" }',
    Personal.PLACE: "{ generalise = 0.1 }",
    Personal.NUMBER: '"hash"',
    Personal.TEXT: '"drop"',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Personal data in a column: of which `kind`, in about `rows` rows, how sure (0 to 1) and why.

    `examples` are masked; `rule` is the right side of the proposed line.
    """

    column: str
    kind: Personal
    label: str
    rows: int
    sure: float
    why: str
    rule: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A column with what its name says, and some of its values with the number of rows that hold each."""

    column: pl.Series
    said: Personal | None
    values: dict[str, int]
    known: int

    def share(self, fits: Callable[[str], object]) -> float:
        """Return the share of rows whose value fits."""
        total = sum(self.values.values())
        return sum(count for text, count in self.values.items() if fits(text)) / total if total else 0.0

    def found(self, kind: Personal, sure: float, why: str, **more: str | int) -> Found:
        """Return what was found, with the first values by their form."""
        return Found(
            column=self.column.name,
            kind=kind,
            label=str(more.get("label", kind)),
            rows=int(more.get("rows", self.known)),
            sure=round(min(sure, 0.99), 2),
            why=why,
            rule=str(more.get("rule", _PROPOSED[kind])),
            examples=tuple(masked_example(text) for text in list(self.values)[:_EXAMPLES]),
        )


def judge(column: pl.Series) -> Found | None:
    """Say whether a column tells of persons, and how."""
    import polars as pl

    known = column.drop_nulls()
    said = said_by(column.name)
    if known.is_empty() or column.dtype == pl.Boolean:
        return None
    if column.dtype.is_float() or column.dtype.is_temporal():
        return _of_numbers(_Seen(column=column, said=said, values={}, known=len(known)), known)
    texts = as_texts(known.gather_every(max(1, -(-len(known) // _ROWS)))).rename("text")
    counted = texts.value_counts(sort=False).sort("text").sample(fraction=1.0, seed=1, shuffle=True)
    counted = counted.head(_DISTINCT)
    values = dict(zip(counted["text"].to_list(), counted["count"].to_list(), strict=True))
    seen = _Seen(column=column, said=said, values=values, known=len(known))
    return _by_values(seen) or _by_name(seen) or _inside(seen)


def masked_example(text: str) -> str:
    """Return the form of a value: its first sign, and a star for every other letter or digit.

    >>> masked_example("ada@example.org"), masked_example("10000000146")
    ('a**@*******.***', '1**********')
    """
    return text[:1] + re.sub(r"\w", "*", text[1:40])


def _by_values(seen: _Seen) -> Found | None:
    judged = [
        (_sure(seen, each, share), share, each) for each in recognisers() if (share := _fitting(seen, each))
    ]
    if not judged:
        return None
    sure, share, best = max(judged, key=lambda each: each[0])
    why = f"{share:.0%} of the values have its form" + (", and check digits hold" if best.checked else "")
    why += ", and its name says so" if seen.said is best.kind else ""
    return seen.found(best.kind, sure, why, label=best.label, rows=round(share * seen.known))


def _sure(seen: _Seen, recogniser: Recogniser, share: float) -> float:
    if seen.said is recogniser.kind:
        return 0.6 + 0.4 * share
    return (0.95 if recogniser.checked else 0.85) * share


def _fitting(seen: _Seen, recogniser: Recogniser) -> float:
    """Return the share of rows whose values fit, 0 where it is so small that it may be chance."""
    is_said = seen.said is recogniser.kind
    if not is_said and len(seen.values) < _FEWEST:
        return 0.0
    if recogniser.kind is Personal.PHONE and seen.column.dtype.is_integer() and not is_said:
        return 0.0  # any long number can be dialled somewhere
    first = list(seen.values)[:_FIRST]
    if sum(map(recogniser.fits, first)) < _ALIKE / 2 * len(first):
        return 0.0
    share = seen.share(recogniser.fits)
    return share if share >= (_ALIKE if is_said or not recogniser.checked else _PROVED) else 0.0


def _by_name(seen: _Seen) -> Found | None:
    """Judge a column that its name speaks of and whose values no recogniser proves."""
    is_text = not seen.column.dtype.is_numeric()
    if len(seen.values) < _FEWEST:
        return None
    alike = {Personal.PHONE: _DIALLED} | ({Personal.NAME: _NAME_LIKE} if is_text else {})
    if seen.said in alike:
        share = seen.share(alike[seen.said].fullmatch)
        is_various = len(seen.values) >= sum(seen.values.values()) // 20
        if share > _ALIKE and is_various:
            return seen.found(seen.said, 0.4 + 0.4 * share, "by its name, and as its values look")
    if seen.said is Personal.ADDRESS and is_text:
        return seen.found(
            seen.said, 0.5 + 0.4 * seen.share(_STREET.search), "by its name, and words of streets"
        )
    if seen.said is Personal.BIRTH:
        return seen.found(seen.said, 0.6, "by its name", rule='"drop"')
    is_long = min(map(len, seen.values)) >= _SHORTEST_ID
    if seen.said in {Personal.POSTCODE, Personal.NUMBER} or (seen.said is Personal.NATIONAL_ID and is_long):
        return seen.found(seen.said, 0.5, "by its name alone")
    return None


def _inside(seen: _Seen) -> Found | None:
    """Look for addresses and numbers of people within texts, in every row."""
    import polars as pl

    if seen.column.dtype != pl.String:
        return None
    rows = int(seen.column.str.contains(INSIDE).sum() or 0)
    if not rows:
        return None
    share = rows / seen.known
    why = f"e-mail addresses or phone numbers are inside, in {share:.1%} of the texts"
    return seen.found(Personal.TEXT, 0.9 if share > _USUAL else 0.7, why, rows=rows)


def _of_numbers(seen: _Seen, known: pl.Series) -> Found | None:
    if seen.said is Personal.BIRTH and seen.column.dtype.is_temporal():
        return seen.found(seen.said, 0.9, "by its name")
    least, most = known.min(), known.max()
    is_place = isinstance(least, float) and isinstance(most, float) and -180 <= least <= most <= 180
    if seen.said is Personal.PLACE and is_place:
        return seen.found(seen.said, 0.6, "by its name and range; where somebody lives tells who it is")
    return None
