"""`kervan data synthesize`, and its report as lines for people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kervan.cli.edge import Shown, shows, table, with_project

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.data.synthetic.report import SyntheticReport

_UNKNOWN = "too few rows to say"


@click.command()
@click.argument("ref")
@click.option(
    "-o", "--output", "to", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file."
)
@click.option("--rows", type=click.IntRange(min=1), help="How many; by default as many as the training part.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The same seed, the same rows."
)
@shows(
    example="kervan data synthesize adult:1 -o like-adult.csv\n"
    "kervan data synthesize adult --rows 1000 --seed 7 -o few.parquet --json"
)
@with_project
def synthesize(project: Project, ref: str, to: Path, rows: int | None, seed: int) -> Shown:
    """Write rows that nobody gave, which follow a dataset's training part, and say how close and private.

    Protected columns are left out, and the test part stays sealed.
    """
    from kervan.app.synthesize import write_synthetic

    found = write_synthetic(project, ref, to, rows=rows, seed=seed)
    return Shown(found, f"wrote {found.rows:,} rows to {to}\n{report_text(found)}")


def report_text(found: SyntheticReport) -> str:
    """Show how close and how private a synthetic table is."""
    close, private = found.closeness, found.privacy
    rows = [
        (
            each.name,
            "a label" if each.distance is None else f"{each.distance:.3f}",
            f"{each.missing_real:.1%} → {each.missing:.1%}",
        )
        for each in close.columns
    ]
    farthest = (
        f", at most {close.farthest_pair:.3f}: {' and '.join(close.farthest)}" if close.farthest else ""
    )
    facts = [
        f"like the {found.fitted:,} training rows of {found.dataset}, by seed {found.seed}",
        f"pairs: correlations differ by {close.pairs:.3f} on average{farthest}",
        f"told apart by a classifier: AUC {_number(close.auc)} (0.5: not at all, 1: always)",
        f"equal to a training row: {private.equal:.1%}; of real rows kept out, {private.equal_held_out:.1%}",
        f"nearer to a training row than to one kept out: {_number(private.nearer)} (0.5: by chance)",
        f"distance to a training row, over that to one kept out: {_number(private.ratio)}",
    ]
    facts += [f"labels that tell nothing: {', '.join(found.labels)}"] if found.labels else []
    facts += [f"rare values left out of: {', '.join(found.rare)}"] if found.rare else []
    facts += [f"protected and left out: {', '.join(found.left_out)}"] if found.left_out else []
    return "\n".join([table(("column", "distance", "missing"), rows), *facts])


def _number(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value:.2f}"
