"""A vendor's own command line: run, or told why not in the vendor's words."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from kervan.core.errors import MissingTool, ServerFailed
from kervan.deploy.targets.findings import failed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kervan.core.nouns import Finding

SECONDS = 900.0
_LINES = 12  # of what went wrong: vendors put it last
_LOG = re.compile(r"[EWI][0-9]{4} [0-9:.]+ ")  # what kubectl writes of its own code
_GONE = ("not found", "not_found", "notfound", "cannot find", "could not be found", "does not exist")
_INSTALLED = {
    "kubectl": "https://kubernetes.io/docs/tasks/tools",
    "helm": "https://helm.sh/docs/intro/install",
    "gcloud": "https://cloud.google.com/sdk/docs/install",
    "az": "https://learn.microsoft.com/cli/azure/install-azure-cli",
    "func": "https://learn.microsoft.com/azure/azure-functions/functions-run-local",
    "ibmcloud": "https://cloud.ibm.com/docs/cli",
}


def run(command: Sequence[str], *, folder: Path | None = None, seconds: float = SECONDS) -> str:
    """Run a command and return what it wrote.

    Raises `MissingTool` where it is not installed, and `ServerFailed` with its own last lines where it fails
    or takes longer than so many seconds.
    """
    program = find(command[0])
    try:
        done = subprocess.run(
            [program, *command[1:]],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ServerFailed(
            f"{told(command)} did not end in {seconds:g} seconds", hint="look at what the place says of it"
        ) from error
    if done.returncode:
        raise ServerFailed(f"{told(command)}: {_words(done.stderr, done.stdout, done.returncode)}")
    return done.stdout


def _words(*said: str | int) -> str:
    """Return the last lines of the first that has any, without those of a log."""
    lines = next(found for each in said if (found := str(each).strip().splitlines()))
    plain = [line for line in lines if not _LOG.match(line)] or lines
    return " ".join(" ".join(plain[-_LINES:]).split())


def run_unless_gone(command: Sequence[str], *, seconds: float = SECONDS) -> str:
    """Run a command on something, and return "" if it is not there any more."""
    try:
        return run(command, seconds=seconds)
    except ServerFailed as error:
        if any(words in str(error).casefold() for words in _GONE):
            return ""
        raise


def find(program: str) -> str:
    """Return where a command line is, or raise `MissingTool`."""
    found = shutil.which(program)
    if found is None:
        raise MissingTool(
            f"{program} is not installed", hint=f"install it: {_INSTALLED.get(program, 'see its docs')}"
        )
    return found


def told(command: Sequence[str]) -> str:
    """Return the part of a command that says what it does, up to its first option.

    >>> told(["kubectl", "apply", "-k", "folder"])
    'kubectl apply'
    """
    words: list[str] = []
    for word in command:
        if word.startswith("-") or len(words) == 4:
            break
        words.append(word)
    return " ".join(words)


def check_installed(program: str) -> list[Finding]:
    """Return a finding if a command line is not there."""
    if shutil.which(program):
        return []
    hint = f"install it: {_INSTALLED.get(program, 'see its docs')}"
    return [failed("tool", program, f"{program} is not installed", hint)]
