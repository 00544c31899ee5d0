"""C99 without any library, for microcontrollers too; also compiles as C++."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.ports import About
from kervan.package.writing.code.c import write_c
from kervan.package.writing.code.driver import Workshop, version_of
from kervan.package.writing.code.format import SourceFormat

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kervan.package.writing.code.program import Program


class CFormat(SourceFormat):
    """`model.h` and `model.c`, proved with the C compiler that is installed."""

    about = About(
        title="C source",
        extension=".c",
        licence="that of the model",
        readers="any C99 or C++11 compiler: gcc, clang, MSVC, microcontrollers",
        text=True,
        is_code=True,
    )
    programs = (("gcc", "clang", "cc"),)
    install = "a C compiler, such as gcc"
    limit = 2**24
    reason = "compilers need a lot of time and memory for more"
    refuses = False

    def write(self, program: Program) -> Mapping[str, str]:
        """Return header and source."""
        return write_c(program)

    def build(self, folder: Path) -> tuple[str, Workshop]:
        """Compile with the driver."""
        (compiler,) = self.tools()
        version = version_of(compiler, "--version")
        workshop = Workshop(folder, "driver.c")
        strict = ("-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic")
        workshop.build(compiler, *strict, "model.c", "driver.c", "-lm", "-o", "driver")
        workshop.command = [str(workshop.folder / "driver")]
        return f"{compiler.rpartition('/')[2]} {version}", workshop
