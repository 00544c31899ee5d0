"""Numbers as people write them: decimal commas, points between thousands, currencies, units.

Which mark is the decimal one is proved by the column (`1.234,5`, `1,5`, `1.234.567`), or said; where neither
is so, nothing is read.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, InvalidData
from kervan.core.written import GAPS, IN_BRACKETS, MINUS, NUMBER, OTHER_MARK, Written, grouped
from kervan.data.steps.remark import Remark
from kervan.data.steps.spot import Refusals
from kervan.flow.table import as_texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from kervan.core.shaping import Parse
    from kervan.data.steps.spot import Spot

_PROOFS = {
    ",": (r"\..*,", r",[0-9]{1,2}$", r",[0-9]{4,}$", r"\..*\.", r"^0+,", r"[0-9]{4,},"),
    ".": (r",.*\.", r"\.[0-9]{1,2}$", r"\.[0-9]{4,}$", r",.*,", r"^0+\.", r"[0-9]{4,}\."),
}
_MANY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
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
        self._is_marked = bool(step.decimal)
        self._is_whole = True
        self._units: dict[str, float] = dict(step.units)
        self.remarks: list[Remark] = []

    def taken_apart(self, column: pl.Series) -> _Parts:
        """Find the parts of each number, once for all that is done with a piece."""
        texts = as_texts(column).alias("")
        bare = texts.str.replace(IN_BRACKETS, "${1}${2}${3}").str.strip_chars()
        parts = bare.str.extract_groups(NUMBER).struct.unnest()
        return _Parts(
            texts=texts,
            parts=parts,
            digits=parts["digits"].str.replace_all(f"[{GAPS}]", ""),
            in_brackets=texts.str.contains(IN_BRACKETS).fill_null(value=False),
        )

    def decide(self, pieces: Iterable[_Parts]) -> None:
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
        self._is_marked = self._is_marked or proofs.is_marked
        self._decimal = self._decimal or proofs.decided(self._spot)
        self._check_all(pieces, list(units))
        self._remark_units(units)
        self._units = self._units or dict.fromkeys([*units, ""], 1.0)

    @property
    def written(self) -> Written | None:
        """How the column is written, once that is decided; None for one that is hidden.

        What has one unit may be written without it too.
        """
        if self._spot.is_hidden:
            return None
        decimal = self._decimal if self._is_marked else ""
        return Written(to="number", decimal=decimal, units=self._units)

    def read(self, piece: _Parts) -> pl.Series:
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

    def _check_all(self, pieces: Iterable[_Parts], units: list[str]) -> None:
        import polars as pl

        whole_groups = grouped(self._decimal)
        unlisted = [unit for unit in units if self._step.units and unit not in self._step.units]
        refused = Refusals(self._spot)
        for piece in pieces:
            wrong = piece.digits.is_not_null() & ~piece.digits.str.contains(whole_groups)
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

    def _signed(self, piece: _Parts) -> pl.Series:
        import polars as pl

        plain = piece.digits.str.replace_all(OTHER_MARK[self._decimal], "", literal=True)
        plain = plain.str.replace(self._decimal, ".", literal=True)
        signs = piece.parts["sign"] + piece.parts["inner"]
        minus = signs.is_in(MINUS).fill_null(value=False) | piece.in_brackets
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

    @property
    def is_marked(self) -> bool:
        """Whether any text has a mark."""
        return self._marked is not None

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
