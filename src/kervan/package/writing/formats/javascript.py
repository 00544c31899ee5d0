"""JavaScript that needs nothing but a JavaScript engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.ports import About
from kervan.package.writing.code.driver import Workshop, version_of
from kervan.package.writing.code.format import SourceFormat
from kervan.package.writing.code.javascript import write_javascript

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kervan.package.writing.code.program import Program


class JavaScriptFormat(SourceFormat):
    """`model.mjs` and `model.cjs` with their types, both proved in Node."""

    about = About(
        title="JavaScript source",
        extension=".mjs",
        licence="that of the model",
        readers="browsers, Node 16 or newer, Deno, Bun, TypeScript",
        text=True,
        is_code=True,
    )
    programs = (("node",),)
    install = "Node.js"
    limit = 2**24
    reason = "pages that load more are slow"

    def write(self, program: Program) -> Mapping[str, str]:
        """Return the modules and their types."""
        return write_javascript(program)

    def build(self, folder: Path) -> tuple[str, Workshop]:
        """Put the driver beside the modules."""
        (node,) = self.tools()
        version = version_of(node, "--version")
        workshop = Workshop(folder, "driver.mjs")
        workshop.command = [node, "driver.mjs"]
        return f"Node {version}", workshop
