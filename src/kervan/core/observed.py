"""What a version was seen to do in a deployment: what servers count, and releases are judged by."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

STEP = 1.05  # from one bucket of times to the next
_LEAST = 1e-6  # seconds
_LOG_STEP = math.log(STEP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What one version did in one deployment until now; whatever is counted only grows.

    `answered`, `failed` and `refused` are requests, `rows` and the seconds of `cpu` what the model scored.
    `streak` is how many requests failed since the last that did not. `incidents` counts by kind ("failed",
    "refused") what went wrong, once for each caller and second, whichever version met it first. Of all the
    rest one request of each turn of a server was looked at, taken by chance among those of all versions, so
    that what happens to many at once counts once: `looked` in all. Of these, `seconds` counts how long they
    took, by `bucket`, and `outputs` what was answered, by `kervan.serve.seen`'s names. Rows of a shadow were
    `compared` with what was answered instead, of which `changed` were something else.
    """

    deployment: str
    model: str
    answered: int = 0
    failed: int = 0
    refused: int = 0
    streak: int = 0
    rows: int = 0
    cpu: float = 0.0
    looked: int = 0
    compared: int = 0
    changed: int = 0
    incidents: Mapping[str, int] = field(default_factory=dict)
    seconds: Mapping[int, int] = field(default_factory=dict)
    outputs: Mapping[str, int] = field(default_factory=dict)

    @property
    def requests(self) -> int:
        """How many came, whatever became of them."""
        return self.answered + self.failed + self.refused

    def plus(self, other: Observed) -> Observed:
        """Return both together, as two processes of one server saw it."""
        return Observed(
            deployment=self.deployment,
            model=self.model,
            answered=self.answered + other.answered,
            failed=self.failed + other.failed,
            refused=self.refused + other.refused,
            streak=max(self.streak, other.streak),
            rows=self.rows + other.rows,
            cpu=self.cpu + other.cpu,
            looked=self.looked + other.looked,
            compared=self.compared + other.compared,
            changed=self.changed + other.changed,
            incidents=Counter(self.incidents) + Counter(other.incidents),
            seconds=Counter(self.seconds) + Counter(other.seconds),
            outputs=Counter(self.outputs) + Counter(other.outputs),
        )

    def quantile(self, share: float) -> float | None:
        """Return the time in seconds under which so large a share of the requests took, None without any.

        It is the upper edge of a bucket, at most 5 % above the truth.
        """
        total = sum(self.seconds.values())
        sofar = 0
        for place in sorted(self.seconds):
            sofar += self.seconds[place]
            if sofar >= share * total:
                return edge(place)
        return None

    def slower(self, place: int) -> int:
        """Count the requests that took longer than the upper edge of a bucket."""
        return sum(count for each, count in self.seconds.items() if each > place)


def bucket(seconds: float) -> int:
    """Return the bucket of a time: the number of the first edge that is not below it.

    >>> edge(bucket(0.002)) / STEP < 0.002 <= edge(bucket(0.002))
    True
    """
    return max(math.ceil(math.log(max(seconds, _LEAST) / _LEAST) / _LOG_STEP), 0)


def edge(place: int) -> float:
    """Return the upper edge of a bucket in seconds."""
    return _LEAST * STEP**place


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What one process of a server has seen of each version so far, and the bytes that it has in memory."""

    pid: int
    memory: int
    seen: tuple[Observed, ...]
