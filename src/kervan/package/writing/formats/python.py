"""Python source that needs nothing but Python."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING

from kervan.core.ports import About
from kervan.package.writing.code.driver import Workshop
from kervan.package.writing.code.format import SourceFormat
from kervan.package.writing.code.python import write_python

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kervan.package.writing.code.program import Program


class PythonFormat(SourceFormat):
    """`model.py`, proved in an isolated interpreter."""

    about = About(
        title="Python source",
        extension=".py",
        licence="that of the model",
        readers="Python 3.9 or newer, PyPy, without any library",
        text=True,
        is_code=True,
    )
    limit = 2**25
    reason = "importing more takes seconds"

    def write(self, program: Program) -> Mapping[str, str]:
        """Return the module."""
        return write_python(program)

    def build(self, folder: Path) -> tuple[str, Workshop]:
        """Put the driver beside the module."""
        workshop = Workshop(folder, "driver.py.txt")
        workshop.command = [sys.executable, "-I", "-S", "driver.py"]
        return f"{platform.python_implementation()} {platform.python_version()}", workshop
