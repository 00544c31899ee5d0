"""LibreOffice as the scorer of a workbook: rows are filled in, everything is calculated, answers read."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as Xml
from zipfile import BadZipFile, ZipFile

import numpy as np

from kervan.core.errors import Corrupted, MissingTool, Refused
from kervan.package.answers import may_name
from kervan.package.writing.rows import decode_rows
from kervan.package.writing.scalar.excel import ANSWERS, column_letters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.core.ports import Matrix
    from kervan.core.schema import Signature

_INPUTS = "xl/worksheets/sheet1.xml"
_ANSWERS_PLACE = 2  # which sheet LibreOffice writes as CSV, counted from 1
# Separator, quote, UTF-8, first line, columns, language, all quoted, numbers as numbers, not as shown, no
# formulas, no spaces removed, the sheet. Numbers come with 15 digits.
_CSV = f"csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,{_ANSWERS_PLACE}"
_SPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")  # what would be read as the code of a letter
_ERRORS = ("#", "Err:")
_SECONDS = 300
_TIE = 1e-12  # spreadsheets take numbers for equal that agree in 15 digits
_AGAIN = "package the model again"


def find_office() -> str:
    """Return LibreOffice's program, or raise `MissingTool`."""
    found = shutil.which("soffice") or shutil.which("libreoffice")
    if found is None:
        raise MissingTool(
            "a workbook is proved by LibreOffice, which is not installed",
            hint="install it, such as apt-get install libreoffice-calc-nogui",
        )
    return found


class SheetPredictor:
    """Fills copies of a workbook with rows and lets LibreOffice calculate them, many in one start."""

    def __init__(self, path: Path, signature: Signature, office: str, *, rows: int) -> None:
        try:
            with ZipFile(path) as book:
                self._members = {name: book.read(name) for name in book.namelist()}
            self._inputs = Xml.fromstring(self._members[_INPUTS])  # noqa: S314 - written by this process
        except (OSError, BadZipFile, KeyError, Xml.ParseError) as error:
            raise Corrupted(f"{path} is no workbook: {error}", hint=_AGAIN) from error
        self._signature = signature
        self._office = office
        self._rows = rows
        first = next(iter(signature.inputs))
        self._unknown = next(text for text in map("?".__mul__, count(1)) if text not in first.allowed)

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score an encoded matrix of shape (rows, inputs), after turning its codes into texts again."""
        width = len(self._signature.output.allowed) if self._signature.is_classification else 1
        rows = decode_rows(matrix, self._signature)
        if not rows:
            return np.empty((0, width))
        with tempfile.TemporaryDirectory(prefix="kervan-") as scratch:
            folder = Path(scratch)
            starts = range(0, len(rows), self._rows)
            for start in starts:
                self._write(folder / f"rows{start}.xlsx", rows[start : start + self._rows])
            self._calculate(folder, [f"rows{start}.xlsx" for start in starts])
            lines = [line for start in starts for line in _read(folder / f"rows{start}-{ANSWERS}.csv")]
        lines = lines[: len(rows)]
        if len(lines) != len(rows) or any(len(line) < width for line in lines):
            raise Corrupted(f"the workbook gave {len(lines)} answers for {len(rows)} rows", hint=_AGAIN)
        found = np.array([[_number(text) for text in line[-width:]] for line in lines])
        if self._signature.is_classification:
            self._check_labels([line[0] for line in lines], found)
        return found

    def _check_labels(self, labels: list[str], chances: NDArray[np.float64]) -> None:
        """Raise `Corrupted` where the label that is shown is not the one that the probabilities name."""
        places = {label: place for place, label in enumerate(self._signature.output.allowed)}
        told = np.array([places.get(label, -1) for label in labels], dtype=np.int64)
        is_right = may_name(np.maximum(told, 0), chances, self._signature.naming, _TIE) & (told >= 0)
        wrong = ~is_right & ~np.isnan(chances).any(axis=1)
        if wrong.any():
            label = labels[int(wrong.argmax())]
            raise Corrupted(f"the workbook answers {label!r} where another class is named", hint=_AGAIN)

    def _write(self, path: Path, rows: list[tuple[Any, ...]]) -> None:
        """Write a copy with these rows from the second on."""
        filled = Xml.Element(f"{_SPACE}sheetData")
        for number, row in enumerate(rows, start=2):
            cells = Xml.SubElement(filled, f"{_SPACE}row", r=str(number))
            is_blank = all(value in {None, ""} for value in row)
            values = (self._unknown, *row[1:]) if is_blank else row  # what is blank is no row
            for place, value in enumerate(values):
                if value is not None:
                    cells.append(_cell(f"{column_letters(place)}{number}", value))
        sheet = Xml.Element(f"{_SPACE}worksheet")
        sheet.append(filled)
        with ZipFile(path, "w") as book:
            for name, content in self._members.items():
                book.writestr(name, Xml.tostring(sheet) if name == _INPUTS else content)

    def _calculate(self, folder: Path, names: list[str]) -> None:
        profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
        command = [self._office, profile, "--headless", "--norestore", "--convert-to", _CSV, *names]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, check=False, timeout=_SECONDS
            )
        except subprocess.TimeoutExpired as error:
            raise Refused(
                f"LibreOffice took more than {_SECONDS} s for the workbook", hint="choose a smaller model"
            ) from error
        if done.returncode:
            raise Corrupted(f"LibreOffice cannot open the workbook: {done.stderr[-500:]}", hint=_AGAIN)


def _read(path: Path) -> list[list[str]]:
    """Read the rows below the titles, or raise `Corrupted`."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file))[1:]
    except OSError as error:
        raise Corrupted("LibreOffice did not calculate the workbook", hint=_AGAIN) from error


def _cell(place: str, value: Any) -> Xml.Element:
    if isinstance(value, str):
        cell = Xml.Element(f"{_SPACE}c", r=place, t="inlineStr")
        text = Xml.SubElement(Xml.SubElement(cell, f"{_SPACE}is"), f"{_SPACE}t")
        text.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
        text.text = _ESCAPE.sub("_x005F_", value)
        return cell
    is_truth = isinstance(value, bool)
    cell = Xml.Element(f"{_SPACE}c", r=place, t="b" if is_truth else "n")
    Xml.SubElement(cell, f"{_SPACE}v").text = str(int(value)) if is_truth else repr(value)
    return cell


def _number(text: str) -> float:
    """Read a number; an error, such as #N/A, is a missing one."""
    return float("nan") if not text or text.startswith(_ERRORS) else float(text)
