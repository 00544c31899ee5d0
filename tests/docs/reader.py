"""Somebody who does what a page says, in a shell of their own, and compares."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from kervan.core.loading import load_config

from .pages import blocks, commands, missing_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .pages import Block, Command

_END = "--- the command has ended ---"


class Reader:
    """One bash session in a folder, without settings of the person who runs the tests.

    `replaced` gives texts of the page that stand for something of the reader's own, such as a database.
    """

    def __init__(
        self,
        folder: Path,
        *,
        replaced: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._replaced = dict(replaced or {})
        self._home = folder / ".home"
        self._home.mkdir(parents=True)
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env={**_environment(self._home), **(environ or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for project in self._projects():
            subprocess.run(
                ["kervan", "release", "--stop", "-C", str(project)],
                env=_environment(self._home),
                capture_output=True,
                check=False,
            )
        with suppress(ProcessLookupError):
            os.killpg(self._shell.pid, signal.SIGTERM)  # also what a page left running in the background
        self._shell.communicate()

    def follow(self, page: Path) -> int:
        """Do everything that the page shows, in order, and return how many blocks that were."""
        wanted = [block for block in blocks(page) if not block.reason]
        for block in wanted:
            self._do(block, f"{page.name}, line {block.line}")
        return len(wanted)

    def _do(self, block: Block, place: str) -> None:
        if block.title:
            self._write(block)
        elif block.kind == "console":
            for command in commands(block):
                self._check(command, place)
        elif block.kind == "python":
            script = self._home / "block.py"
            script.write_text(self._own(block.text), encoding="utf-8")
            code, printed = self.run(f"python '{script}'")
            assert code == 0, f"{place}: {printed}"
        elif block.kind == "toml":
            self._check_settings(block)

    def _write(self, block: Block) -> None:
        path = Path(self.run("pwd")[1].strip()) / block.title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self._own(block.text), encoding="utf-8")

    def _check(self, command: Command, place: str) -> None:
        code, printed = self.run(self._own(command.text))
        assert code == command.code, f"{place}: `{command.text}` ended with {code}:\n{printed}"
        missing = missing_line(tuple(map(self._own, command.shown)), printed)
        assert missing is None, f"{place}: `{command.text}` does not print {missing!r}, but:\n{printed}"

    def _check_settings(self, block: Block) -> None:
        """Read a part of a settings file as the product would: an unknown name or a wrong type fails."""
        load_config(Path("/nowhere"), flags=tomllib.loads(block.text), environ={})

    def _own(self, text: str) -> str:
        for theirs, ours in self._replaced.items():
            text = text.replace(theirs, ours)
        return text

    def run(self, command: str) -> tuple[int, str]:
        """Run a command in the session and return its exit code and what it printed, errors too."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        ending = f"_code=$?; printf '\\n%s %d\\n' '{_END}' $_code; (exit $_code)"
        self._shell.stdin.write(f"{{ {command}\n}} </dev/null\n{ending}\n")
        self._shell.stdin.flush()
        printed: list[str] = []
        for line in self._shell.stdout:
            if line.startswith(_END):
                return int(line.split()[-1]), "".join(printed)
            printed.append(line)
        raise AssertionError(f"the shell ended at `{command}`: {''.join(printed)}")

    def _projects(self) -> list[Path]:
        return [state.parents[2] for state in self._home.parent.glob("**/.kervan/environments/*")]


def _environment(home: Path) -> dict[str, str]:
    scripts = Path(sys.executable).parent
    return {
        "PATH": f"{scripts}:{os.environ['PATH']}",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "USER": "ayşe",
        "LOGNAME": "ayşe",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "PYTHONWARNINGS": "ignore",
    }
