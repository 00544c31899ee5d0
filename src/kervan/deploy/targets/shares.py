"""Shares of the traffic in whole percent that add up to a hundred, as most places want them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import Refused
from kervan.core.serving import ShareRole

if TYPE_CHECKING:
    from kervan.deploy.workload import Workload


def percents(workload: Workload) -> dict[str, int]:
    """Return the percent of each version by its label; those that stand by get 0.

    Raises `Refused` for a shadow, which no place here can have.
    """
    if any(each.role is ShareRole.SHADOW for each in workload.units):
        raise Refused(
            "this place copies no requests: there are no shadows",
            hint="use --strategy canary or blue-green, or the target local",
        )
    if len({each.label for each in workload.units}) < len(workload.units):
        raise Refused("two of the versions have one number", hint="release versions that differ")
    found = {each.label: max(1, each.percent) if each.share else 0 for each in workload.units}
    largest = max(found, key=lambda label: found[label])
    return {**found, largest: found[largest] + 100 - sum(found.values())}
