"""CSV for people: a spreadsheet that opens it runs nothing that stands in a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

# What spreadsheets take for a formula, also behind blanks and in full width; see OWASP on CSV injection.
_FORMULA = r"^[\s\x00]*[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]"


def csv_text(table: pl.DataFrame, *, exact: bool = False) -> str:
    """Write a table as CSV. Unless `exact`, texts and names that would be run get a quote (') in front."""
    import polars as pl

    if exact:
        return table.write_csv()
    columns = [
        column.str.replace(f"({_FORMULA})", "'${1}") if column.dtype == pl.String else column
        for column in table.get_columns()
    ]
    names = pl.Series(table.columns, dtype=pl.String).str.replace(f"({_FORMULA})", "'${1}").to_list()
    return pl.DataFrame([column.alias(name) for column, name in zip(columns, names, strict=True)]).write_csv()
