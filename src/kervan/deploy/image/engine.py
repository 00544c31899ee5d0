"""Podman, Docker or Buildah, whichever is there: what runs images on this machine, or makes them by steps."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.core.errors import MissingTool, ServerFailed
from kervan.deploy.image.layout import MANIFESTS, blobs_of, open_layout

if TYPE_CHECKING:
    from kervan.deploy.image.layout import Layout

_INSTALL = "apt-get install podman runc, or what your system calls them"


@dataclass(frozen=True, slots=True)
class Engine:
    """One of these programs."""

    name: str
    program: str

    def __call__(self, *arguments: str, cwd: Path | None = None) -> str:
        """Run it and return what it wrote, or raise `ServerFailed` with its own message."""
        done = self.run(*arguments, cwd=cwd)
        if done.returncode:
            raise ServerFailed(f"{self.name} {arguments[0]} failed: {_reason(done)}", hint=_hint(done.stderr))
        return done.stdout.strip()

    def run(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run it, whatever comes of it."""
        command = [self.program, *arguments]
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, errors="replace", check=False)

    def load(self, layout: Layout, reference: str, digest: str) -> None:
        """Let the engine know an image of a layout by its reference, unless it does."""
        known = self.run("image", "inspect", "--format", "{{.Digest}}", reference)
        if known.returncode == 0 and known.stdout.strip() == digest:
            return
        if self.name == "docker":
            with tempfile.TemporaryDirectory(prefix="kervan-") as scratch:
                packed = Path(scratch) / "image.tar"
                layout.pack(packed, digest, reference)
                self("load", "--quiet", "--input", str(packed))
            return
        tag = reference.rpartition(":")[2]
        place = layout.folder  # which podman takes for a name, so it has to look like one
        ident = self("pull", "--quiet", f"oci:{place.name}:{tag}", cwd=place.parent).splitlines()[-1]
        self("tag", ident, reference)

    def make(self, context: Path, reference: str, layout: Layout, platform: str) -> None:
        """Make an image by the Dockerfile of a folder, and put it into a layout."""
        tag = reference.rpartition(":")[2]
        if self.name == "docker":
            self("build", "--quiet", "--platform", platform, "--tag", reference, str(context))
            _take_from_docker(self, reference, layout)
            return
        form = ("--format", "oci", "--platform", platform, "--timestamp", "0")
        self("build", "--quiet", *form, "--tag", reference, str(context))
        self("push", "--quiet", reference, f"oci:{layout.folder.name}:{tag}", cwd=layout.folder.parent)


def _take_from_docker(docker: Engine, reference: str, layout: Layout) -> None:
    """Put an image that Docker keeps into a layout; its archives are such since version 25."""
    with tempfile.TemporaryDirectory(prefix="kervan-") as scratch:
        packed = Path(scratch) / "image.tar"
        docker("save", "--output", str(packed), reference)
        saved = open_layout(packed, Path(scratch) / "unpacked")
        (image,) = (each for each in saved.manifests if each.kind in MANIFESTS)
        for blob in (image, *blobs_of(saved.read(image))):
            layout.take(blob, saved)
        layout.name(image, reference.rpartition(":")[2])


def engine(*, makes: bool = False) -> Engine:
    """Return podman, docker with its daemon or, to make images, buildah; raises `MissingTool` without."""
    for name in ("podman", "docker", *(["buildah"] if makes else [])):
        program = shutil.which(name)
        if program and (name != "docker" or _answers(program)):
            return Engine(name, program)
    what = "makes images by steps" if makes else "runs containers"
    raise MissingTool(f"neither podman nor docker is here, which {what}", hint=_INSTALL)


def _answers(program: str) -> bool:
    return subprocess.run([program, "info"], capture_output=True, check=False).returncode == 0


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    told = " ".join(line.removeprefix("Error: ") for line in lines[-3:])
    return told[:500] or f"exit code {done.returncode}"


def _hint(told: str) -> str:
    if "exec format error" in told.lower():
        return "the image is for another kind of machine: change [image] platform"
    if "address already in use" in told.lower():
        return "something else has the port: change [release] port"
    return "its message says why"
