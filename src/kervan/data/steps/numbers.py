"""Numbers as people write them: decimal commas, points between thousands, currencies, units.

Which mark is the decimal one is proved by the column (`1.234,5`, `1,5`, `1.234.567`), or said; where neither
is so, nothing is read.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, InvalidData
from kervan.data.steps.remark import Remark
from kervan.data.steps.spot import Refusals
from kervan.flow.table import as_texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from kervan.core.shaping import Parse
    from kervan.data.steps.spot import Spot

_BLANKS = r"\s\u00a0\u2009\u202f'\u2019"  # what stands between thousands besides points and commas
_SIGN = r"[+\-\u2212]?"
_WRITTEN = (
    rf"^(?P<sign>{_SIGN})(?P<before>[^\d.,+\-\u2212]*)(?P<inner>{_SIGN})"
    rf"(?P<digits>[\d.,{_BLANKS}]*\d)(?P<after>\D*)$"
)
_IN_BRACKETS = r"^\((.*)\)$"
_PROOFS = {
    ",": (r"\..*,", r",\d{1,2}$", r",\d{4,}$", r"\..*\.", r"^0+,", r"\d{4,},"),
    ".": (r",.*\.", r"\.\d{1,2}$", r"\.\d{4,}$", r",.*,", r"^0+\.", r"\d{4,}\."),
}
_OTHER = {",": ".", ".": ","}
_MANY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """A piece of a column, taken apart: signs and what stands before and after, digits with their marks."""

    texts: pl.Series
    parts: pl.DataFrame
    digits: pl.Series
    in_brackets: pl.Series

    @property
    def units(self) -> pl.Series:
        """What stands around each number."""
        return (self.parts["before"] + self.parts["after"]).str.strip_chars().fill_null("")


class Numbers:
    """How a column writes its numbers: decided by all of it, then read piece by piece."""

    def __init__(self, step: Parse, spot: Spot) -> None:
        if step.decimal not in {"", ".", ","}:
            raise InvalidConfig(f'{spot.place}: decimal = {step.decimal!r} is neither "." nor ","')
        self._step = step
        self._spot = spot
        self._decimal = step.decimal
        self._is_whole = True
        self.remarks: list[Remark] = []

    def taken_apart(self, column: pl.Series) -> _Written:
        """Find the parts of each number, once for all that is done with a piece."""
        texts = as_texts(column).alias("")
        bare = texts.str.replace(_IN_BRACKETS, "${1}").str.strip_chars()
        parts = bare.str.extract_groups(_WRITTEN).struct.unnest()
        return _Written(
            texts=texts,
            parts=parts,
            digits=parts["digits"].str.replace_all(f"[{_BLANKS}]", ""),
            in_brackets=texts.str.contains(_IN_BRACKETS).fill_null(value=False),
        )

    def decide(self, pieces: Iterable[_Written]) -> None:
        """Find decimal mark, unit and type in all pieces, which are gone through twice.

        Raises `InvalidData` that names a row which cannot be read, or two units that are not the same.
        """
        refused, proofs, units = Refusals(self._spot), _Proofs(), Counter[str]()
        for piece in pieces:
            refused.add(
                piece.texts, piece.texts.is_not_null() & piece.digits.is_null(), "holds what is no number"
            )
            refused.passed(len(piece.texts))
            proofs.add(piece.digits)
            named = piece.units.filter(piece.texts.is_not_null()).to_frame("unit")
            for unit, count in named.group_by("unit", maintain_order=True).len().iter_rows():
                units[unit] += count
        refused.check()
        self._decimal = self._decimal or proofs.decided(self._spot)
        self._check_all(pieces, list(units))
        self._remark_units(units)

    def read(self, piece: _Written) -> pl.Series:
        """Return whole numbers, or numbers."""
        import polars as pl

        signed = self._signed(piece)
        found = signed.cast(pl.Int64) if self._is_whole else signed.cast(pl.Float64)
        if not self._step.units:
            return found
        worth = piece.units.replace_strict(self._step.units, default=None, return_dtype=pl.Float64)
        return found.cast(pl.Float64) * worth

    def check(self) -> None:
        """Raise nothing: what cannot be read was refused before."""

    def _check_all(self, pieces: Iterable[_Written], units: list[str]) -> None:
        import polars as pl

        grouped = rf"^(\d+|\d{{1,3}}(\{_OTHER[self._decimal]}\d{{3}})+)?(\{self._decimal}\d+)?$"
        unlisted = [unit for unit in units if self._step.units and unit not in self._step.units]
        refused = Refusals(self._spot)
        for piece in pieces:
            wrong = piece.digits.is_not_null() & ~piece.digits.str.contains(grouped)
            refused.add(
                piece.texts, wrong, f"holds what is no number with the decimal mark {self._decimal!r}"
            )
            for unit in unlisted:
                is_it = piece.texts.is_not_null() & (piece.units == unit)
                refused.add(piece.texts, is_it, f"is in {_name(unit)}, which units does not list")
            refused.passed(len(piece.texts))
            if self._is_whole:
                whole = self._signed(piece).cast(pl.Int64, strict=False)
                self._is_whole = whole.null_count() == piece.digits.null_count()
        refused.check()

    def _signed(self, piece: _Written) -> pl.Series:
        import polars as pl

        plain = piece.digits.str.replace_all(_OTHER[self._decimal], "", literal=True)
        plain = plain.str.replace(self._decimal, ".", literal=True)
        signs = piece.parts["sign"] + piece.parts["inner"]
        minus = signs.is_in(["-", "\u2212"]).fill_null(value=False) | piece.in_brackets
        signed = pl.when(minus).then("-" + pl.col("text")).otherwise(pl.col("text"))
        return plain.to_frame("text").select(signed).to_series()

    def _remark_units(self, units: Counter[str]) -> None:
        if self._step.units:
            return
        if len(units) > 1:
            counted = ", ".join(
                f"{_name(unit)} in {count:,} rows" for unit, count in [*units.items()][:_MANY]
            )
            raise InvalidData(
                f"{self._spot} is in several units: {counted}",
                hint='say what one of each is worth, such as units = { kg = 1, lb = 0.45359237 }; "" is none',
            )
        self.remarks = [Remark(text=f"{self._spot.column!r} is in {unit}") for unit in units if unit]


class _Proofs:
    """Texts that prove which mark is the decimal one, and one that has any mark."""

    def __init__(self) -> None:
        self._proofs: dict[str, str] = {}
        self._marked: str | None = None

    def add(self, digits: pl.Series) -> None:
        """Look for proofs in a piece, where none was found before."""
        for mark, patterns in _PROOFS.items():
            if mark not in self._proofs and (found := _first(digits, "|".join(patterns))) is not None:
                self._proofs[mark] = found
        if self._marked is None:
            self._marked = _first(digits, r"[.,]")

    def decided(self, spot: Spot) -> str:
        """Return the decimal mark that the column proves, or raise `InvalidData`."""
        if len(self._proofs) == 1:
            return next(iter(self._proofs))
        if self._proofs:
            shown = " and".join(spot.shown(self._proofs[mark]) for mark in _PROOFS)
            raise InvalidData(
                f"{spot} writes numbers in two ways:{shown}",
                hint='say which mark is the decimal one, decimal = ","; others are then named by their rows',
            )
        if self._marked is None:
            return "."
        raise InvalidData(
            f"{spot}: nobody can tell whether{spot.shown(self._marked)} has a decimal mark or thousands",
            hint='say it: decimal = "." or decimal = ","',
        )


def _first(texts: pl.Series, pattern: str) -> str | None:
    found = texts.filter(texts.str.contains(pattern).fill_null(value=False))
    return str(found[0]) if len(found) else None


def _name(unit: str) -> str:
    return repr(unit) if unit else "no unit"
