"""One family of models, and what a search may vary of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kervan.core.schema import Signature

Parameters = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Between:
    """Numbers of a range, ends included: `log` spreads them over orders of magnitude."""

    low: float
    high: float
    log: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of several values."""

    options: tuple[Any, ...]


Space = Mapping[str, Between | OneOf]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A kind of model.

    `build` gives the steps of a pipeline over the encoded matrix, for a signature, a seed and parameters, of
    which each has a default. `space` is what a search varies, for a signature. `rank` says how simple the
    family is (0 the simplest): among equals the simpler one is taken. `most_rows` is what it learns from in
    reasonable time, 0 for no limit; `rounds` says that its library rounds numbers to float32.
    """

    name: str
    build: Callable[[Signature, int, Parameters], list[Any]]
    space: Callable[[Signature], Space]
    rank: int
    classifies: bool = True
    regresses: bool = True
    rounds: bool = False
    most_rows: int = 0
    needs: str = ""
    """The library that it needs besides scikit-learn."""
    starts: tuple[Parameters, ...] = ()
    """Where a search by "tpe" begins: parameters that do well on many tables, each another kind of them."""

    def fits(self, signature: Signature) -> bool:
        """Say whether the family can predict such an output."""
        return self.classifies if signature.is_classification else self.regresses
