"""Profiles of tables as text for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.cli.edge import table
from kervan.cli.show import findings_text, quality_text, steps_text

if TYPE_CHECKING:
    from kervan.app.data import Described
    from kervan.app.table_profile import TableProfile
    from kervan.core.nouns import Finding
    from kervan.data.profile import ColumnProfile, Profile

_SHOWN = 5


def dataset_text(described: Described) -> str:
    """Show a dataset's columns and what validation found."""
    dataset = described.dataset
    parts = ", ".join(
        f"{part.role} {part.rows:,}{' (sealed)' if part.sealed else ''}" for part in dataset.parts
    )
    head = f"{dataset.ref}: {dataset.rows:,} rows from {dataset.origin.source}; {parts}"
    query = dataset.origin.retrieval.query
    asked = [f"asked: {query}"] if query else []
    versions = [
        f"{each.source}: version {v}"
        for each in (dataset.origin, *dataset.joined)
        if (v := each.retrieval.version)
    ]
    lines = [
        head,
        *asked,
        *versions,
        *steps_text(dataset),
        *_profile_lines(described.profile, described.findings),
    ]
    if described.validation is not None:
        lines.append(quality_text(described.validation.quality))
    return "\n".join(lines)


def table_profile_text(found: TableProfile) -> str:
    """Show the columns of any table, what was found, and what to do."""
    profile = found.profile
    repeated = f", {profile.duplicates:,} repeat an earlier one" if profile.duplicates else ""
    head = f"{found.source}: {profile.rows:,} rows{repeated}, {len(profile.columns):,} columns"
    rows = [" | ".join(row) for row in found.samples]
    return "\n".join([head, *_profile_lines(profile, found.findings), *rows])


def _profile_lines(profile: Profile, findings: tuple[Finding, ...]) -> list[str]:
    from kervan.data.profile.advice import pasteable

    rows = [
        (
            each.name,
            each.type,
            each.kind,
            f"{each.missing_share:.1%}",
            each.distinct,
            _family(each),
            _range(each),
        )
        for each in profile.columns
    ]
    columns = table(("column", "type", "kind", "missing", "distinct", "family", "values"), rows)
    tells = [f"{each.determinant!r} tells {each.dependent!r}" for each in profile.dependencies[:_SHOWN]]
    told = [f"columns: {', '.join(tells)}"] if tells else []
    lines = [columns, *told, *findings_text(findings), *(f"advice: {each.what}" for each in profile.advice)]
    pasted = pasteable(profile.advice)
    return [*lines, "", "# for kervan.toml", pasted] if pasted else lines


def _family(column: ColumnProfile) -> str:
    return column.numbers.family.name if column.numbers and column.numbers.family else ""


def _range(column: ColumnProfile) -> str:
    if column.numbers is not None:
        return f"{column.numbers.minimum:g} to {column.numbers.maximum:g}, median {column.numbers.median:g}"
    if column.texts is not None:
        return ", ".join(f"{each.value} {each.count:,}" for each in column.texts.top[:3])
    return f"{column.earliest} to {column.latest}"
