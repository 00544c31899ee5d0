"""Releases in a cluster: the new version comes up, then the traffic moves, then the old one goes.

What ran before is changed only by the last steps. Where one of them fails, the files that were applied last
are applied again, and what only the new release had is deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import KervanError, ServerFailed
from kervan.deploy.targets.commands import find
from kervan.deploy.targets.kubernetes.cluster import OPERATED, WORKLOADS, Cluster
from kervan.deploy.targets.written import applied, bring_back, forget, keep, read_note

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.deploy.targets.written import Note


def roll_out(folder: Path, patience: int) -> Note:
    """Apply what was rendered, wait until it answers, and return its note.

    Raises `ServerFailed` with the cluster's reason; what ran before goes on then.
    """
    find("kubectl")
    note = read_note(folder)
    cluster = Cluster.of(note)
    before = applied(folder)
    old = read_note(before) if before else None
    try:
        _bring_up(cluster, folder, note, patience)
        if old is not None:
            _forget_rest(old, note)
    except (KervanError, KeyboardInterrupt) as error:
        _take_back(folder, note, old, error)
        raise
    keep(folder)
    return note


def _bring_up(cluster: Cluster, folder: Path, note: Note, patience: int) -> None:
    """Apply first what answers, then what moves the traffic; an operator's objects do both by themselves."""
    if before := note.facts.get("before"):
        cluster.apply(folder, before.split(","))
    for each in _workloads(note):
        cluster.wait(each, patience)
    cluster.apply_all(folder)
    if condition := note.facts.get("condition"):
        for each in note.objects:
            if each.partition("/")[0] in OPERATED:
                cluster.wait_for(each, condition, patience)


def _forget_rest(old: Note, note: Note) -> None:
    """Delete what the release before had and this one has not, the traffic's way first."""
    moved = (old.facts["namespace"], old.facts["context"]) != (note.facts["namespace"], note.facts["context"])
    gone = [each for each in reversed(old.objects) if moved or each not in note.objects]
    Cluster.of(old).delete(gone)


def _take_back(folder: Path, note: Note, old: Note | None, why: BaseException) -> None:
    """Apply again what was applied before, and delete what is new."""
    fresh = [each for each in reversed(note.objects) if old is None or each not in old.objects]
    try:
        before = bring_back(folder)
        if before is not None and old is not None:
            Cluster.of(old).apply_all(before)
        Cluster.of(note).delete(fresh)
    except KervanError as error:
        raise ServerFailed(
            f"{why}; what ran before could not be applied again either: {error}", hint=error.hint
        ) from why


def take_away(folder: Path) -> None:
    """Delete all objects of what was applied last."""
    before = applied(folder)
    if before is None:
        return
    note = read_note(before)
    Cluster.of(note).delete(reversed(note.objects))
    forget(folder)


def _workloads(note: Note) -> list[str]:
    return [each for each in note.objects if each.startswith(WORKLOADS)]
