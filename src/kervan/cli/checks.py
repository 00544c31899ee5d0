"""Commands about what is demanded of a table: `kervan data validate`, `rejects`, `quality` and `suggest`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kervan.cli.edge import Shown, shows, table, with_project
from kervan.core.shown import moment

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.app.rejects import Rejects
    from kervan.app.validation import FileValidation, VersionQuality
    from kervan.data.quality import Validation

PARTS = ("completeness", "validity", "uniqueness", "consistency", "timeliness")
_LIMIT = 20


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--against", default="", metavar="DATASET", help="Compare columns, types and distributions too."
)
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write JUnit's XML to a file.")
@shows(example="kervan data validate\nkervan data validate new.csv --against adult --junit checks.xml")
@with_project
def validate(project: Project, file: Path | None, against: str, junit: Path | None) -> Shown:
    """Put the project's checks to a file, by default to its source; no row is kept.

    What was found in an unchanged source is known the second time, but for how fresh its rows are.
    The exit code is 1 if a check fails that stops the run, else 0.
    """
    from kervan.app.validation import as_junit, validate_file
    from kervan.core.nouns import Verdict

    location = "" if file is None else str(file)
    found = validate_file(project, location, folder=None if file is None else Path(), against=against)
    if junit is not None:
        junit.write_text(as_junit(found), encoding="utf-8")
    return Shown(found, validation_text(found), 1 if found.verdict is Verdict.FAILED else 0)


@click.command()
@click.argument("ref", required=False, default="")
@click.option("--limit", type=click.IntRange(1), default=_LIMIT, show_default=True, help="So many rows.")
@click.option("--export", type=click.Path(path_type=Path, dir_okay=False), help="Write all to this file.")
@shows(example="kervan data rejects\nkervan data rejects adult:3 --export rejects.csv")
@with_project
def rejects(project: Project, ref: str, limit: int, export: Path | None) -> Shown:
    """Show the rows that checks kept out of a dataset, with the reasons.

    By default the dataset is the project's newest. Protected columns are shown as they are kept. Row numbers
    count from 1, without the header.
    """
    from kervan.app.rejects import export_rejects, rejects_of

    ref = ref or project.config.dataset_name
    if export is not None:
        rows = export_rejects(project, ref, export)
        return Shown({"rows": rows, "file": export}, f"wrote {rows:,} rows to {export}")
    found = rejects_of(project, ref, limit=limit)
    return Shown(found, rejects_text(found))


@click.command()
@click.argument("name")
@shows(example="kervan data quality adult")
@with_project
def quality(project: Project, name: str) -> Shown:
    """Show how good each version of a dataset was, from 0 to 100, and of what the score is made.

    The score is the mean of its parts: completeness, validity, uniqueness, consistency and, where a check
    says how old rows may be, timeliness.
    """
    from kervan.app.validation import quality_history

    found = quality_history(project, name)
    return Shown(found, history_text(found))


def validation_text(found: FileValidation) -> str:
    """Show every finding, and the counts."""
    from kervan.cli.show import findings_text, quality_text

    counts = found.validation
    against = f" against {found.against}" if found.against else ""
    head = f"{found.source}: {counts.rows:,} rows{against}: {found.verdict}"
    if counts.failing:
        head += f"; {counts.failing:,} rows break a rule, {counts.rejected:,} would be kept aside"
    return "\n".join([head, *findings_text(found.findings), quality_text(counts.quality)])


def rejects_text(found: Rejects) -> str:
    """Show the first rejected rows: number, reasons, values."""
    if not found.rows:
        return f"{found.dataset}: no row was kept aside"
    rows = [
        (
            each.row,
            "; ".join(each.reasons),
            ", ".join(f"{name}={value}" for name, value in each.values.items()),
        )
        for each in found.rows
    ]
    more = found.total - len(found.rows)
    lines = [f"{found.dataset}: {found.total:,} rows were kept aside", table(("row", "why", "values"), rows)]
    return "\n".join([*lines, f"and {more:,} more: --export FILE writes all"] if more else lines)


def history_text(found: tuple[VersionQuality, ...]) -> str:
    """Show a line for each version."""
    headers = ("dataset", "rows", "rejected", "quality", *PARTS, "since")
    rows = [(each.ref, each.rows, *_counts(each.validation), moment(each.time)) for each in found]
    return table(headers, rows)


def _counts(validation: Validation | None) -> tuple[object, ...]:
    if validation is None:
        return ("", "", *("" for _ in PARTS))
    parts = validation.quality.parts
    shares = (f"{parts[name]:.1%}" if name in parts else "" for name in PARTS)
    return (validation.rejected, f"{validation.quality.score:.1f}", *shares)


@click.command()
@click.argument("what", required=False, default="", metavar="[FILE|DATASET]")
@click.option(
    "--from",
    "schema",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Take the checks of a pandera schema or a suite of Great Expectations.",
)
@click.option("--write", is_flag=True, help="Append them to kervan.toml.")
@shows(
    example="kervan data suggest\nkervan data suggest adult:1 --write\nkervan data suggest --from schema.yaml"
)
@with_project
def suggest(project: Project, what: str, schema: Path | None, *, write: bool) -> Shown:
    """Propose checks for a table, as lines to edit in kervan.toml: what holds there, with a margin.

    By default the table is the project's source. Columns that have a check already are left alone.
    """
    from kervan.app.suggest import append_checks, import_checks, suggest_checks

    if schema is None:
        is_file = bool(what) and Path(what).exists()
        found = suggest_checks(project, what, folder=Path() if is_file else None)
    else:
        found = import_checks(schema)
    if write and found.checks:
        append_checks(project, found)
    text = "\n".join([found.lines, *(f"# left out: {each}" for each in found.left_out)]).strip()
    return Shown(found, text or "# nothing to suggest: every column has a check")
