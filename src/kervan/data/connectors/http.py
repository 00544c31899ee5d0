"""A file at an address of the web, whatever its kind: fetched whole, or not at all."""

from __future__ import annotations

import base64
import http.client
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from kervan.core.errors import InvalidInput, NotFound, ServerFailed
from kervan.core.fetching import Estimate, Fetched, Retrieval
from kervan.data.room import amount, check_space, poured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.core.fetching import TableRequest, Tell

_PATIENCE = 60.0  # seconds without a byte
_LOGIN = "write user:${NAME}@ in front of the host; the environment fills in the password"
_REFUSED = {401: _LOGIN, 403: _LOGIN, 407: "set the proxy's login in HTTPS_PROXY"}
_GONE = {404, 410}


class HttpConnector:
    """What `http://` and `https://` addresses send, redirected or not; proxies as the environment says."""

    def accepts(self, location: str) -> bool:
        """Say whether it is such an address."""
        return location.lower().startswith(("http://", "https://"))

    def estimate(self, request: TableRequest) -> Estimate:
        """Ask for the size alone; some servers do not tell it, and some answer no such question."""
        request.require_only()
        try:
            with _answer(request, "HEAD") as answer:
                size = _size(answer)
        except (InvalidInput, ServerFailed):
            return Estimate()
        return Estimate(fetched=size, stored=size)

    def fetch(self, request: TableRequest, folder: Path, tell: Tell) -> Fetched:
        """Fetch the file. A connection that breaks off, or a size that was not kept, is `ServerFailed`."""
        path = folder / _name(request.location)
        with _answer(request, "GET") as answer:
            size = _size(answer)
            whole = f" of {amount(size)}" if size is not None else ""
            check_space(size or 0, folder)
            with path.open("xb") as target:
                came = poured(answer.read, target, lambda so_far: tell(amount(so_far) + whole))
            if size is not None and came != size:
                raise ServerFailed(
                    f"{_host(request)} broke off after {amount(came)} of {amount(size)}", hint="try again"
                )
            told = answer.headers
        return Fetched(
            path=path,
            retrieval=Retrieval(
                time=time.time(), etag=told.get("ETag", ""), modified=told.get("Last-Modified", "")
            ),
        )


@contextmanager
def _answer(request: TableRequest, method: str) -> Iterator[http.client.HTTPResponse]:
    """Ask, and say in words what went wrong, also while the answer is read."""
    host = _host(request)
    try:
        with urllib.request.urlopen(_question(request, method), timeout=_PATIENCE) as answer:  # noqa: S310 - see accepts
            yield answer
    except urllib.error.HTTPError as error:
        with error:
            what = f"{host} answered {error.code} {error.reason}"
        if error.code in _GONE:
            raise NotFound(what, hint="check the address in a browser") from error
        if error.code in _REFUSED:
            raise InvalidInput(what, hint=_REFUSED[error.code]) from error
        raise ServerFailed(what, hint="try again later, or ask who runs it") from error
    except http.client.InvalidURL as error:
        raise InvalidInput(f"{host}: {error}", hint="write blanks as %20") from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise ServerFailed(
            f"{host} does not answer, or broke off: {str(reason) or type(error).__name__}",
            hint="check the address and the network, and try again",
        ) from error


def _question(request: TableRequest, method: str) -> urllib.request.Request:
    parts = urlsplit(request.location)
    login, _, host = parts.netloc.rpartition("@")
    path = quote(parts.path, safe="/%:;=@&+$,!~*'()")  # letters of any language
    query = quote(parts.query, safe="/%:;=@&+$,!~*'()?")
    asked = urllib.request.Request(urlunsplit((parts.scheme, host, path, query, "")), method=method)  # noqa: S310
    if login:
        encoded = base64.b64encode(unquote(login).encode()).decode()
        asked.add_unredirected_header("Authorization", f"Basic {encoded}")
    return asked


def _size(answer: http.client.HTTPResponse) -> int | None:
    told = answer.headers.get("Content-Length", "")
    return int(told) if told.isdecimal() else None


def _host(request: TableRequest) -> str:
    return urlsplit(request.source).netloc.rpartition("@")[2] or "the address"


def _name(location: str) -> str:
    """Return a name for the file that came; where the address gives none, its content will tell.

    >>> _name("https://host/a/sat%C4%B1%C5%9F.csv?v=2"), _name("https://host")
    ('satış.csv', 'table')
    """
    return Path(PurePosixPath(unquote(urlsplit(location).path)).name).name or "table"
