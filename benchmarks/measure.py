"""Measuring fairly: contenders take turns in one process of events, and medians are compared."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Measured:
    """The median of several runs, with the smallest and the largest."""

    median: float
    low: float
    high: float


@dataclass(slots=True)
class Stopwatch:
    """Seconds between the start and the end of a `with` block."""

    seconds: float = 0.0


@contextmanager
def timed() -> Iterator[Stopwatch]:
    watch = Stopwatch()
    started = time.perf_counter()
    yield watch
    watch.seconds = time.perf_counter() - started


def alternating(contenders: Mapping[str, Callable[[], float]], runs: int) -> dict[str, Measured]:
    """Let contenders take turns, so that what else runs here hits all alike; each returns its figure."""
    figures: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(runs):
        for name, contender in contenders.items():
            figures[name].append(contender())
    return {
        name: Measured(statistics.median(found), min(found), max(found)) for name, found in figures.items()
    }


def show(title: str, found: Mapping[str, Measured], unit: str, *, higher_is_better: bool = False) -> None:
    """Print a table; the ratio says how many times better the first contender is."""
    first = next(iter(found.values())).median
    print(f"\n{title}")
    width = max(map(len, found))
    for place, (name, measured) in enumerate(found.items()):
        ratio = first / measured.median if higher_is_better else measured.median / first
        beside = "" if place == 0 else f"   {ratio:.3g} x"
        spread = f"({figure_of(measured.low)} to {figure_of(measured.high)})"
        print(f"  {name:<{width}}  {figure_of(measured.median):>9} {unit:<8} {spread:<20}{beside}")


def note(text: str) -> None:
    """Print how something was measured, or why it was not."""
    print(f"  {text}")


def machine() -> str:
    """Say when and where this is measured."""
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    day = datetime.now(UTC).strftime("%d %B %Y")
    return (
        f"{day}, {os.cpu_count()} cores ({_processor()}), Python {platform.python_version()}, "
        f"load before {load}.\nMedians (least to greatest); contenders take turns; "
        "the ratio is the first contender's advantage."
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next(
        (line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine()
    )


def figure_of(value: float) -> str:
    """Write a figure with three digits that count, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
