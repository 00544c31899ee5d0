"""References to images in registries, as people write them: `ghcr.io/team/income:1.2.0`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kervan.core.access import is_loopback
from kervan.core.errors import InvalidConfig

_DOCKER, _ITS_REGISTRY = "docker.io", "registry-1.docker.io"
_PATH = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Where an image lies: the registry's host (and port), the path there, and a tag, a digest or both."""

    host: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def url(self) -> str:
        """Where the registry answers; one of this machine needs no TLS."""
        name = self.host.rpartition(":")[0] or self.host
        scheme = "http" if is_loopback(name.strip("[]")) else "https"
        return f"{scheme}://{_ITS_REGISTRY if self.host == _DOCKER else self.host}"

    @property
    def pointer(self) -> str:
        """What the registry is asked for: the digest where there is one."""
        return self.digest or self.tag

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.host}/{self.path}{tag}{f'@{self.digest}' if self.digest else ''}"


def read_reference(text: str) -> Reference:
    """Read a reference, with Docker's own registry where none is named; raises `InvalidConfig`.

    >>> str(read_reference("python:3.12-slim")), read_reference("localhost:5000/a/b").tag
    ('docker.io/library/python:3.12-slim', 'latest')
    """
    rest, _, digest = text.strip().partition("@")
    head, slash, tail = rest.partition("/")
    if slash and ("." in head or ":" in head or head == "localhost"):
        host, path = head, tail
    else:
        host, path = _DOCKER, rest if slash else f"library/{rest}"
    path, _, tag = path.partition(":")
    tag = tag or ("" if digest else "latest")
    if (
        not _PATH.fullmatch(path)
        or (tag and not _TAG.fullmatch(tag))
        or (digest and not _DIGEST.fullmatch(digest))
    ):
        shown = text.rpartition("@")[2] if "://" in text else text  # passwords are not shown
        raise InvalidConfig(
            f"{shown!r} is no reference of an image", hint="write it like ghcr.io/team/income:1.2.0"
        )
    return Reference(host=host, path=path, tag=tag, digest=digest)
