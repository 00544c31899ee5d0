"""The catalog's own disk is full or cannot be written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kervan.core.errors import StorageFailed
from kervan.core.nouns import Report
from kervan.store.events import check_chain
from kervan.store.open import Store
from store.make import make_report

if TYPE_CHECKING:
    from kervan.core.nouns import Workspace

SmallDisk = "Callable[[str], AbstractContextManager[Path]]"


def store_on(disk: Path, workspace: Workspace) -> Store:
    root = disk / ".kervan"
    return Store(replace(workspace, root=root, catalog=f"sqlite:///{root / 'catalog.sqlite'}"))


def write(store: Store, body: str) -> str:
    report = make_report(body=body)
    with store.catalog.transaction() as transaction:
        transaction.put(report)
    return report.id


def test_a_full_disk_is_said_and_what_was_kept_stays(small_disk: SmallDisk, workspace: Workspace) -> None:
    with small_disk("size=2m") as disk:
        store = store_on(disk, workspace)
        filler = disk / "filler"
        filler.write_bytes(bytes(1_000_000))
        kept: list[str] = []
        with pytest.raises(StorageFailed, match="full") as caught:
            kept.extend(write(store, "x" * 50_000) for _ in range(100))
        assert "nothing was changed" in caught.value.hint
        assert kept
        assert {report.id for report in store.catalog.all(Report)} == set(kept)
        filler.unlink()
        kept.append(write(store, "y"))
        check_chain(store.catalog.events())
        assert len(store.catalog.all(Report)) == len(kept)
        store.close()


def test_a_disk_that_cannot_be_written_is_named(small_disk: SmallDisk, workspace: Workspace) -> None:
    with small_disk("ro") as disk:
        with pytest.raises(StorageFailed, match="Read-only file system") as caught:
            store_on(disk, workspace).catalog.head()
        assert "make the folder writable" in caught.value.hint
