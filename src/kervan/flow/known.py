"""Steps whose result is known: the key of a call, and what it gave when it was computed before.

A step's key is the hash of its code, of the versions that it uses, and of its inputs.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.core.identity import new_id, sha256_parts
from kervan.core.nouns import Record
from kervan.flow.fingerprint import fingerprint
from kervan.flow.values import Value, blobs_of, identity
from kervan.store.transaction import stored

if TYPE_CHECKING:
    from kervan.flow.step import Step
    from kervan.store.open import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult(Record):
    """What a step gave for one key (`version`): kept so that it need not run again."""

    value: Value


def key_of(step: Step[..., Any], arguments: Mapping[str, Any], name: str, store: Store) -> str:
    """Return the key of a call, whose stored arguments are `Value`s; `name` is what errors call it."""
    parts = [".".join(step.place), fingerprint(step.function)]
    for argument, value in sorted(arguments.items()):
        parts += [argument, identity(value, store, f"step {name}: {argument!r}")]
    return sha256_parts(parts)


def recall(key: str, store: Store) -> Value | None:
    """Return what is known for a key, None if nothing is, or its files are gone."""
    known = store.catalog.recall(StepResult, key)
    if known is None:
        return None
    if all(store.blobs.holds(link.parent.removeprefix("sha256:")) for link in known.parents):
        return known.value
    with store.catalog.transaction() as transaction:
        transaction.forget(StepResult, known.id)
    return None


def remember(step: Step[..., Any], key: str, value: Value, store: Store) -> None:
    """Keep what a step gave for a key."""
    result = StepResult(
        id=new_id(),
        name=step.name,
        version=key,
        hash=value.hash,
        creator=store.workspace.actor,
        time=time.time(),
        parents=tuple(stored(blob, "content") for blob in blobs_of(value, store)),
        value=value,
    )
    with store.catalog.transaction() as transaction:
        transaction.remember(result)
