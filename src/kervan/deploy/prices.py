"""What a place is likely to cost in a month, by a table of prices that people change.

An estimate and no offer: the table says of each price where and when it was read. Places without a row have
no estimate, and nobody invents one.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from kervan.core.errors import InvalidConfig, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLE = Path(__file__).with_name("prices.toml")
_HOURS = 730.0  # of a month
_SECONDS = _HOURS * 3600
_GIB = 1 << 30
_LEAST_CPU, _LEAST_MEMORY = 1.0, _GIB  # where nothing is planned


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A row of the table: US dollars for each unit, and where that stands."""

    region: str
    read: str
    source: str
    million_requests: float = 0.0
    cpu_second: float = 0.0
    gib_second: float = 0.0
    cpu_hour: float = 0.0
    gib_hour: float = 0.0
    instance_hour: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What is asked of a place: requests a second on the average and at the most, seconds for each, sizes.

    `replicas` answer at the least and `most` at the most, each with `cpu` cores and `memory` bytes, or on an
    `instance` of that type.
    """

    requests: float = 1.0
    peak: float = 0.0
    seconds: float = 0.05
    cpu: float = 0.0
    memory: int = 0
    replicas: int = 1
    most: int = 0
    instance: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """US dollars a month, from `low` to `high`, and what was assumed."""

    low: float
    high: float
    assumed: str


def read_prices(file: Path = TABLE) -> dict[str, Price]:
    """Read a table of prices, or raise `InvalidConfig` that says what is wrong with it."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        return {name: msgspec.convert(row, Price) for name, row in content.items()}
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise InvalidConfig(f"{file} is no table of prices: {error}", hint="see the one of Kervan") from error


def estimate(place: str, usage: Usage, prices: Mapping[str, Price] | None = None) -> Estimate:
    """Return what a place is likely to cost. Raises `NotFound` where the table has no price for it.

    >>> found = estimate("lambda", Usage(requests=10, seconds=0.05, memory=1 << 30))
    >>> round(found.low, 2), found.assumed.partition(";")[0]
    (27.16, '10 requests a second, 0.05 s each, 1 GiB')
    """
    table = read_prices() if prices is None else prices
    if place not in table:
        raise NotFound(f"there is no price of {place}", hint=f"write one into your own copy of {TABLE.name}")
    price = table[place]
    cpu, gib = usage.cpu or _LEAST_CPU, (usage.memory or _LEAST_MEMORY) / _GIB
    if price.instance_hour:
        return _by_machines(place, price, usage)
    if price.cpu_hour or price.gib_hour:
        hour = cpu * price.cpu_hour + gib * price.gib_hour
        most = max(usage.most, usage.replicas)
        size = f"{usage.replicas} to {most} replicas of {cpu:g} cores and {gib:g} GiB, all the time"
        return _between(hour * _HOURS * usage.replicas, hour * _HOURS * most, size, price)
    second = cpu * price.cpu_second + gib * price.gib_second
    request = price.million_requests / 1e6 + usage.seconds * second
    peak = max(usage.peak, usage.requests)
    core = f" and {cpu:g} cores" if price.cpu_second else ""
    size = f"{usage.requests:g} requests a second, {usage.seconds:g} s each, {gib:g} GiB{core}"
    return _between(usage.requests * _SECONDS * request, peak * _SECONDS * request, size, price)


def _by_machines(place: str, price: Price, usage: Usage) -> Estimate:
    if usage.instance not in price.instance_hour:
        known = ", ".join(price.instance_hour)
        raise NotFound(
            f"there is no price of {usage.instance} for {place}", hint=f"there are those of {known}"
        )
    month = price.instance_hour[usage.instance] * _HOURS
    most = max(usage.most, usage.replicas)
    return _between(
        month * usage.replicas,
        month * most,
        f"{usage.replicas} to {most} of {usage.instance}, all the time",
        price,
    )


def _between(low: float, high: float, size: str, price: Price) -> Estimate:
    where = f"prices of {price.region} as read on {price.read} at {price.source}"
    return Estimate(low=low, high=high, assumed=f"{size}; {where}; an estimate, and no offer")
