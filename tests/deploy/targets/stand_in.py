"""A command line that does nothing: it writes down how it was called, and says what it was told to say."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

_SCRIPT = """#!{python} -SE
import json, os, re, sys
folder = {folder!r}
words = [{program!r}, *sys.argv[1:]]
with open(folder + "/calls", "a") as file:
    file.write(json.dumps(words) + "\\n")
line = " ".join(words)
for pattern, status, text in json.load(open(folder + "/answers")):
    if re.search(pattern, line):
        (sys.stderr if status else sys.stdout).write(text)
        sys.exit(status)
"""


@dataclass
class StandIn:
    """Programs on PATH that record their calls."""

    folder: Path

    def add(self, *programs: str) -> None:
        for program in programs:
            path = self.folder / "bin" / program
            path.write_text(_SCRIPT.format(python=sys.executable, folder=str(self.folder), program=program))
            path.chmod(0o755)

    def answer(self, pattern: str, text: str = "", status: int = 0) -> None:
        """Say `text` when the words of a call, with blanks between, hold the pattern; the newest counts."""
        known = json.loads((self.folder / "answers").read_text())
        (self.folder / "answers").write_text(json.dumps([[pattern, status, text], *known]))

    def calls(self) -> list[str]:
        """Return how it was called since the last time somebody asked; our folders are left out."""
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [" ".join(json.loads(line)) for line in lines]


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    folder = tmp_path / "stand-in"
    (folder / "bin").mkdir(parents=True)
    (folder / "answers").write_text("[]")
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
    return StandIn(folder)
