"""Protection at ingest: with the workspace's key, and a key for each person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import InvalidData
from kervan.core.nouns import Finding, Verdict
from kervan.data.protection.anonymity import Anonymity, anonymity
from kervan.data.protection.apply import Protection
from kervan.data.protection.find import RULE, find_personal, findings
from kervan.flow.table import to_parquet
from kervan.store.transaction import stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import polars as pl

    from kervan.app.project import Project
    from kervan.core.config import DataSettings
    from kervan.core.nouns import Link
    from kervan.data.pieces import Table

TOKENS = "tokens"  # the role of the sealed table that turns tokens back
PERSON = "person "


def protection_of(project: Project) -> Protection:
    """Return what protects the project's table; keys of persons are made when they are first asked for."""
    settings = project.config.data

    def keys_of(persons: Sequence[str]) -> Mapping[str, bytes]:
        found = project.store.ring.keys(f"{PERSON}{person}" for person in persons)
        return {name.removeprefix(PERSON): key for name, key in found.items()}

    return Protection(
        rules=settings.protect,
        key=project.store.keys.derived("protect") if settings.protect else b"",
        target=settings.target,
        person=settings.person,
        keys_of=keys_of,
    )


def personal_findings(project: Project, table: pl.DataFrame) -> list[Finding]:
    """Return a warning for each column that surely tells of persons and is not protected."""
    settings = project.config.data
    found = find_personal(table, hidden={*settings.protect, settings.target, settings.person})
    return [*_person_in_clear(settings), *findings(found)]


def _person_in_clear(settings: DataSettings) -> Iterator[Finding]:
    if settings.person and settings.person not in settings.protect:
        yield Finding(
            rule=RULE,
            subject=settings.person,
            verdict=Verdict.WARNED,
            message=f"column {settings.person!r} names the person, and is kept in clear",
            hint=f'protect it: `[data] protect = {{ "{settings.person}" = "pseudonymise" }}`',
        )


def measured(project: Project, guarded: Table) -> Anonymity | None:
    """Measure how well the rows hide among each other, None where no columns are named for that.

    Raises `InvalidData` if fewer than `k_at_least` do somewhere; no value of theirs is told.
    """
    settings = project.config.data
    if not settings.quasi and not settings.k_at_least:
        return None
    least = settings.k_at_least
    found = anonymity(guarded, settings.quasi, settings.sensitive, at_least=least)
    if found.k < least:
        raise InvalidData(
            f"{found.breaking:,} of {found.rows:,} rows hide among fewer than {least} that are equal in "
            f"{', '.join(settings.quasi)}; the smallest group has {found.k}",
            hint="generalise these columns further in `[data] protect`, name fewer of them in "
            "`[data] quasi`, or lower `[data] k_at_least`",
        )
    return found


def store_tokens(project: Project, name: str, table: pl.DataFrame) -> tuple[Link, ...]:
    """Keep what turns tokens back into values, encrypted, and return the link to it; none without tokens."""
    if table.is_empty():
        return ()
    sealed = project.store.keys.seal(to_parquet(table), tokens_sealed_as(name))
    return (stored(project.store.blobs.put_bytes(sealed), TOKENS),)


def tokens_sealed_as(name: str) -> str:
    """Return the words to which the seal of a table of tokens is bound."""
    return f"tokens of {name}"
