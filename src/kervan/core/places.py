"""Where releases can live: what a target is, and how the image is made that goes there."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

# Inside of a container: where it answers, and where its package, its records and the keys of callers lie.
PORT = 8080
PACKAGE = "/opt/kervan/package"
RECORDS = "/var/lib/kervan/records"
KEYS = "/run/secrets/kervan/access.json"
PLATFORMS = ("linux/amd64", "linux/arm64")
# Rules of findings that say what is missing where a release is made, and nothing of the rendered files.
ABOUT_HERE = frozenset({"cluster", "credentials", "keys", "namespace", "tool"})


class Artefact(StrEnum):
    """What a target needs besides the files that it renders: nothing, an image, or a folder as one ZIP."""

    NONE = "none"
    IMAGE = "image"
    ZIP = "zip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What is true of a target whatever is released: what people ask before they choose one.

    `strategies` are those that the place carries out, with what it has for them natively. One that does not
    `apply` writes files that somebody else applies, by `tool`. Where servers are `watched` the judge sees
    what they see; elsewhere a release goes on when somebody says so. `checked` says by what the rendered
    files are checked offline; `proved` how far the whole was seen to work: words for the table of targets.
    """

    title: str
    artefact: Artefact = Artefact.NONE
    strategies: tuple[str, ...] = ("at-once",)
    applies: bool = True
    tool: str = ""
    watched: bool = False
    checked: str = ""
    proved: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSettings:
    """`[image]`: how the image of a package is made, and to which registry it goes.

    `registry` is a registry's host with the path below which images lie, `base` a reference in a registry, or
    an OCI layout as folder or archive; it must hold Python. `extras` are those of Kervan, `requirements` more
    distributions for the model. `files` maps paths in the image to files of the project, `entry` is a script
    that runs before the server. `steps` are lines of a Dockerfile: with them the image is made by podman,
    docker or buildah from the Dockerfile, else without any of these. `wheels` is a folder of wheels to use
    instead of an index.
    """

    registry: str = ""
    base: str = "docker.io/library/python:3.12-slim"
    platform: str = PLATFORMS[0]
    extras: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    entry: str = ""
    steps: tuple[str, ...] = ()
    wheels: str = ""
