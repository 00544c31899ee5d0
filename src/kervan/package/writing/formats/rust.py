"""Rust that needs no crate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.ports import About
from kervan.package.writing.code.driver import Workshop, version_of
from kervan.package.writing.code.format import SourceFormat
from kervan.package.writing.code.rust import write_rust

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kervan.package.writing.code.program import Program


class RustFormat(SourceFormat):
    """`model.rs`, proved with the Rust that is installed."""

    about = About(
        title="Rust source",
        extension=".rs",
        licence="that of the model",
        readers="Rust 2021, WebAssembly",
        text=True,
        is_code=True,
    )
    programs = (("rustc",),)
    install = "Rust"
    limit = 2**23
    reason = "compilers need a lot of time and memory for more"

    def write(self, program: Program) -> Mapping[str, str]:
        """Return the module."""
        return write_rust(program)

    def build(self, folder: Path) -> tuple[str, Workshop]:
        """Compile with the driver, and with what reads answers of this kind."""
        (compiler,) = self.tools()
        version = version_of(compiler, "--version")
        workshop = Workshop(folder, "driver.rs", "classification.rs", "regression.rs")
        written = workshop.folder / "model.rs"
        is_classes = written.exists() and b"pub static CLASSES" in written.read_bytes()
        (workshop.folder / ("classification.rs" if is_classes else "regression.rs")).rename(
            workshop.folder / "answers.rs"
        )
        workshop.build(compiler, "--edition", "2021", "-O", "-D", "warnings", "driver.rs", "-o", "driver")
        workshop.command = [str(workshop.folder / "driver")]
        return f"rustc {version}", workshop
