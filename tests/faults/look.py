"""Run in a process of its own: look at each file of a folder in a fork, and say what became of it.

Arguments: the folder, and what to do with each file: `inspect`, or the name of a format to load it with.
Prints one line of JSON for each: name, outcome (the class of the error, or the kind that was found), the
message, and the memory in KiB above what the process had before.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kervan.core.errors import KervanError
from kervan.core.plugins import plugin
from kervan.package.safety.archives import unpack
from kervan.package.safety.inspection import inspect_file
from kervan.testing.sample import INPUTS, OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Callable

MEMORY = 8 << 30
SECONDS = 60
FILES = {
    "pickle": ["model.pkl"],
    "joblib": ["model.joblib"],
    "native": ["model.json", "arrays.bin"],
    "onnx": ["matrix.onnx"],
}


def outcome(act: Callable[[], Any]) -> tuple[str, str]:
    try:
        found = act()
    except KervanError as error:
        return type(error).__name__, f"{error} | {error.hint}"
    return "found", str(found)


def action(how: str, path: Path, folder: Path) -> Callable[[], Any]:
    if how == "inspect":
        return lambda: inspect_file(path).kind
    if how == "unpack":
        return lambda: unpack(path, folder / "out")
    from kervan.core.schema import Signature

    for name in FILES[how]:
        (folder / name).symlink_to(path)
    adapter = plugin("format", how)
    return lambda: adapter.load(folder, Signature(inputs=INPUTS, output=OUTPUTS["binary"]))


def look(how: str, path: Path) -> None:
    """In the fork: act under limits, print, and end."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.alarm(SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        act = action(how, path, Path(folder))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        kind, message = outcome(act)
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    line = {"name": path.name, "outcome": kind, "message": message[:300], "used": used}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main(folder: Path, how: str) -> None:
    if how in FILES:
        import sklearn.pipeline  # noqa: F401  what every load imports is no cost of one file

        plugin("format", how)
        if how == "onnx":
            import onnxruntime  # noqa: F401
        else:
            from kervan.package.writing.native.makers import makers

            makers()
    for path in sorted(folder.iterdir()):
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                look(how, path)
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        if status:
            sys.stdout.write(
                json.dumps({"name": path.name, "outcome": f"died {status}", "message": "", "used": 0}) + "\n"
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
