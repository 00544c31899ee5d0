"""CSV for people: a spreadsheet that opens it runs nothing that stands in a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

# What spreadsheets take for a formula, also behind blanks and in full width; see OWASP on CSV injection.
_FORMULA = r"^[\s\x00]*[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]"
_NUMBER = r"^[+-]?([0-9]+([.,][0-9]+)*|\.[0-9]+)([eE][+-]?[0-9]+)?$"


def csv_text(table: pl.DataFrame, *, exact: bool = False, header: bool = True) -> str:
    """Write a table as CSV, with or without its `header`.

    Unless it is to be `exact`, texts and names that would be run get a quote (') in front. A text that is a
    number, such as `-5`, runs nothing and stays.
    """
    import polars as pl

    if exact:
        return table.write_csv(include_header=header)
    columns = [_quoted(column) if column.dtype == pl.String else column for column in table.get_columns()]
    names = _quoted(pl.Series(table.columns, dtype=pl.String)).to_list()
    quoted = pl.DataFrame([column.alias(name) for column, name in zip(columns, names, strict=True)])
    return quoted.write_csv(include_header=header)


def _quoted(texts: pl.Series) -> pl.Series:
    is_number = texts.str.contains(_NUMBER).fill_null(value=True)
    return texts.zip_with(is_number, texts.str.replace(f"({_FORMULA})", "'${1}"))
