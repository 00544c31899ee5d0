"""What was found in a source that a dataset was made of, or in a dataset: kept, so that it is found once."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from kervan import __version__
from kervan.app.recipe import recipe_of
from kervan.core.errors import StorageFailed
from kervan.core.identity import new_id, sha256_parts
from kervan.core.nouns import Dataset, Link, Record
from kervan.store.events import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kervan.app.checks import Fetched
    from kervan.app.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Record):
    """What was found; `version` is the hash of all that it depends on."""

    body: Any


def of_source(came: Fetched, what: Sequence[str], find: Callable[[], Any]) -> tuple[Any, bool]:
    """Return what was found before by the same settings in the same bytes, and True; or find it: False.

    It is kept if the newest version of the project's dataset was made of these bytes.
    """
    project, content = came.project, came.snapshot.sha256
    holder = None
    if project.store.root.is_dir():
        with suppress(StorageFailed):
            holder = project.store.catalog.newest(Dataset, project.config.dataset_name)
    if holder is None or holder.origin.sha256 != content:
        return _as_read(find()), False
    memory = project.config.data.memory  # it says of how many rows some are looked at
    return _once(project, holder, [*what, content, memory, recipe_of(project, came.joined)], find)


def of_dataset(
    project: Project, dataset: Dataset, what: Sequence[str], find: Callable[[], Any]
) -> tuple[Any, bool]:
    """Return what was found before by the same settings in a dataset, and True; or find it: False."""
    return _once(project, dataset, [*what, dataset.id, recipe_of(project, {})], find)


def _once(
    project: Project, holder: Dataset, parts: Sequence[str], find: Callable[[], Any]
) -> tuple[Any, bool]:
    """Keep what is found beside a dataset, with which it goes; what another Kervan found is found anew.

    Where nothing can be stored it takes as long the next time.
    """
    catalog, key = project.store.catalog, sha256_parts([__version__, *parts])
    with suppress(StorageFailed):
        if known := catalog.recall(Answer, key):
            return known.body, True
    found = _as_read(find())
    answer = Answer(
        id=new_id(),
        name=holder.name,
        version=key,
        creator=project.store.workspace.actor,
        time=time.time(),
        parents=(Link(parent=holder.id, role="found in"),),
        body=found,
    )
    with suppress(StorageFailed), catalog.transaction() as transaction:
        transaction.remember(answer)
    return found, False


def _as_read(found: Any) -> Any:
    """Bring what was found into the form that it has when it is known."""
    return msgspec.json.decode(canonical(found))
