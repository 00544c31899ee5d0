"""Run all benchmarks, or those that are named."""

from __future__ import annotations

import argparse

from benchmarks import data, packages, pipeline, records, serving, tracking, truth, truth_drift, truth_formats
from benchmarks.measure import machine


def truths(runs: int) -> None:
    """Print whether intervals cover, drift is seen, and files answer like their originals."""
    for part in (truth, truth_drift, truth_formats):
        part.main(runs)


SECTIONS = {
    "tracking": tracking.main,
    "serving": serving.main,
    "records": records.main,
    "data": data.main,
    "pipeline": pipeline.main,
    "packages": packages.main,
    "truth": truths,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("section", nargs="*", help=f"any of {', '.join(SECTIONS)}; all by default")
    parser.add_argument("--runs", type=int, default=5, help="how often each is measured (default 5)")
    options = parser.parse_args()
    unknown = set(options.section) - SECTIONS.keys()
    if unknown:
        parser.error(f"there is no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    print(machine())
    for name in options.section or SECTIONS:
        SECTIONS[name](options.runs)


if __name__ == "__main__":
    main()
