"""Excel workbooks (`.xlsx`): the one sheet that holds a table, or the one that is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidConfig, InvalidData, did_you_mean, first_line
from kervan.core.reading import BLANKS, composed
from kervan.data.sources.disguise import refuse_disguised
from kervan.data.sources.packed import ZIP, check_unzipped, ends_in, unpacked
from kervan.data.sources.plain import plain_table
from kervan.data.sources.structure import check_names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl

    from kervan.core.ports import ReadOptions

_OLD = b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_EXACT = 2.0**53
_SHOWN = 20  # sheets in an error
_LARGEST = 1e21  # what is larger is a measure and no key


class ExcelSource:
    """Tables in workbooks: `.xlsx`, and `.xlsm`, whose macros are not run."""

    suffixes = (".xlsx", ".xlsm")

    def accepts(self, location: str) -> bool:
        """Say whether the name ends like that of a workbook."""
        return ends_in(location, self.suffixes)

    def read(self, path: Path, options: ReadOptions) -> pl.DataFrame:
        """Read the table, or raise `InvalidData` that names file, column and row.

        Rows without any value are left out, and errors such as `#N/A` are missing. Numbers that are all whole
        become integers, and times that are all midnights dates: a workbook does not tell them apart.
        """
        content = unpacked(path)
        _check_kind(content, path.name)
        from fastexcel import read_excel

        try:
            table = _sheet(read_excel(content), path.name, options.sheet)
        except BaseException as error:
            if not _is_readers(error):
                raise
            raise InvalidData(
                f"{path.name} is no readable workbook: {first_line(error)}",
                hint="save it again as .xlsx, or the sheet as CSV in UTF-8",
            ) from error
        return plain_table(_whole(table, path.name), path.name, options)

    def batches(self, path: Path, options: ReadOptions) -> Iterator[pl.DataFrame]:
        """Yield all rows in one batch: no workbook has more than 1,048,576."""
        yield self.read(path, options)


def _is_readers(error: BaseException) -> bool:
    """Say whether an error is the reader's own: its panics are no `Exception`."""
    return type(error).__module__ in {"_fastexcel", "fastexcel", "pyo3_runtime"}


def _check_kind(content: bytes, file: str) -> None:
    if content.startswith(ZIP):
        check_unzipped(content, file)
        return
    if content.startswith(_OLD) and _ENCRYPTED in content:
        raise InvalidData(f"{file} is a workbook with a password", hint="save it without one")
    refuse_disguised(content, file, "no workbook of the form .xlsx")
    what = "no workbook" if content else "empty"
    raise InvalidData(f"{file} is {what}", hint="save it again as .xlsx, or the sheet as CSV in UTF-8")


def _sheet(book: Any, file: str, wanted: str) -> pl.DataFrame:
    import polars as pl

    names = {composed(name): name for name in book.sheet_names}
    if wanted and composed(wanted) not in names:
        raise InvalidConfig(f"{file} has no sheet {wanted!r}", hint=did_you_mean(wanted, names))
    found: list[tuple[str, pl.DataFrame]] = []
    for name in [names[composed(wanted)]] if wanted else book.sheet_names:
        sheet = book.load_sheet(name, header_row=None, skip_rows=0, dtypes="string")
        texts = sheet.to_polars() if sheet.height and sheet.width else pl.DataFrame()
        if texts.width and any(column.null_count() < len(column) for column in texts.get_columns()):
            found.append((name, texts))
    if not found:
        held = f"no values in the sheet {wanted!r}" if wanted else "no values"
        raise InvalidData(f"{file} holds {held}", hint="keep one table in one sheet of the workbook")
    if len(found) > 1:
        shown = ", ".join(repr(name) for name, _ in found[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
        raise InvalidData(
            f"{file} holds {len(found)} sheets with values: {shown}",
            hint=f'say which in [data]: sheet = "{found[0][0]}"',
        )
    return _table(book, *found[0], file)


def _table(book: Any, sheet: str, texts: pl.DataFrame, file: str) -> pl.DataFrame:
    """Read the rows below the first that has a value, each column by all of its values."""
    import polars as pl

    filled = pl.any_horizontal(pl.all().is_not_null())
    header = int(texts.select(filled.arg_true()).to_series()[0])
    names = [(name or "").strip(BLANKS) for name in texts.row(header)]
    check_names(names, file)
    if header + 1 == texts.height:
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String()))
    below: pl.DataFrame = book.load_sheet(
        sheet, header_row=None, skip_rows=header + 1, schema_sample_rows=None
    ).to_polars()
    below.columns = names
    for name, cells, column in zip(
        names, texts[header + 1 :].get_columns(), below.get_columns(), strict=True
    ):
        if column.dtype.is_numeric():
            _check_numbers(cells.alias(""), f"{file}: column {name!r}")
    return below.filter(filled)


def _check_numbers(cells: pl.Series, where: str) -> None:
    """Raise `InvalidData` for a boolean among numbers, which the reader takes as 1 or 0."""
    for row in cells.is_in(["true", "false"]).fill_null(value=False).arg_true().head(1):
        raise InvalidData(
            f"{where}, row {row + 1}: a boolean among numbers", hint="write all cells of a column alike"
        )


def _whole(table: pl.DataFrame, file: str) -> pl.DataFrame:
    import polars as pl

    # Series methods look their own name up as a pattern: one called "^a$" would not find itself.
    columns = ((column.name, column.alias("")) for column in table.get_columns())
    whole = ((name, _integers(_days(column), f"{file}: column {name!r}")) for name, column in columns)
    return pl.DataFrame([column.alias(name) for name, column in whole])


def _integers(column: pl.Series, where: str) -> pl.Series:
    import polars as pl

    present = column.drop_nulls()
    if (
        column.dtype != pl.Float64
        or not len(present)
        or not (present == present.floor()).all()
        or (present.abs() >= _LARGEST).any()
    ):
        return column
    for row in (column.abs() > _EXACT).fill_null(value=False).arg_true().head(1):
        raise InvalidData(
            f"{where}, row {row + 1}: a workbook keeps 15 digits, "
            f"{column[row]:.0f} may be another number than was typed",
            hint="write such keys as texts",
        )
    return column.cast(pl.Int64)


def _days(column: pl.Series) -> pl.Series:
    import polars as pl

    if not isinstance(column.dtype, pl.Datetime) or column.null_count() == len(column):
        return column
    days = column.dt.date()
    return days if (days.cast(column.dtype) == column).fill_null(value=True).all() else column
