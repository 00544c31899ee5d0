"""What is counted of two versions that share the traffic, and the evidence in it, stage after stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kervan.core.observed import Observed, bucket
from kervan.monitor.events import candidates_part, log_evidence_of_two, log_mean
from kervan.monitor.outputs import Groups
from kervan.monitor.stages import Alarm, Proof

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kervan.core.releasing import Guard
    from kervan.monitor.judgement import Margin

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
_JUDGED = ("p50", "p90", "p99")
_INCIDENTS = {"errors": "failed", "refused": "refused"}
BASELINE = 500  # requests of the stable version from which its quantiles and usual answers are taken

_FAR = 5.0  # standard deviations, beyond which nobody speaks of chance
_COLUMNS = ("bad", "events", "part", "near")

Counts = dict[str, int]


class _Question(NamedTuple):
    """One e-value: `bad` of `events` events speak for an alarm or a proof, under the null at most `part`.

    Half of the stake is on shares up to `near`.
    """

    name: str
    bad: int
    events: int
    part: float
    near: float = 1.0
    is_proof: bool = False


class Moved(NamedTuple):
    """A group of answers, and its share of each version's answers, stable first."""

    label: str
    shares: tuple[float, float]


class Comparison:
    """Counts of both versions in the stage under way, and the evidence of all stages.

    What is slow and which answers belong together is fixed from what the stable version did before, or from
    its first 500 requests, which then do not count.
    """

    def __init__(
        self, margins: Mapping[str, Margin], guards: Sequence[Guard], before: Observed | None
    ) -> None:
        self._margins, self._guards = margins, guards
        self._places: dict[str, int] = {}
        self._groups: Groups | None = None
        self._alarms: dict[str, Alarm] = {}
        self._proofs: dict[str, Proof] = {}
        self._logs: dict[str, float] = {}
        self._against: dict[str, float] = {}
        self._from: tuple[Counts, Counts] = ({}, {})
        self.stable: Counts = {}
        self.candidate: Counts = {}
        if before is not None and _is_enough(before):
            self._fix(before)

    def begin(self, stable: Observed, candidate: Observed) -> None:
        """Start a stage, in which what is counted already does not count."""
        for name, alarm in self._alarms.items():
            alarm.close(self._logs.get(name, 0.0))
        for name, proof in self._proofs.items():
            proof.close(self._logs.get(name, 0.0))
        self._logs = {}
        self._from = self._counted(stable), self._counted(candidate)

    def look(self, stable: Observed, candidate: Observed, share: float) -> None:
        """Take in how both stand now, the candidate having `share` of the traffic."""
        if self._groups is None and _is_enough(stable):
            self._fix(stable)
            old, new = self._from
            self._from = self._counted(stable) | old, self._counted(candidate) | new
        self.stable, self.candidate = (
            {name: count - since.get(name, 0) for name, count in self._counted(each).items()}
            for each, since in zip((stable, candidate), self._from, strict=True)
        )
        asked = list(self._asked(self._dealt(share)))
        self._logs = _logs(asked)
        for question in asked:
            if question.is_proof:
                self._proofs.setdefault(question.name, Proof())
            else:
                self._alarms.setdefault(question.name, Alarm())
        self._against = {
            name: alarm.log_value(self._logs.get(name, 0.0)) for name, alarm in self._alarms.items()
        }

    def _dealt(self, share: float) -> float:
        """Return the share that the candidate got, where requests were plainly not dealt out one by one.

        Few callers that stay with a version get more or less than they should.
        """
        its = self.candidate["looked"]
        all_looked = its + self.stable["looked"]
        away = its - all_looked * share
        is_chance = away**2 <= _FAR**2 * all_looked * share * (1 - share)
        return share if is_chance or not 0 < share < 1 else its / all_looked

    def alarm(self, metric: str) -> float | None:
        """Return the logarithm of the e-value against the candidate, None where nothing was counted."""
        if metric != "outputs":
            return self._against.get(metric)
        logs = [log for name, log in self._against.items() if name.startswith("outputs")]
        return log_mean(np.array(logs)) if logs else None

    def proof(self, metric: str) -> float | None:
        """Return the logarithm of the e-value in favour of the candidate, None where nothing was counted."""
        names = [name for name in (f"{metric}: well", f"{metric}: rarely") if name in self._proofs]
        logs = [self._proofs[name].log_value(self._logs.get(name, 0.0)) for name in names]
        return log_mean(np.array(logs)) if logs else None

    def most_moved(self) -> Moved | None:
        """Return the group of answers with the most evidence, None while there are no groups."""
        moved = {name: log for name, log in self._against.items() if name.startswith("outputs")}
        if not moved or self._groups is None:
            return None
        name = max(moved, key=moved.__getitem__).partition(":")[0]
        old, new = (each[name] / max(each["answers"], 1) for each in (self.stable, self.candidate))
        return Moved(label=self._groups.labels[int(name.split()[1])], shares=(old, new))

    def _fix(self, seen: Observed) -> None:
        self._groups = Groups(seen.outputs)
        total, sofar = sum(seen.seconds.values()), 0
        for place in sorted(seen.seconds):
            sofar += seen.seconds[place]
            for metric in _JUDGED:
                if sofar >= QUANTILES[metric] * total:
                    self._places.setdefault(metric, place)

    def _counted(self, seen: Observed) -> Counts:
        counts = {metric: seen.incidents.get(kind, 0) for metric, kind in _INCIDENTS.items()}
        counts |= {"looked": seen.looked, "requests": seen.requests}
        counts |= {"timed": sum(seen.seconds.values())}
        counts |= {metric: seen.slower(place) for metric, place in self._places.items()}
        for guard in self._guards:
            if guard.metric in QUANTILES:
                counts[guard.text] = seen.slower(bucket(guard.bound))
        if self._groups is not None:
            groups = self._groups.counts(seen.outputs)
            counts |= {f"outputs {place}": count for place, count in enumerate(groups)}
            counts["answers"] = sum(groups)
        return counts

    def _asked(self, share: float) -> Iterator[_Question]:
        yield from self._asked_of_guards()
        errors = self._margins["errors"]
        requests = self.candidate["requests"]
        good = requests - self.candidate["errors"]
        if errors.rarely:
            yield _Question("errors: rarely", max(good, 0), requests, 1 - errors.rarely, is_proof=True)
        if not 0 < share < 1:
            return
        for metric in ("errors", "refused", *self._places):
            margin, new, old = self._margins[metric], self.candidate[metric], self.stable[metric]
            yield _Question(metric, new, new + old, *_parts(share, margin.times))
            if margin.well:
                part = 1 - candidates_part(share, margin.well)
                yield _Question(f"{metric}: well", old, new + old, part, is_proof=True)
        times = self._margins["outputs"].times
        for place in range(len(self._groups.labels) if self._groups else 0):
            new, old = self.candidate[f"outputs {place}"], self.stable[f"outputs {place}"]
            less = candidates_part(share, 1 / times)
            yield _Question(f"outputs {place}: more", new, new + old, *_parts(share, times))
            yield _Question(f"outputs {place}: less", old, new + old, 1 - less)

    def _asked_of_guards(self) -> Iterator[_Question]:
        """Ask whether the candidate alone keeps to a bound."""
        for guard in self._guards:
            if guard.metric in QUANTILES:
                bad, events, part = (
                    self.candidate[guard.text],
                    self.candidate["timed"],
                    1 - QUANTILES[guard.metric],
                )
            elif guard.metric in _INCIDENTS and 0 < guard.bound < 1:
                bad, events, part = self.candidate[guard.metric], self.candidate["requests"], guard.bound
            else:
                continue
            bad = min(bad, events)
            asked = (bad, events, part) if guard.is_upper else (events - bad, events, 1 - part)
            yield _Question(f"guard {guard.text}", *asked)


def _is_enough(seen: Observed) -> bool:
    return min(sum(seen.seconds.values()), sum(seen.outputs.values())) >= BASELINE


def _logs(asked: Sequence[_Question]) -> dict[str, float]:
    if not asked:
        return {}
    columns = (np.array([getattr(each, field) for each in asked], np.float64) for field in _COLUMNS)
    logs = log_evidence_of_two(*columns)
    return {question.name: float(log) for question, log in zip(asked, logs, strict=True)}


def _parts(share: float, times: float) -> tuple[float, float]:
    """Return the candidate's part of the events at a margin, and where it is three times as bad as that."""
    return candidates_part(share, times), candidates_part(share, 3 * times)
