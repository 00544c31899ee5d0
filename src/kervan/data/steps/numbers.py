"""Numbers as people write them: decimal commas, points between thousands, currencies, units.

Which mark is the decimal one is proved by the column (`1.234,5`, `1,5`, `1.234.567`), or said; where neither
is so, nothing is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, InvalidData
from kervan.flow.table import as_texts

if TYPE_CHECKING:
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


def numbers(column: pl.Series, step: Parse, spot: Spot) -> tuple[pl.Series, list[str]]:
    """Return a column of whole numbers, or of numbers, and what is worth knowing.

    Raises `InvalidData` that names a row which cannot be read, or two units that are not the same.
    """
    import polars as pl

    if column.dtype.is_numeric():
        return column, []
    if step.decimal not in {"", ".", ","}:
        raise InvalidConfig(f'{spot.place}: decimal = {step.decimal!r} is neither "." nor ","')
    texts = as_texts(column).alias("")
    in_brackets = texts.str.contains(_IN_BRACKETS).fill_null(value=False)
    bare = texts.str.replace(_IN_BRACKETS, "${1}").str.strip_chars()
    parts = bare.str.extract_groups(_WRITTEN).struct.unnest()
    spot.refuse(texts, texts.is_not_null() & parts["digits"].is_null(), "holds what is no number")
    digits = parts["digits"].str.replace_all(f"[{_BLANKS}]", "")
    decimal = step.decimal or _proved(digits, spot)
    grouped = rf"^(\d+|\d{{1,3}}(\{_OTHER[decimal]}\d{{3}})+)?(\{decimal}\d+)?$"
    wrong = digits.is_not_null() & ~digits.str.contains(grouped)
    spot.refuse(texts, wrong, f"holds what is no number with the decimal mark {decimal!r}")
    plain = digits.str.replace_all(_OTHER[decimal], "", literal=True).str.replace(decimal, ".", literal=True)
    minus = (parts["sign"] + parts["inner"]).is_in(["-", "\u2212"]).fill_null(value=False) | in_brackets
    signed = plain.to_frame("text").select(
        pl.when(minus).then("-" + pl.col("text")).otherwise(pl.col("text"))
    )
    worth, unit = _units(parts, texts, step, spot)
    found = _typed(signed.to_series())
    if worth is not None:
        found = found.cast(pl.Float64) * worth
    return found, [f"{spot.column!r} is in {unit}"] if unit else []


def _typed(texts: pl.Series) -> pl.Series:
    import polars as pl

    whole = texts.cast(pl.Int64, strict=False)
    return whole if whole.null_count() == texts.null_count() else texts.cast(pl.Float64)


def _proved(digits: pl.Series, spot: Spot) -> str:
    """Return the decimal mark that the column proves, or raise `InvalidData`."""
    proofs = {
        mark: digits.filter(digits.str.contains("|".join(patterns)).fill_null(value=False))
        for mark, patterns in _PROOFS.items()
    }
    proved = [mark for mark, found in proofs.items() if len(found)]
    if len(proved) == 1:
        return proved[0]
    if proved:
        shown = " and".join(spot.shown(proofs[mark][0]) for mark in proved)
        raise InvalidData(
            f"{spot} writes numbers in two ways:{shown}",
            hint='say which mark is the decimal one, decimal = ","; rows that do not follow are then named',
        )
    marked = digits.filter(digits.str.contains(r"[.,]").fill_null(value=False))
    if not len(marked):
        return "."
    raise InvalidData(
        f"{spot}: nobody can tell whether{spot.shown(marked[0])} has a decimal mark or thousands",
        hint='say it: decimal = "." or decimal = ","',
    )


def _units(parts: pl.DataFrame, texts: pl.Series, step: Parse, spot: Spot) -> tuple[pl.Series | None, str]:
    """Return what one of each row's unit is worth, None where all have the same, and its name."""
    import polars as pl

    units = (parts["before"] + parts["after"]).str.strip_chars().fill_null("")
    named = units.filter(texts.is_not_null()).unique(maintain_order=True).to_list()
    if step.units:
        for unit in named:
            if unit not in step.units:
                wrong = texts.is_not_null() & (units == unit)
                spot.refuse(texts, wrong, f"is in {_name(unit)}, which units does not list")
        return units.replace_strict(step.units, default=None, return_dtype=pl.Float64), ""
    if len(named) > 1:
        counted = ", ".join(f"{_name(unit)} in {int((units == unit).sum()):,} rows" for unit in named[:_MANY])
        raise InvalidData(
            f"{spot} is in several units: {counted}",
            hint='say what one of each is worth, such as units = { kg = 1, lb = 0.45359237 }; "" is none',
        )
    return None, named[0] if named else ""


def _name(unit: str) -> str:
    return repr(unit) if unit else "no unit"
