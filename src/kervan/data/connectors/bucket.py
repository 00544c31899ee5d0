"""Files of buckets and of every other place that fsspec knows: `s3://`, `gs://`, `az://`, `hdfs://`, ….

The three large clouds are reached by obstore, one small library without their own: it takes their variables
of the environment (`AWS_*`, `GOOGLE_*`, `AZURE_*`) and the identity of the machine.
"""

from __future__ import annotations

import posixpath
import time
from contextlib import contextmanager
from fnmatch import fnmatchcase
from itertools import takewhile
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidInput, KervanError, MissingExtra, NotFound, ServerFailed
from kervan.core.fetching import Estimate, Fetched, Retrieval
from kervan.data.connectors.objects import cloud_place, other_place, others
from kervan.data.connectors.together import pack_together
from kervan.data.room import amount, check_space, poured
from kervan.data.several import is_pattern
from kervan.data.sources.find import is_read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kervan.core.fetching import TableRequest, Tell
    from kervan.data.connectors.objects import Object, Place

_CLOUDS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gs",
    "gcs": "gs",
    "az": "az",
    "abfs": "az",
    "abfss": "az",
    "adl": "az",
}
_LOGINS = {
    "s3": "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY",
}


class BucketConnector:
    """A file of a bucket, all tables of a folder there, or those of a pattern."""

    def accepts(self, location: str) -> bool:
        """Say whether it is a URL of a cloud, or of another file system that fsspec knows."""
        scheme, mark, _ = location.partition("://")
        return bool(mark) and (scheme in _CLOUDS or scheme in others())

    def estimate(self, request: TableRequest) -> Estimate:
        """Return the size of the files."""
        request.require_only()
        with _in_words(request):
            _, _, found = _found(request)
        size = sum(each.size for each in found)
        return Estimate(fetched=size, stored=size)

    def fetch(self, request: TableRequest, folder: Path, tell: Tell) -> Fetched:
        """Fetch the file, or all files of a folder or a pattern in the order of their names."""
        with _in_words(request):
            place, root, found = _found(request)
            if root is None:
                path = folder / posixpath.basename(found[0].name)
                _fetch(place, found[0], path, tell)
                return Fetched(path=path, retrieval=found[0].retrieval(time.time()))
            copies = []
            for each in found:
                copy = folder / "files" / posixpath.relpath(each.name, root or ".")
                copy.parent.mkdir(parents=True, exist_ok=True)
                _fetch(place, each, copy, tell)
                copies.append(copy)
            whole = pack_together(copies, folder)
        return Fetched(path=whole, files=tuple(copies), retrieval=Retrieval(time=time.time()))


def _fetch(place: Place, file: Object, path: Path, tell: Tell) -> None:
    """Fetch one file, of the size that its place tells."""
    check_space(file.size, path.parent)
    with place.open(file.name) as stream, path.open("xb") as target:
        came = poured(stream.read, target, lambda so_far: tell(f"{amount(so_far)} of {amount(file.size)}"))
    if came != file.size:
        raise ServerFailed(
            f"{file.name} broke off after {amount(came)} of {amount(file.size)}", hint="try again"
        )


def _found(request: TableRequest) -> tuple[Place, str | None, list[Object]]:
    """Return the place, where a folder or a pattern begins in it (None for one file), and the files."""
    place, path = _place(request.location)
    if path and not is_pattern(path) and (one := place.file(path)) is not None:
        return place, None, [one]
    parts = path.split("/") if path else []
    root = "/".join(takewhile(lambda part: not is_pattern(part), parts))
    pattern = path if is_pattern(path) else posixpath.join(root, "*")
    found = sorted(place.under(root), key=lambda each: each.name)
    found = [each for each in found if matches(each.name, pattern) and is_read(each.name)]
    if not found:
        raise NotFound(
            f"there is no table {request.source}",
            hint="check the name; it may be a folder or a pattern",
        )
    return place, root, found


def matches(name: str, pattern: str) -> bool:
    """Say whether a path fits a pattern, whose `*` stays within a folder and whose `**` does not.

    >>> [matches(name, "a/*.csv") for name in ("a/b.csv", "a/b/c.csv", "a/.b.csv")]
    [True, False, False]
    >>> [matches(name, "a/**/*.csv") for name in ("a/b.csv", "a/b/c.csv", "b.csv")]
    [True, True, False]
    """
    return not posixpath.basename(name).startswith(".") and _fits(name.split("/"), pattern.split("/"))


def _fits(parts: list[str], wanted: list[str]) -> bool:
    if not wanted or not parts:
        return not parts and all(each == "**" for each in wanted)
    if wanted[0] == "**":
        return _fits(parts, wanted[1:]) or _fits(parts[1:], wanted)
    return fnmatchcase(parts[0], wanted[0]) and _fits(parts[1:], wanted[1:])


def _place(location: str) -> tuple[Place, str]:
    """Return a place and the path in it."""
    scheme, _, path = location.partition("://")
    if scheme not in _CLOUDS:
        return other_place(location)
    bucket, _, path = _without_account(path).partition("/")
    return cloud_place(_CLOUDS[scheme], bucket), path.rstrip("/")


def _without_account(path: str) -> str:
    """Return a path that begins with the bucket: Azure also writes `container@account.host/…`.

    >>> _without_account("table@account.dfs.core.windows.net/a.csv"), _without_account("bucket/a.csv")
    ('table/a.csv', 'bucket/a.csv')
    """
    first, slash, rest = path.partition("/")
    return first.partition("@")[0] + slash + rest


@contextmanager
def _in_words(request: TableRequest) -> Iterator[None]:
    """Turn what a place's library raises into an error of ours."""
    scheme = request.location.partition("://")[0]
    try:
        yield
    except KervanError:
        raise
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "obstore":
            raise MissingExtra("obstore", "places") from error
        raise InvalidInput(
            f"{scheme}:// needs a package: {error}", hint=f"pip install {error.name}"
        ) from error
    except ImportError as error:
        raise InvalidInput(f"{scheme}:// needs a package: {error}", hint="install what it names") from error
    except FileNotFoundError as error:
        raise NotFound(f"there is no {request.source}", hint="check its name") from error
    except Exception as error:  # each place has its own library, and each of these its own errors
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        login = _LOGINS.get(_CLOUDS.get(scheme, ""), "")
        hint = (
            f"check the address, and the environment: {login}" if login else "check the address and the login"
        )
        raise ServerFailed(f"{request.source} cannot be read: {reason}", hint=hint) from error
