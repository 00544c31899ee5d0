"""A project as its user has it: a folder, a table, the command line, and servers that end with the test."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kervan.app.project import Project, open_project
from kervan.cli import main
from kervan.core.locks import is_held
from kervan.deploy.companion import FILE, LOCK
from kervan.deploy.targets.local import LocalTarget

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CITIES = ("Ankara", "İstanbul", "Iğdır", "ısparta")
HEADER = ("müşteri", "yaş", "şehir", "gelir", "0", "ayrıldı")
SETTINGS = """\
[project]
name = "müşteri-kaybı"
[data]
source = "müşteriler.csv"
target = "ayrıldı"
protect = { "müşteri" = "hash" }
[model]
families = ["linear"]
folds = 2
[release]
to = "üretim"
port = 0
"""
KERVAN = (sys.executable, "-m", "kervan")


@dataclass(frozen=True)
class Reply:
    """What a command gave: its exit code and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def problem(self) -> dict[str, str]:
        """The error that `--json` printed: the last object on the standard error."""
        found: dict[str, str] = json.loads(self.err[f"\n{self.err}".index("\n{") :])
        return found


def customers(count: int, seed: int = 0) -> list[list[Any]]:
    """Rows that can be learned: the young and the poor leave, more so in İstanbul."""
    dice = random.Random(seed)
    rows = []
    for number in range(count):
        age, income, city = dice.randint(18, 90), round(dice.lognormvariate(10, 0.5), 2), dice.choice(CITIES)
        leaves = age / 40 + income / 20_000 + dice.gauss(0, 0.5) < 2 + (city == "İstanbul")
        extra = "" if dice.random() < 0.2 else round(dice.random(), 3)
        rows.append([f"MÜŞ-{seed}-{number:05d}", age, city, income, extra, "evet" if leaves else "hayır"])
    return rows


def as_csv(rows: Sequence[Sequence[Any]], header: Sequence[str] = HEADER) -> str:
    return "".join(",".join(map(str, row)) + "\n" for row in [header, *rows])


@dataclass
class Home:
    """A project's folder, asked as a user asks."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def start(self, rows: int = 200, settings: str = SETTINGS, seed: int = 0) -> Home:
        """Write the table of customers and a `kervan.toml`."""
        self.write("müşteriler.csv", as_csv(customers(rows, seed)))
        self.write("kervan.toml", settings)
        return self

    def run(self, *arguments: str, code: int | None = 0, cwd: Path | None = None) -> Reply:
        """Ask in a process of its own."""
        done = subprocess.run(
            [*KERVAN, *arguments],
            cwd=cwd or self.folder,
            env=self.surroundings(),
            capture_output=True,
            check=False,
            timeout=280,
        )
        return _checked(Reply(done.returncode, done.stdout.decode(), done.stderr.decode()), code, arguments)

    def ask(self, *arguments: str, code: int | None = 0, cwd: Path | None = None) -> Reply:
        """Ask in this process: quicker, and the same but for the terminal."""
        out, err = io.StringIO(), io.StringIO()
        before = dict(os.environ)
        os.environ.update(self.surroundings())
        status: Any = None
        try:
            with (
                contextlib.chdir(cwd or self.folder),
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(err),
            ):
                try:
                    main(list(arguments))
                except SystemExit as end:
                    status = end.code
        finally:
            os.environ.clear()
            os.environ.update(before)
        return _checked(Reply(status or 0, out.getvalue(), err.getvalue()), code, arguments)

    def surroundings(self) -> dict[str, str]:
        """The user's environment, without settings that lie about outside."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KERVAN_")}
        return {**kept, "XDG_CONFIG_HOME": str(self.folder / "nowhere"), **self.environ}

    def predict(self, row: Mapping[str, Any], *arguments: str) -> Any:
        """Ask the model of the environment for one row, by a file."""
        file = self.write("istek.json", json.dumps(row))
        return self.ask("predict", "üretim", "-f", str(file), "--json", *arguments).json[0]

    @contextlib.contextmanager
    def opened(self) -> Iterator[Project]:
        """The project as code sees it."""
        project = open_project(self.folder)
        try:
            yield project
        finally:
            project.store.close()

    def stop(self) -> None:
        """End every server of the project; nothing happens where none runs."""
        for folder in self.folder.rglob(".kervan/environments/*"):
            end_conductor(folder)
            LocalTarget().remove(folder)


def conductor(folder: Path) -> int | None:
    """The number of the process that carries on an environment's release, if there is one."""
    lock = folder / LOCK
    return int(lock.read_text() or 0) or None if is_held(lock) else None


def end_conductor(folder: Path) -> None:
    """Kill what carries on a release, so that it does not bring back what is stopped."""
    (folder / FILE).unlink(missing_ok=True)
    while (number := conductor(folder)) is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
        time.sleep(0.02)


def _checked(reply: Reply, code: int | None, arguments: Sequence[str]) -> Reply:
    said = f"kervan {' '.join(arguments)} ended with {reply.code}\n{reply.out}\n{reply.err}"
    assert code is None or reply.code == code, said
    assert "Traceback" not in reply.err, said
    assert code is None or "this is a bug" not in reply.err, said
    return reply
