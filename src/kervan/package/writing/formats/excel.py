"""A workbook that scores what is typed into it, recalculated by LibreOffice for its proof."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kervan.core.errors import Refused
from kervan.core.plugins import extras_named
from kervan.core.ports import About, Precision
from kervan.core.schema import Type, Unseen
from kervan.package.writing.formats.excel_calc import SheetPredictor, find_office
from kervan.package.writing.scalar.excel import (
    ANSWERS,
    INPUTS,
    LISTS,
    MODEL,
    NODES,
    NUMBERS,
    list_range,
    write_sheets,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kervan.core.ports import Fitted, Predictor
    from kervan.core.schema import Column, Signature
    from kervan.package.writing.scalar.excel import Sheets, Titled

FILE = "model.xlsx"
ROWS = 200  # that can be filled in
_LONGEST_TEXT = 32_767  # letters of a cell
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")  # a carriage return becomes a line's end
_TOLD = 50  # categories in a comment


class ExcelFormat:
    """A model as formulas: one sheet to type rows into, one with the answers, and the steps between."""

    requires = ("xlsxwriter",)
    about = About(
        title="Excel workbook",
        extension=".xlsx",
        vendor="Microsoft",
        licence="open standard (ISO/IEC 29500)",
        readers="Excel 2007, LibreOffice Calc",
        compressed=True,
        is_code=True,
        precision=Precision.DIGITS,
    )

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write the workbook. Raises `Refused` for a model that no spreadsheet opens in reasonable time."""
        _check_texts(fitted.signature)
        write_workbook(write_sheets(fitted.form), fitted.signature, folder / FILE, rows=ROWS)

    def load(self, folder: Path, signature: Signature) -> Predictor:
        """Refuse: a workbook is for people."""
        raise Refused(f"{folder / FILE} is for spreadsheets", hint="serve the model in the format `onnx`")

    def check_ready(self) -> None:
        """Raise `MissingTool` without LibreOffice."""
        find_office()

    def scorers(self, folder: Path, signature: Signature) -> Mapping[str, Predictor]:
        """Return LibreOffice, or raise `MissingTool`."""
        return {"": SheetPredictor(folder / FILE, signature, find_office(), rows=ROWS)}


def write_workbook(sheets: Sheets, signature: Signature, path: Path, *, rows: int) -> None:
    """Write a workbook in which so many rows can be filled in."""
    with extras_named():
        import xlsxwriter
    with xlsxwriter.Workbook(path) as book:
        book.set_properties(
            {"created": datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)}
        )  # no clock in it
        bold, text = book.add_format({"bold": True}), book.add_format({"num_format": "@"})
        inputs, answers, model, numbers, lists = (
            book.add_worksheet(name) for name in (INPUTS, ANSWERS, MODEL, NUMBERS, LISTS)
        )
        for place, column in enumerate(signature.inputs):
            inputs.set_column(place, place, 16, text if column.type is Type.CATEGORY else None)
            inputs.write_string(0, place, column.name, bold)
            inputs.write_comment(0, place, _told(column))
            inputs.data_validation(1, place, rows, place, _validation(place, column))
        inputs.freeze_panes(1, 0)
        for place, column in enumerate((*signature.inputs, signature.output)):
            lists.write_string(0, place, column.name, bold)
            for row, label in enumerate(column.allowed):
                lists.write_string(row + 1, place, label)
        for row, number in enumerate(sheets.numbers):
            numbers.write_number(row, 0, number)
        numbers.write_row(0, 1, range(1, sheets.counted + 1))
        if sheets.nodes:
            nodes = book.add_worksheet(NODES)
            for place, (title, values) in enumerate(sheets.nodes):
                nodes.write_string(0, place, title, bold)
                nodes.write_column(1, place, values)
        for sheet, columns in ((model, sheets.model), (answers, sheets.answers)):
            _fill(sheet, columns, rows, bold)


def _fill(sheet: Any, columns: tuple[Titled, ...], rows: int, bold: Any) -> None:
    sheet.freeze_panes(1, 0)
    place = 0
    for column in columns:
        sheet.write_string(0, place, column.title, bold)
        for row in range(1, rows + 1):  # without results: these are calculated
            if column.width == 1:
                sheet.write_formula(row, place, column.at(row + 1), None, "")
            else:
                sheet.write_array_formula(
                    row, place, row, place + column.width - 1, f"{{{column.at(row + 1)}}}", None, ""
                )
        place += column.width


def _told(column: Column) -> str:
    """Say in words what a column may hold."""
    limits = [
        f"{word} {limit:g}"
        for word, limit in (("from", column.minimum), ("to", column.maximum))
        if limit is not None
    ]
    told = [str(column.type), *limits]
    if column.unit:
        told.append(f"in {column.unit}")
    told.append("may be blank" if column.nullable else "not blank")
    if column.allowed:
        more = ", …" if len(column.allowed) > _TOLD else ""
        told.append(f"one of: {', '.join(column.allowed[:_TOLD])}{more}")
    return "; ".join(told)


def _validation(place: int, column: Column) -> dict[str, Any]:
    """Return what a spreadsheet checks when somebody types. Pasted cells are not checked."""
    if column.type is Type.CATEGORY and column.allowed:
        strict = "stop" if column.unseen is Unseen.REFUSE else "information"
        source = "=" + list_range(place, len(column.allowed))
        return {"validate": "list", "source": source, "error_type": strict}
    if column.type is Type.BOOLEAN:
        return {"validate": "list", "source": ["TRUE", "FALSE"]}
    if not column.type.is_numeric:
        return {"validate": "any"}
    low = -1e307 if column.minimum is None else column.minimum
    high = 1e307 if column.maximum is None else column.maximum
    return {"validate": "decimal", "criteria": "between", "minimum": low, "maximum": high}


def _check_texts(signature: Signature) -> None:
    for column in (*signature.inputs, signature.output):
        for text in (column.name, *column.allowed):
            if len(text) > _LONGEST_TEXT:
                raise Refused(
                    f"a cell holds {_LONGEST_TEXT:,} letters; {text[:20]!r}… has {len(text):,}",
                    hint="rename the column or category",
                )
            if _UNWRITABLE.search(text):
                raise Refused(f"a cell cannot hold the text {text!r}", hint="rename the column or category")
    for column in signature.inputs:
        if "" in column.allowed:
            raise Refused(
                f"column {column.name!r} has an empty text as a category; in a sheet that is missing",
                hint="rename the category",
            )
