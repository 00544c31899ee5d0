"""Categories that are one and are written in several ways."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unicodedata import normalize

from kervan.core.nouns import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kervan.data.profile.nouns import ValueCount

MOST_VALUES = 5000
_SHOWN = 3
# Turkish has two letters, i İ and ı I, where other rules have one: all four are the same twin here.
_TURKISH = str.maketrans({"İ": "i", "I": "i", "ı": "i"})


def twins(name: str, counts: Sequence[ValueCount]) -> Iterator[Finding]:
    """Yield a finding if values of a column differ only in case, Unicode form, Turkish i or blanks."""
    groups: dict[str, list[str]] = {}
    for value in (each.value for each in counts[:MOST_VALUES]):
        groups.setdefault(same(value), []).append(value)
    several = [group for group in groups.values() if len(group) > 1]
    if not several:
        return
    shown = "; ".join(" = ".join(map(repr, group)) for group in several[:_SHOWN])
    ways = ", ".join(sorted({way for group in several for way in _ways(group)}))
    more = ", …" if len(several) > _SHOWN else ""
    many = "1 category is" if len(several) == 1 else f"{len(several):,} categories are"
    yield Finding(
        rule="twins",
        subject=name,
        verdict=Verdict.WARNED,
        message=f"column {name!r}: {many} written in several ways ({ways}): {shown}{more}",
        hint="write each in one way, or a model takes them for different ones",
    )


def same(text: str) -> str:
    """Return what twins have in common.

    >>> same("İZMİR ") == same("izmir") == same("IZMIR")
    True
    """
    folded = normalize("NFKC", text).translate(_TURKISH).casefold()
    return " ".join(normalize("NFC", folded).split())


def _ways(group: list[str]) -> Iterator[str]:
    forms = [normalize("NFKC", text) for text in group]
    if len(set(forms)) < len(set(group)):
        yield "Unicode form"
    blanks = {" ".join(text.split()) for text in forms}
    if len(blanks) < len(set(forms)):
        yield "blanks"
    cased = {text.casefold() for text in blanks}
    if len(cased) < len(blanks):
        yield "case"
    if len({text.translate(_TURKISH).casefold() for text in blanks}) < len(cased):
        yield "Turkish i"
