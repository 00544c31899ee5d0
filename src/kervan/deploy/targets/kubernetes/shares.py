"""What shares of the traffic become in a cluster: numbers of replicas, and labels that a Service selects.

A version that gets all traffic is selected by its slot; where several get some, all pods are selected, and
their numbers are the shares. Rolling keeps one slot whose image changes; else each version has its own slot,
so that a switch between them is a change of the Service alone.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from kervan.core.errors import Refused
from kervan.core.serving import ShareRole

if TYPE_CHECKING:
    from kervan.deploy.workload import Unit, Workload

SLOT = "kervan.io/slot"
ROLLING = "main"


def slot(workload: Workload, unit: Unit) -> str:
    """Return the label by which the pods of a version are told from others."""
    return ROLLING if workload.plan.rolls and unit is workload.main else unit.label


def receiving(workload: Workload) -> list[Unit]:
    """Return the versions that get traffic."""
    return [each for each in workload.units if each.share > 0 and each.role is not ShareRole.SHADOW]


def check_shares(workload: Workload) -> None:
    """Raise `Refused` for roles that a Service cannot carry out."""
    if any(each.role is ShareRole.SHADOW for each in workload.units):
        raise Refused(
            "a Service copies no requests: there are no shadows here",
            hint="use --strategy canary or blue-green, or the target local",
        )
    if len({each.label for each in workload.units}) < len(workload.units):
        raise Refused("two of the versions have one number", hint="release versions that differ")
    if 1 < len(receiving(workload)) < len(workload.units):
        raise Refused(
            "while several versions share the traffic, none can stand by",
            hint="finish one release before the next begins",
        )


def selector(workload: Workload) -> dict[str, str]:
    """Return the labels of the pods that get traffic."""
    chosen = receiving(workload)
    labels = {"app.kubernetes.io/instance": workload.name}
    return labels | {SLOT: slot(workload, chosen[0])} if len(chosen) == 1 else labels


def replicas(workload: Workload, unit: Unit, *, by_number: bool = True) -> tuple[int, int]:
    """Return how many replicas a version has at least, and at most.

    Where shares are dealt out `by_number`, each version has its part of them and one at least; else each has
    as many as the traffic needs that it gets.

    >>> most_of(3, 0.1), most_of(20, 0.1), most_of(20, 0.0)
    (1, 2, 1)
    """
    plan = workload.plan
    most = max(plan.most_workers, plan.workers)
    if len(receiving(workload)) < 2 or not by_number:
        return plan.workers, most
    return most_of(plan.workers, unit.share), most_of(most, unit.share)


def most_of(total: int, share: float) -> int:
    """Return a share of replicas as a whole number, one at least."""
    return max(1, ceil(total * share - 0.5))


def dealt_out(workload: Workload) -> dict[str, float]:
    """Return the share that each version gets in truth, by its version, where numbers of replicas decide."""
    counts = {each.manifest.version: replicas(workload, each)[0] for each in receiving(workload)}
    return {version: count / sum(counts.values()) for version, count in counts.items()}
