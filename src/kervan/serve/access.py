"""Who asks, and what they may do: keys are looked up in a file of hashes that every process watches.

The servers know no database. Whoever issues or revokes keys replaces the file; each process looks at it
four times a second at most, so that a key that was revoked is refused everywhere within a second.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import time
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

import msgspec

from kervan.core.access import FORM, OF_A_MODEL, Grant, Grants, read_rate
from kervan.core.errors import InvalidInput
from kervan.serve.problem import HttpProblem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_log = logging.getLogger("kervan.serve")
_LOOK_SECONDS = 0.25
_TOKEN = re.compile(r"kv_([0-9A-Z]{26})_([A-Za-z0-9_-]{27,128})", re.ASCII)
_NOBODY = "0" * 64
_HOW = "send the header `authorization: Bearer kv_…`; `kervan key create` makes a key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody who asks; without keys everybody is the same one, who may do all and has no id.

    `generation` is that of the `Access` which knew them: once the two differ, they have to be looked up anew.
    """

    id: str = ""
    scopes: frozenset[str] = frozenset()
    rate: str = ""
    generation: int = 0
    is_anybody: bool = False

    def may(self, scope: str, model: str = "") -> bool:
        """Say whether they may do something, with one model where it has a name."""
        return self.is_anybody or scope in self.scopes or f"{scope}:{model}" in self.scopes

    def may_some(self, scope: str) -> bool:
        """Say whether they may do something with any model at all."""
        return self.may(scope) or any(each.startswith(f"{scope}:") for each in self.scopes)

    def must(self, scope: str, model: str = "") -> None:
        """Raise a problem that says what is missing unless they may do something."""
        if not self.may(scope, model):
            wanted = f"{scope}:{model}" if model and scope in OF_A_MODEL else scope
            raise HttpProblem(
                403,
                f"this key does not open that: it lacks the scope {wanted}",
                hint=f"make one that does: kervan key create --scope {wanted}",
                headers={
                    "www-authenticate": f'Bearer realm="kervan", error="insufficient_scope", scope="{scope}"'
                },
            )


ANYBODY = Caller(is_anybody=True)


class Access:
    """The keys of one file. Without a file anybody may do everything; a broken one lets nobody in.

    `generation` rises with every change: a caller of an older one has to be looked up anew.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.generation = 0
        self._file = file
        self._grants: dict[str, Grant] = {}
        self._failure = ""
        self._stamp: tuple[int, ...] | None = None
        self._next_look = inf if file is None else 0.0
        self._next_expiry = inf
        self.holds(ANYBODY)

    @property
    def needs_keys(self) -> bool:
        """Whether callers need a key."""
        return self._file is not None

    def holds(self, caller: Caller) -> bool:
        """Say whether a caller is still who they were: cheap enough to be asked with every request."""
        if time.monotonic() >= self._next_look:
            self._look()
        return caller.generation == self.generation

    def caller(self, headers: Mapping[str, str]) -> Caller:
        """Return who sent a head, whose names are in lower case, or raise the problem 401 or 503."""
        if self._file is None:
            return ANYBODY
        token = _token(headers)
        self.holds(ANYBODY)
        if self._failure:
            raise HttpProblem(503, f"keys cannot be checked: {self._failure}", headers={"retry-after": "1"})
        grant = self._grant(token)
        if grant is None:
            raise _unknown("this key is not known here: it is wrong, was revoked, or has expired")
        return Caller(
            id=grant.id, scopes=frozenset(grant.scopes), rate=grant.rate, generation=self.generation
        )

    def _grant(self, token: str) -> Grant | None:
        """Return the key that a token opens; how long it takes does not tell what was wrong with it."""
        match = _TOKEN.fullmatch(token)
        ident, secret = (match[1], match[2]) if match else ("", "")
        given = hashlib.sha256(secret.encode()).hexdigest()
        grant = self._grants.get(ident)
        now = time.time()
        found = False
        for each in grant.secrets if grant else ():
            is_same = hmac.compare_digest(given, each.sha256)
            found |= is_same and now < (inf if each.until is None else each.until)
        if grant is None:
            hmac.compare_digest(given, _NOBODY)
            return None
        return grant if found and now < (inf if grant.expires is None else grant.expires) else None

    def _look(self) -> None:
        """Read the file again if it was replaced, and forget whom time has shut out."""
        self._next_look = time.monotonic() + _LOOK_SECONDS
        stamp = self._stamp_now()
        if stamp != self._stamp:
            self._read(stamp)
        elif time.time() >= self._next_expiry:
            self._note_change()

    def _stamp_now(self) -> tuple[int, ...]:
        assert self._file is not None  # noqa: S101 - without a file nobody ever looks
        try:
            stat = self._file.stat()
        except OSError as error:
            return (-(error.errno or 1),)
        return stat.st_ino, stat.st_mtime_ns, stat.st_size, stat.st_dev

    def _read(self, stamp: tuple[int, ...]) -> None:
        assert self._file is not None  # noqa: S101
        self._stamp, self._failure, self._grants = stamp, "", {}
        try:
            self._grants = read_grants(self._file)
        except InvalidInput as error:
            self._failure = "their file cannot be read"
            _log.error(str(error), extra={"error": error})
        self._note_change()

    def _note_change(self) -> None:
        now = time.time()
        ends = [grant.expires for grant in self._grants.values()]
        ends += [secret.until for grant in self._grants.values() for secret in grant.secrets]
        self._next_expiry = min((end for end in ends if end is not None and end > now), default=inf)
        self.generation += 1


def read_grants(file: Path) -> dict[str, Grant]:
    """Return the keys of a file by their ids, or raise `InvalidInput` that says why they cannot be read."""
    hint = "`kervan key create` makes a key, and `kervan key publish` writes the file anew"
    try:
        content = msgspec.json.decode(file.read_bytes(), type=Grants)
    except PermissionError as error:
        who = f"user {os.geteuid()}"
        raise InvalidInput(
            f"{who} may not read the keys in {file}",
            hint=f"let {who} read that file: it holds hashes of keys",
        ) from error
    except OSError as error:
        raise InvalidInput(f"cannot read the keys in {file}: {error.strerror}", hint=hint) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} is no file of keys: {error}", hint=hint) from error
    if content.version != FORM:
        raise InvalidInput(f"{file} has the form {content.version}, which is not known here", hint=hint)
    for grant in content.keys:
        if grant.rate:
            read_rate(grant.rate)
    return {grant.id: grant for grant in content.keys}


def _token(headers: Mapping[str, str]) -> str:
    """Return the one key of a head."""
    bearer, plain = headers.get("authorization"), headers.get("x-api-key")
    if bearer is not None:
        scheme, _, token = bearer.strip().partition(" ")
        if scheme.lower() != "bearer":
            raise _unknown("only keys are taken here, no other authorization")
        bearer = token.strip()
    if bearer is not None and plain is not None and bearer != plain.strip():
        raise _unknown("the request has two different keys")
    found = bearer if bearer is not None else (plain or "").strip()
    if not found:
        raise HttpProblem(
            401, "a key is missing", hint=_HOW, headers={"www-authenticate": 'Bearer realm="kervan"'}
        )
    return found


def _unknown(detail: str) -> HttpProblem:
    challenge = 'Bearer realm="kervan", error="invalid_token"'
    return HttpProblem(401, detail, hint=_HOW, headers={"www-authenticate": challenge})
