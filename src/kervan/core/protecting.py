"""What is done to columns that tell of persons: the right sides of `[data] protect`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from kervan.core.errors import InvalidConfig

ACTIONS = ("drop", "hash", "mask", "pseudonymise", "tokenise")
KEPT = ("last 4", "last 2", "first 1", "first 3", "domain", "nothing")
SPANS = ("year", "month", "day")
NOISES = ("laplace", "gaussian")
OTHERS = "*"  # stands for every value that a mapping does not name


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """Show only a part of each value: one of `KEPT`, such as the last 4 signs or an address's domain."""

    mask: str

    def __post_init__(self) -> None:
        _one_of("mask", self.mask, KEPT)

    def __str__(self) -> str:
        return f"masked, {self.mask} shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Generalise:
    """Write values more coarsely.

    A number is the width of bands of numbers, which are known by their lower ends; "year", "month" or "day"
    is for dates and times; a table says what stands for each category, and "*" for all others.
    """

    generalise: int | float | str | dict[str, str]

    def __post_init__(self) -> None:
        how = self.generalise
        if isinstance(how, str):
            _one_of("generalise", how, SPANS)
        elif isinstance(how, int | float) and not 0 < how < float("inf"):
            raise InvalidConfig(
                f"[data] protect: generalise = {how} is no width of bands", hint="write it like 10"
            )

    def __str__(self) -> str:
        how = self.generalise
        if isinstance(how, dict):
            return f"generalised to {len(set(how.values()))} categories"
        return f"generalised to the {how}" if isinstance(how, str) else f"generalised to bands of {how:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """Keep so many first signs of each value, such as of a postcode."""

    prefix: int

    def __post_init__(self) -> None:
        if self.prefix < 1:
            raise InvalidConfig(
                f"[data] protect: a prefix of {self.prefix} keeps nothing", hint='use "drop", or 1 or more'
            )

    def __str__(self) -> str:
        return f"cut to its first {self.prefix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Add random numbers around 0: `noise` is the scale of Laplace's law, or the deviation of the normal one.

    The same row has the same noise in the next version, so that it cannot be averaged away.
    """

    noise: float
    law: str = "laplace"

    def __post_init__(self) -> None:
        _one_of("law", self.law, NOISES)
        if not 0 < self.noise < float("inf"):
            raise InvalidConfig(
                f"[data] protect: noise = {self.noise} adds nothing", hint="write it like 2.5"
            )

    def __str__(self) -> str:
        return f"{self.law} noise of scale {self.noise:g}"


Rule: TypeAlias = str | Mask | Generalise | Prefix | Noise
_KINDS: tuple[tuple[str, type[Any]], ...] = (
    ("mask", Mask),
    ("generalise", Generalise),
    ("prefix", Prefix),
    ("noise", Noise),
)
RULES: Mapping[str, type[Any]] = dict(_KINDS)


def rule_of(value: Rule | Mapping[str, Any]) -> Rule:
    """Return a rule as it is written in Python, where a table may be a dictionary.

    >>> rule_of({"generalise": 10}), rule_of("drop")
    (Generalise(generalise=10), 'drop')
    """
    if not isinstance(value, Mapping):
        return value
    kind = next((RULES[name] for name in value if name in RULES), None)
    if kind is None:
        raise InvalidConfig(f"protect: {dict(value)} is no rule", hint=f"one of {', '.join(RULES)} is needed")
    try:
        rule: Rule = kind(**value)
    except TypeError as error:
        raise InvalidConfig(
            f"protect: {dict(value)} is no rule: {error}", hint="see [data] protect"
        ) from error
    return rule


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        listed = ", ".join(f'"{each}"' for each in known)
        raise InvalidConfig(f"[data] protect: {name} = {value!r} is not known", hint=f"one of {listed}")
