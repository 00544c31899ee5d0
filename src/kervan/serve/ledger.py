"""What each version has answered since the server started, also those that are gone or were loaded anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prometheus_client.metrics_core import Metric

    from kervan.serve.tally import Tally


@dataclass(frozen=True, slots=True)
class ModelCounts:
    """Requests that a version answered or refused, and the rows of those that were answered."""

    answered: int = 0
    refused: int = 0
    rows: int = 0

    def plus(self, other: ModelCounts) -> ModelCounts:
        """Return both together."""
        return ModelCounts(
            self.answered + other.answered, self.refused + other.refused, self.rows + other.rows
        )


class Ledger:
    """Adds up the tallies of versions, so that what is told of one never falls."""

    def __init__(self) -> None:
        self._tallies: Callable[[], Iterable[tuple[str, str, Tally]]] = tuple
        self._here: list[tuple[str, str, Tally]] = []
        self._leaving: list[tuple[str, str, Tally]] = []  # whose last requests may still be answered
        self._gone: dict[tuple[str, str], ModelCounts] = {}

    def watch(self, tallies: Callable[[], Iterable[tuple[str, str, Tally]]]) -> None:
        """From now on add up what `tallies` gives: name, version and tally of each version that is loaded."""
        self._tallies = tallies
        self.look()

    def look(self) -> None:
        """Look again which versions are loaded."""
        here = list(self._tallies())
        there = {id(tally) for _, _, tally in here}
        for name, version, tally in self._leaving:
            self._add_up(name, version, _counts_of(tally))
        self._leaving = [each for each in self._here if id(each[2]) not in there]
        self._here = here

    def add(self, counts: Iterable[tuple[str, str, ModelCounts]]) -> None:
        """Add what another process told."""
        for name, version, each in counts:
            self._add_up(name, version, each)

    def counts(self) -> list[tuple[str, str, ModelCounts]]:
        """Return name and version of all that were ever loaded, and what they have answered."""
        total = Ledger()
        total._gone = dict(self._gone)
        total.add(
            (name, version, _counts_of(tally)) for name, version, tally in (*self._leaving, *self._here)
        )
        return [(name, version, each) for (name, version), each in sorted(total._gone.items())]

    def collect(self) -> Iterator[Metric]:
        """Tell it to a registry."""
        labels = ("model", "version")
        requests = CounterMetricFamily(
            "kervan_model_requests",
            "Requests to a version, by what came of them.",
            labels=(*labels, "outcome"),
        )
        rows = CounterMetricFamily("kervan_model_rows", "Rows that a version predicted.", labels=labels)
        for name, version, each in self.counts():
            requests.add_metric((name, version, "answered"), each.answered)
            requests.add_metric((name, version, "refused"), each.refused)
            rows.add_metric((name, version), each.rows)
        yield requests
        yield rows

    def _add_up(self, name: str, version: str, counts: ModelCounts) -> None:
        self._gone[name, version] = self._gone.get((name, version), ModelCounts()).plus(counts)


def _counts_of(tally: Tally) -> ModelCounts:
    counts = tally.counts()
    return ModelCounts(counts.answered, counts.refused, counts.rows)
