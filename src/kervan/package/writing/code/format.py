"""What the formats of source code share: they write, they are never loaded, they prove what they wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NoReturn

from kervan.core.errors import Corrupted, Refused
from kervan.package.writing.code.driver import NamedPredictor, ScorePredictor, find_tool
from kervan.package.writing.code.program import write_program
from kervan.package.writing.code.text import check_texts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kervan.core.ports import About, Fitted, Predictor
    from kervan.core.schema import Signature
    from kervan.package.writing.code.driver import Workshop
    from kervan.package.writing.code.program import Program


class SourceFormat:
    """A model as source code. A language says what it writes and how that is built."""

    about: ClassVar[About]
    limit: ClassVar[int]  # bytes of constants
    reason: ClassVar[str]  # why there is a limit
    refuses: ClassVar[bool] = True  # whether `predict` checks rows by the signature
    programs: ClassVar[tuple[tuple[str, ...], ...]] = ()  # that build and run it, each by its names
    install: ClassVar[str] = ""  # what brings them

    def tools(self) -> list[str]:
        """Return where the programs are, or raise `MissingTool` that says what to install."""
        return [find_tool(*names, install=self.install) for names in self.programs]

    def check_ready(self) -> None:
        """Raise `MissingTool` unless what builds and runs the code is installed."""
        self.tools()

    def write(self, program: Program) -> Mapping[str, str]:
        """Return the files by name."""
        raise NotImplementedError

    def build(self, folder: Path) -> tuple[str, Workshop]:
        """Compile a copy of the files with a driver; return what ran, and where the driver is."""
        raise NotImplementedError

    def save(self, fitted: Fitted, folder: Path) -> None:
        """Write the files. Raises `Refused` for a model that has no neutral form, or is too large."""
        check_texts(fitted.signature)
        program = write_program(fitted.form)
        if program.constant_bytes > self.limit:
            raise Refused(
                f"the model has {program.constant_bytes:,} bytes of numbers, and {self.about.title} holds "
                f"{self.limit:,}: {self.reason}",
                hint="train a smaller model, or choose the format onnx",
            )
        for name, text in self.write(program).items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")

    def load(self, folder: Path, signature: Signature) -> NoReturn:
        """Refuse: the application runs the code, the server never does."""
        raise Refused(
            f"{self.about.title} is code, which Kervan does not run to answer requests",
            hint='put onnx first: formats = ["onnx", …], and compile the code into the application',
        )

    def scorers(self, folder: Path, signature: Signature) -> Mapping[str, Predictor]:
        """Build the files that were just written, and score with them: rows of numbers, and by name."""
        if not any(folder.iterdir()):
            raise Corrupted(f"{folder} holds no files", hint="write the model again")
        tool, workshop = self.build(folder)
        outputs = len(signature.output.allowed) if signature.is_classification else 1
        return {
            tool: ScorePredictor(workshop, outputs),
            f"{tool}, by name": NamedPredictor(workshop, signature, refuses=self.refuses),
        }
