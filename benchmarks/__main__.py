"""Run all benchmarks, or those that are named."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from benchmarks import (
    automl,
    data,
    families,
    large,
    packages,
    pipeline,
    profiles,
    records,
    releases,
    search_overhead,
    serving,
    tracking,
    truth,
    truth_drift,
    truth_formats,
    ui,
    verdicts,
)
from benchmarks.measure import machine


def tables(runs: int) -> None:
    """Print what a table costs: its profile, checks, split and drift, families told right, a large one."""
    for part in (data, profiles, families, large):
        part.main(runs)


def truths(runs: int) -> None:
    """Print whether intervals cover, drift is seen, and files answer like their originals."""
    for part in (truth, truth_drift, truth_formats):
        part.main(runs)


SECTIONS = {
    "tracking": tracking.main,
    "serving": serving.main,
    "records": records.main,
    "data": tables,
    "profiles": profiles.main,
    "families": families.main,
    "large": large.main,
    "pipeline": pipeline.main,
    "ui": ui.main,
    "packages": packages.main,
    "truth": truths,
    "verdicts": verdicts.main,
    "releases": releases.main,
    "overhead": search_overhead.main,
    "automl": automl.main,
}

PARTS = {"profiles", "families", "large"}  # of "data", and measured with it


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("section", nargs="*", help=f"any of {', '.join(SECTIONS)}; all by default")
    parser.add_argument("--runs", type=int, default=5, help="how often each is measured (default 5)")
    of_serving = parser.add_argument_group("serving")
    of_serving.add_argument("--model", choices=("boosting", "linear"), default="boosting")
    of_serving.add_argument("--named", action="store_true", help="give scikit-learn tables, not matrices")
    of_serving.add_argument("--quick", action="store_true", help="fewer cases, and 2 s for each")
    of_serving.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="servers with that in their name",
    )
    of_serving.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    options = parser.parse_args()
    unknown = set(options.section) - SECTIONS.keys()
    if unknown:
        parser.error(f"there is no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    print(machine())
    serve = partial(
        serving.main,
        family=options.model,
        is_named=options.named,
        quick=options.quick,
        only=options.only,
        file=options.json,
    )
    for name in options.section or [name for name in SECTIONS if name not in PARTS]:
        ({**SECTIONS, "serving": serve})[name](options.runs)


if __name__ == "__main__":
    main()
