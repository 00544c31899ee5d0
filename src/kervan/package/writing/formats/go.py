"""Go that needs nothing but its standard library."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kervan.core.ports import About
from kervan.package.writing.code.driver import Workshop, version_of
from kervan.package.writing.code.format import SourceFormat
from kervan.package.writing.code.go import write_go

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kervan.package.writing.code.program import Program


class GoFormat(SourceFormat):
    """`model.go`, proved with the Go that is installed."""

    about = About(
        title="Go source",
        extension=".go",
        licence="that of the model",
        readers="Go 1.13 or newer, TinyGo",
        text=True,
        is_code=True,
    )
    programs = (("go",),)
    install = "Go"
    limit = 2**23
    reason = "compilers need a lot of time and memory for more"

    def write(self, program: Program) -> Mapping[str, str]:
        """Return the package's one file."""
        return write_go(program)

    def build(self, folder: Path) -> tuple[str, Workshop]:
        """Compile with the driver, without looking for anything elsewhere."""
        (compiler,) = self.tools()
        version = version_of(compiler, "version")
        workshop = Workshop(folder, "driver.go")
        (workshop.folder / "model").mkdir()
        for path in folder.iterdir():
            (workshop.folder / path.name).rename(workshop.folder / "model" / path.name)
        (workshop.folder / "go.mod").write_text("module kervan.invalid/driver\n\ngo 1.13\n")
        environ = {
            **os.environ,
            "GO111MODULE": "on",
            "GOFLAGS": "-mod=mod",
            "GOPROXY": "off",
            "GOWORK": "off",
        }
        workshop.build(compiler, "build", "-o", "driver", ".", environ={**environ, "GOTOOLCHAIN": "local"})
        workshop.command = [str(workshop.folder / "driver")]
        return f"Go {version}", workshop
