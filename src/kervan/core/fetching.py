"""What is asked of a connector and what it answers: where a table lies, how large it is, what came."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

from kervan.core.config import CubeSettings, DataSettings
from kervan.core.errors import InvalidConfig

Tell = Callable[[str], None]


def nobody(_: object) -> None:
    """Tell nobody."""


_NAMED = re.compile(r"\$\{(\w+)\}")
_HIDDEN = re.compile(
    r"(?i)(.*[-_]|ssl)?(pass(word|wd|phrase)?|pwd|secret|token|sig(nature)?|(api|access|account|secret)[-_]?key)"
)
_HOW = "write ${NAME} there, which is filled from the environment, or use the library's own way to log in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """How and when a table was fetched: what was asked, and which version of it came.

    `version` and `etag` are the place's own, `modified` when it says that it changed. `dimensions` are the
    columns of an aggregate that say what its measures are about. `record` is the id of a dataset here whose
    rows they are.
    """

    time: float = 0.0
    query: str = ""
    version: str = ""
    etag: str = ""
    modified: str = ""
    dimensions: tuple[str, ...] = ()
    record: str = ""


UNTOLD = Retrieval()  # of records that are older than this


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What fetching would take: rows, bytes that travel, bytes that are stored; None where nobody knows."""

    rows: int | None = None
    fetched: int | None = None
    stored: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A local file with what came; of several files `path` packs them together, and `files` are they.

    `sha256` is that of `path`, where it was made on the way.
    """

    path: Path
    files: tuple[Path, ...] = ()
    sha256: str = ""
    retrieval: Retrieval = UNTOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRequest:
    """A table that is wanted: its `source` as it goes on record, and what of it.

    `folder` is where relative locations start. Secrets of `source` are only in `location`.
    """

    source: str
    folder: Path = Path()
    query: str = ""
    table: str = ""
    version: str = ""
    cube: CubeSettings = field(default_factory=CubeSettings)

    @classmethod
    def of(cls, settings: DataSettings, folder: Path) -> TableRequest:
        """Return what some settings ask for, or raise `InvalidConfig` for a password among them."""
        _check_no_secret(settings.source)
        named = {name: getattr(settings, name) for name in ("source", "query", "table", "version", "cube")}
        return cls(folder=folder, **named)

    def require_only(self, *names: str) -> None:
        """Raise `InvalidConfig` if more of the source is named than what it knows: a query of a file, say."""
        for name in ("query", "table", "version", "cube"):
            value = getattr(self, name)
            if name not in names and value not in ("", CubeSettings()):
                raise InvalidConfig(
                    f"[data] {name} is set, and {self.source!r} knows none",
                    hint=f"take {name} away, or name another source",
                )

    @property
    def location(self) -> str:
        """Where to connect to: `source` with each `${NAME}` filled from the environment."""
        return filled(self.source, os.environ)

    def shown(self, text: str) -> str:
        """Return a text of a library without what the environment filled in."""
        secrets = {f"${{{name}}}": os.environ.get(name, "") for name in _NAMED.findall(self.source)}
        for name, secret in secrets.items():
            for each in {secret, quote(secret, safe=""), *_parts(secret)}:
                text = text.replace(each, name) if each else text
        return text


def filled(source: str, environ: Mapping[str, str]) -> str:
    """Return a location with each `${NAME}` filled from the environment.

    In front of an `@`, where users and passwords are, values are written as URLs need them.

    >>> filled("postgresql://ayşe:${PW}@db/shop", {"PW": "a/b@c"})
    'postgresql://ayşe:a%2Fb%40c@db/shop'
    """
    login = source.rfind("@")

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name not in environ:
            raise InvalidConfig(
                f"[data] source: the environment has no {name}", hint=f"set it: export {name}=…"
            )
        return quote(environ[name], safe="") if found.start() < login else environ[name]

    return _NAMED.sub(value, source)


def _check_no_secret(source: str) -> None:
    """Raise `InvalidConfig` for a password, token or signature that is written out in a URL."""
    if "://" not in source:
        return
    try:
        parts = urlsplit(_NAMED.sub("", source))
        password, options = parts.password, parse_qsl(parts.query)
    except ValueError as error:
        raise InvalidConfig(f"[data] source is no URL: {error}", hint="check its brackets") from error
    if password:
        raise InvalidConfig("[data] source has a password in it", hint=_HOW)
    for name, value in options:
        if value and _HIDDEN.fullmatch(name):
            raise InvalidConfig(f"[data] source has a secret in it: {name}", hint=_HOW)


def _parts(secret: str) -> set[str]:
    """Return the password and the signatures of a secret that is a whole URL."""
    if "://" not in secret:
        return set()
    try:
        parts = urlsplit(secret)
    except ValueError:
        return set()
    return {
        parts.password or "",
        *(value for name, value in parse_qsl(parts.query) if _HIDDEN.fullmatch(name)),
    }
