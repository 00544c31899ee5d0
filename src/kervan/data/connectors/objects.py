"""Files of other places behind one small face: those of the clouds, by obstore, and all others, by fsspec."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

from kervan.core.fetching import Retrieval

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_RETRIES = 3
_PATIENCE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """A file of a place, and what the place tells of its version."""

    name: str
    size: int
    etag: str = ""
    version: str = ""
    modified: str = ""

    def retrieval(self, time: float) -> Retrieval:
        """Return what goes on record when it was fetched."""
        return Retrieval(time=time, etag=self.etag, version=self.version, modified=self.modified)


class Place(Protocol):
    """Where files are; their names begin in it."""

    def file(self, name: str) -> Object | None:
        """Return a file, None if there is none of this name."""

    def under(self, root: str) -> Iterator[Object]:
        """Return all files in a folder and below it."""

    def open(self, name: str) -> IO[bytes]:
        """Open a file for reading."""


class _Cloud:
    def __init__(self, store: Any) -> None:
        self._store = store

    def file(self, name: str) -> Object | None:
        import obstore

        try:
            return _told(obstore.head(self._store, name))
        except FileNotFoundError:
            return None

    def under(self, root: str) -> Iterator[Object]:
        import obstore

        for some in obstore.list(self._store, f"{root}/" if root else None):
            yield from map(_told, some)

    def open(self, name: str) -> IO[bytes]:
        import obstore

        return cast("IO[bytes]", _Stream(obstore.get(self._store, name).stream(min_chunk_size=1 << 20)))


class _Stream:
    """Bytes that come piece by piece, each given out as it came."""

    def __init__(self, pieces: Any) -> None:
        self._pieces = iter(pieces)

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def read(self, _size: int = -1) -> bytes:
        return bytes(next(self._pieces, b""))


class _Other:
    def __init__(self, system: Any) -> None:
        self._system = system

    def file(self, name: str) -> Object | None:
        try:
            told = self._system.info(name)
        except FileNotFoundError:
            return None
        return _described(told) if told["type"] == "file" else None

    def under(self, root: str) -> Iterator[Object]:
        return map(_described, self._system.find(root, detail=True).values())

    def open(self, name: str) -> IO[bytes]:
        return cast("IO[bytes]", self._system.open(name, "rb"))


def cloud_place(cloud: str, bucket: str) -> Place:
    """Return a bucket, reached and logged in to as the environment says."""
    from obstore.store import from_url

    make: Any = from_url
    endpoints = (value for name, value in os.environ.items() if "ENDPOINT" in name or "BASE_URL" in name)
    plain = any(each.startswith("http://") for each in endpoints)
    options = {
        "client_options": {"allow_http": plain},
        "retry_config": {"max_retries": _RETRIES, "retry_timeout": _PATIENCE},
        **(_profile() if cloud == "s3" else {}),
    }
    return _Cloud(make(f"{cloud}://{bucket}", **options))


def _profile() -> dict[str, Any]:
    """Let boto3 find AWS' keys where they are in files of profiles, which obstore does not read."""
    files = (Path("~/.aws") / name for name in ("credentials", "config"))
    told = "AWS_PROFILE" in os.environ or "AWS_SHARED_CREDENTIALS_FILE" in os.environ
    is_told = told or any(each.expanduser().is_file() for each in files)
    is_there = find_spec("boto3") is not None
    if "AWS_ACCESS_KEY_ID" in os.environ or not is_told or not (is_there or told):
        return {}
    from obstore.auth.boto3 import Boto3CredentialProvider

    return {"credential_provider": Boto3CredentialProvider()}


def other_place(location: str) -> tuple[Place, str]:
    """Return the file system of a URL as fsspec knows it, and the path in it."""
    import fsspec

    system, path = fsspec.core.url_to_fs(location, skip_instance_cache=True)
    return _Other(system), path


def others() -> set[str]:
    """Return the schemes of URLs that fsspec knows and nothing else here takes."""
    try:
        from fsspec.registry import known_implementations, registry
    except ModuleNotFoundError:
        return set()
    return (set(known_implementations) | set(registry)) - {"file", "local", "http", "https", "data"}


def _told(meta: Mapping[str, Any]) -> Object:
    return Object(
        name=meta["path"],
        size=meta["size"],
        etag=meta["e_tag"] or "",
        version=meta["version"] or "",
        modified=meta["last_modified"].isoformat(),
    )


def _described(told: Mapping[str, Any]) -> Object:
    modified = told.get("mtime") or told.get("created") or ""
    return Object(
        name=told["name"],
        size=int(told["size"]),
        etag=str(told.get("ETag") or told.get("etag") or ""),
        modified=str(modified),
    )
