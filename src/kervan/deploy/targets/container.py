"""A container on this machine: exactly the image that would go out, held as strictly as it can be.

`container.json` is what is wanted, `live.json` what runs. It is for looking at an image before others do: one
container, which answers this machine alone, with its records in a volume of the engine's.
"""

from __future__ import annotations

import json
import logging
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.access import is_loopback
from kervan.core.errors import KervanError, NotFound, ServerFailed
from kervan.core.identity import plain_name, sha256
from kervan.core.places import PORT, RECORDS, Artefact, Place
from kervan.core.private import write_private
from kervan.deploy.image.engine import Engine, engine
from kervan.deploy.image.needs import is_this_machine
from kervan.deploy.image.ready import answers
from kervan.deploy.targets.findings import failed
from kervan.deploy.targets.told import told
from kervan.deploy.workload import NoSettings, settings_of, workload_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kervan.core.nouns import Finding
    from kervan.core.serving import Plan, Serving

WANTED, LIVE = "container.json", "live.json"
_log = logging.getLogger("kervan.deploy")
_HELD = ("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", "--tmpfs=/tmp")
_PATIENCE = 60.0
_GRACE = "30"  # seconds to finish what is being answered
_NO_RESULT = 125  # of an engine that could not even start the container


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to run: `name` is the container's, `volume` keeps its records.

    `memory` is in bytes; 0 is as much as there is.
    """

    name: str
    volume: str
    image: str
    platform: str
    host: str
    port: int
    memory: int
    cpu: float
    environ: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What runs, and where it answers."""

    name: str
    url: str


class ContainerTarget:
    """Runs a release as a container of podman or docker on this machine."""

    about = Place(
        title="a container on this machine",
        artefact=Artefact.IMAGE,
        strategies=("at-once", "blue-green"),
        checked="every setting, when it is read; the engine",
        proved="all of it, with podman 4.3",
    )

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        """Return `container.json`."""
        settings_of(plan, NoSettings)
        work = workload_of(serving, plan)
        own = f"{work.name}-{sha256(serving.records.encode())[:8]}"  # other projects have such names too
        wanted = Wanted(
            name=f"{own}-{plain_name(work.deployment) or 'trial'}",
            volume=f"{own}-records",
            image=work.main.image,
            platform=plan.image.platform,
            host=plan.host,
            port=plan.port,
            memory=plan.memory,
            cpu=plan.cpu,
            environ={**told(work), "KERVAN_PLATFORM": "1"},  # only this machine reaches it
        )
        text = msgspec.json.format(msgspec.json.encode(wanted), indent=2).decode()
        return {PurePath(WANTED): f"{text}\n"}

    def check(self, folder: Path, plan: Plan) -> Sequence[Finding]:
        """Find what would not run here: no engine, another kind of machine, doors that are not for this."""
        found = []
        if shutil.which("podman") is None and shutil.which("docker") is None:
            hint = "apt-get install podman runc, or what your system calls them"
            found.append(failed("tool", "podman", "neither podman nor docker is installed", hint))
        if not is_this_machine(plan.image.platform):
            message = f"the image is to be for {plan.image.platform}, which this machine is not"
            found.append(failed("platform", "[image] platform", message, "change it for a trial here"))
        if not is_loopback(plan.host) or plan.keys or plan.certificate or plan.proxy:
            message = "a container for trials answers this machine alone, and asks for no key"
            hint = 'leave host at "127.0.0.1", and keys, certificate and proxy out'
            found.append(failed("doors", "[release]", message, hint))
        return found

    def apply(self, folder: Path, plan: Plan) -> str:
        """Start the container and return its URL, once it is ready; then the one before is removed.

        Where both want the same port, the one before is stopped first. If the new one does not come up, it
        goes on, and `ServerFailed` says why in the container's own words.
        """
        tool, wanted, before = engine(), _read(folder), _live(folder)
        if before is not None and before.name == wanted.name and _is_running(tool, before.name):
            return before.url
        port = wanted.port or _free_port(wanted.host)
        url = f"http://{wanted.host}:{port}"
        takes_over = before is not None and before.url == url
        if before is not None and takes_over:
            tool.run("stop", "--time", _GRACE, before.name)
        try:
            _start(tool, wanted, port)
            _wait(tool, wanted, url)
        except (KervanError, KeyboardInterrupt) as error:
            tool.run("rm", "--force", wanted.name)
            if before is not None and takes_over:
                _bring_back(tool, before.name, error)
            raise
        write_private(folder / LIVE, msgspec.json.encode(Live(name=wanted.name, url=url)))
        if before is not None and before.name != wanted.name:
            tool.run("stop", "--time", _GRACE, before.name)
            tool.run("rm", "--force", before.name)
        return url

    def remove(self, folder: Path) -> None:
        """Stop and remove the container; its records stay in their volume."""
        live = _live(folder)
        if live is None:
            return
        tool = engine()
        tool.run("stop", "--time", _GRACE, live.name)
        tool.run("rm", "--force", live.name)
        (folder / LIVE).unlink(missing_ok=True)

    def runs(self, folder: Path) -> bool:
        """Say whether the container runs."""
        live = _live(folder)
        return live is not None and _is_running(engine(), live.name)

    def logs(self, folder: Path, lines: int) -> Sequence[str]:
        """Return its newest lines, and why it ended if it did."""
        live = _live(folder)
        if live is None:
            return []
        tool = engine()
        asked = tool.run("logs", "--tail", str(lines), live.name)
        found = (asked.stdout + asked.stderr).splitlines()
        if not _is_running(tool, live.name):
            found.append(_why(tool, live.name, _memory(folder))[0])
        return found[-lines:]

    def shell(self, folder: Path) -> Sequence[str]:
        """Return the command that opens a shell in the container."""
        live = _live(folder)
        if live is None:
            raise NotFound("no container runs", hint="deploy first")
        return (engine().program, "exec", "-it", live.name, "sh")


def _read(folder: Path) -> Wanted:
    try:
        return msgspec.json.decode((folder / WANTED).read_bytes(), type=Wanted)
    except OSError as error:
        raise NotFound(f"cannot read {folder / WANTED}: {error.strerror}", hint="deploy again") from error


def _live(folder: Path) -> Live | None:
    try:
        return msgspec.json.decode((folder / LIVE).read_bytes(), type=Live)
    except (OSError, msgspec.DecodeError):
        return None


def _memory(folder: Path) -> int:
    try:
        return _read(folder).memory
    except NotFound:
        return 0


def _start(tool: Engine, wanted: Wanted, port: int) -> None:
    tool.run("rm", "--force", wanted.name)  # of a trial that was killed half way
    limits = [f"--memory={wanted.memory}", f"--memory-swap={wanted.memory}"] if wanted.memory else []
    limits += [f"--cpus={wanted.cpu:g}"] if wanted.cpu else []
    variables = [part for name, value in wanted.environ.items() for part in ("--env", f"{name}={value}")]
    places = ["--publish", f"{wanted.host}:{port}:{PORT}", "--volume", f"{wanted.volume}:{RECORDS}"]
    command = ["--detach", "--name", wanted.name, *_HELD, *limits, *places, *variables, wanted.image]
    # What watches a container notes in its own folder that it took too much memory.
    done = tool.run("run", "--pull=never", *command, cwd=Path(tempfile.gettempdir()))
    if done.returncode:
        raise _failure(done, wanted)


def _bring_back(tool: Engine, name: str, error: BaseException) -> None:
    """Start the container of before again, or say that this failed too."""
    done = tool.run("start", name)
    if done.returncode:
        error.add_note(f"and what ran before did not start again: {done.stderr.strip()}")
        _log.error("what ran before did not start again", extra={"container": name, "reason": done.stderr})


def _failure(done: subprocess.CompletedProcess[str], wanted: Wanted) -> ServerFailed:
    said = (done.stderr.strip().splitlines() or ["it says nothing"])[-1].removeprefix("Error: ")
    hint = "its message says why"
    if "exec format error" in said.lower():
        said, hint = (
            f"the image is for {wanted.platform}, which this machine is not",
            "change [image] platform",
        )
    elif "address already in use" in said.lower() or "port is already allocated" in said.lower():
        hint = f"something else has port {wanted.port}: change [release] port"
    elif done.returncode == _NO_RESULT and "image not known" in said.lower():
        hint = "`kervan deploy` makes the image first"
    return ServerFailed(f"the container did not start: {said}", hint=hint)


def _wait(tool: Engine, wanted: Wanted, url: str) -> None:
    """Wait until the server in the container is ready, or raise `ServerFailed` with what it said."""
    deadline = time.monotonic() + _PATIENCE
    while not answers(url):
        if not _is_running(tool, wanted.name):
            said, hint = _why(tool, wanted.name, wanted.memory)
            raise ServerFailed(f"the container ended: {said}", hint=hint)
        if time.monotonic() > deadline:
            raise ServerFailed(
                f"the container was not ready within {_PATIENCE:g} s",
                hint="give it more cpu, or see its logs",
            )
        time.sleep(0.1)


def _is_running(tool: Engine, name: str) -> bool:
    return bool(_state(tool, name).get("Running", False))


def _state(tool: Engine, name: str) -> dict[str, Any]:
    done = tool.run("inspect", "--format", "{{json .State}}", name)
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return {}
    return found


def _why(tool: Engine, name: str, memory: int) -> tuple[str, str]:
    """Return why a container ended, in its own words where it had any, and what to do."""
    state = _state(tool, name)
    if state.get("OOMKilled") or (state.get("ExitCode") == 137 and memory):
        allowed = f"{memory / 1e6:,.0f} MB are allowed" if memory else "this machine had no more"
        return f"it was killed because it took too much memory: {allowed}", "raise memory in [release]"
    asked = tool.run("logs", "--tail", "20", name)
    lines = (asked.stdout + asked.stderr).strip().splitlines()
    for line in reversed(lines):
        try:
            said = json.loads(line)
            return str(said["message"]), str(said.get("kervan.hint", "")) or "see its logs"
        except (ValueError, KeyError, TypeError):
            if "exec format error" in line.lower():
                return line, "the image is for another kind of machine: change [image] platform"
    last = lines[-1] if lines else f"it ended with {state.get('ExitCode', 'no status')}, and said nothing"
    return last, "its message says why"


def _free_port(host: str) -> int:
    with socket.create_server((host, 0)) as held:
        return int(held.getsockname()[1])
