"""Java that needs nothing but a Java runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.ports import About
from kervan.package.writing.code.driver import Workshop, version_of
from kervan.package.writing.code.format import SourceFormat
from kervan.package.writing.code.java import COMPILED, QUICKLY, write_java

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kervan.package.writing.code.program import Program


class JavaFormat(SourceFormat):
    """`Model.java`, proved with the Java that is installed."""

    about = About(
        title="Java source",
        extension=".java",
        licence="that of the model",
        readers="Java 8 or newer, Kotlin, Scala, Android",
        text=True,
        is_code=True,
    )
    programs = (("javac",), ("java",))
    install = "a Java development kit, such as OpenJDK 17"
    limit = 2**23
    reason = "a class with more takes long to compile and to load"

    def write(self, program: Program) -> Mapping[str, str]:
        """Return the class."""
        return write_java(program)

    def build(self, folder: Path) -> tuple[str, Workshop]:
        """Compile with the driver."""
        compiler, java = self.tools()
        version = version_of(compiler, "-version")
        workshop = Workshop(folder, "Driver.java")
        workshop.build(compiler, *COMPILED, "Model.java", "Driver.java")
        workshop.command = [java, *QUICKLY, "-cp", ".", "Driver"]
        return f"Java {version}", workshop
