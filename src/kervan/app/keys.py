"""Keys to the servers: issued, renewed and revoked on record, and published for the servers here."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import msgspec

from kervan.core.access import ACCESS_FILE, Grant, Grants, Secret, read_rate, read_scope
from kervan.core.errors import Conflict, InvalidInput, NotFound, StorageFailed, did_you_mean
from kervan.core.identity import check_name, new_id, sha256
from kervan.core.nouns import Key
from kervan.core.private import write_private
from kervan.store.lock import one_at_a_time

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from kervan.app.project import Project

_SECRET_BYTES = 24  # 192 random bits
_OVERLAP = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A key with what opens the door: the token is shown this once, and kept nowhere."""

    key: Key
    token: str = field(repr=False)


def create_key(
    project: Project,
    scopes: Sequence[str],
    *,
    name: str = "",
    seconds: float | None = None,
    rate: str = "",
    why: str = "",
) -> Issued:
    """Issue a key for some scopes, such as `predict:income`; without `seconds` it does not expire.

    `rate` is how often it may be used, `why` goes on record. The servers of this machine know it within a
    second. Raises `InvalidInput` for scopes, rates and names that cannot be, `Conflict` for a name in use.
    """
    granted = tuple(dict.fromkeys(read_scope(scope) for scope in scopes))
    if not granted:
        raise InvalidInput("the key would open nothing", hint="give it a scope, such as predict:income")
    if seconds is not None and seconds <= 0:
        raise InvalidInput("the key would have expired at once", hint="let it live longer, such as 90d")
    if rate:
        read_rate(rate)
    now, ident = time.time(), new_id()
    token, secret = _new_token(ident)
    key = Key(
        id=ident,
        name=check_name(name, "a key") if name else f"key-{ident[-6:].lower()}",
        creator=project.store.workspace.actor,
        time=now,
        scopes=granted,
        secrets=(secret,),
        rate=rate,
        expires=None if seconds is None else now + seconds,
    )
    with _one_at_a_time(project), project.store.catalog.transaction() as transaction:
        if any(each.name == key.name and each.opens(now) for each in keys(project)):
            raise Conflict(f"there is a key {key.name!r}", hint="rotate or revoke it, or choose another name")
        transaction.put(key, action="issued", why=why)
    publish_keys(project)
    return Issued(key=key, token=token)


def rotate_key(project: Project, ident: str, *, overlap: float = _OVERLAP, why: str = "") -> Issued:
    """Give a key, by its id or name, a new secret; the one before opens for `overlap` seconds more."""
    with _one_at_a_time(project), project.store.catalog.transaction() as transaction:
        now = time.time()
        key = find_key(project, ident)
        if not key.opens(now):
            what = "was revoked" if key.revoked else "has expired"
            raise Conflict(f"the key {key.name} {what}", hint="create another: kervan key create")
        token, secret = _new_token(key.id)
        kept = tuple(replace(each, until=_earlier(each.until, now + overlap)) for each in key.secrets)
        still = tuple(each for each in kept if each.until is None or each.until > now)
        rotated = replace(key, secrets=(*still, secret))
        transaction.update(rotated, action="rotated", why=why)
    publish_keys(project)
    return Issued(key=rotated, token=token)


def revoke_key(project: Project, ident: str, *, why: str = "") -> Key:
    """Let a key, by its id or name, open nothing any more: on this machine within a second."""
    with _one_at_a_time(project), project.store.catalog.transaction() as transaction:
        key = find_key(project, ident)
        if key.revoked is None:
            key = replace(key, revoked=time.time(), secrets=())
            transaction.update(key, action="revoked", why=why)
    publish_keys(project)
    return key


def keys(project: Project) -> list[Key]:
    """Return all keys that were ever issued, newest first; their secrets are not kept."""
    return project.store.catalog.all(Key)


def find_key(project: Project, ident: str) -> Key:
    """Return the key with an id or a name; of several with one name the newest, which alone can be in use."""
    known = keys(project)
    found = next((key for key in known if ident in {key.id, key.name}), None)
    if found is None:
        hint = did_you_mean(ident, {key.name for key in known})
        raise NotFound(f"there is no key {ident!r}", hint=hint)
    return found


def publish_keys(project: Project) -> Path:
    """Write what the servers of this machine need of the keys that open something, and return the file.

    It holds hashes alone. What creates, rotates or revokes a key does it by itself; on another machine that
    uses the same catalog it has to be done there.
    """
    place = access_file(project)
    with _one_at_a_time(project):
        content = msgspec.json.format(msgspec.json.encode(Grants(keys=_grants(project))), indent=1)
        try:
            write_private(place, content)
        except OSError as error:
            hint = "what is on record holds once `kervan key publish` could write it"
            raise StorageFailed(f"cannot write {place}: {error.strerror}", hint=hint) from error
    return place


def access_file(project: Project) -> Path:
    """Return where the servers of this machine find the project's keys."""
    return project.store.root / ACCESS_FILE


def is_published(project: Project) -> bool:
    """Say whether the servers of this machine know the keys that open something, and no others."""
    wanted = {grant.id: grant for grant in _grants(project)}
    try:
        known = msgspec.json.decode(access_file(project).read_bytes(), type=Grants).keys
    except FileNotFoundError:
        return not wanted
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return False
    now = time.time()
    return wanted == {grant.id: grant for grant in known if grant.expires is None or now < grant.expires}


def _grants(project: Project) -> tuple[Grant, ...]:
    now = time.time()
    return tuple(
        Grant(id=key.id, scopes=key.scopes, secrets=key.secrets, rate=key.rate, expires=key.expires)
        for key in keys(project)
        if key.opens(now)
    )


def _new_token(ident: str) -> tuple[str, Secret]:
    secret = secrets.token_hex(_SECRET_BYTES)
    return f"kv_{ident}_{secret}", Secret(sha256=sha256(secret.encode()))


def _earlier(one: float | None, other: float) -> float:
    return other if one is None else min(one, other)


def _one_at_a_time(project: Project) -> AbstractContextManager[None]:
    """Wait until no other process changes the keys here: what is published is what was last said."""
    return one_at_a_time(project.store.root / f"{ACCESS_FILE}.lock")
