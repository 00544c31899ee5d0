from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kervan.core.errors import InvalidConfig, NotFound
from kervan.deploy.prices import Usage, estimate, read_prices

if TYPE_CHECKING:
    from pathlib import Path


def test_every_row_says_where_and_when_it_was_read() -> None:
    for name, price in read_prices().items():
        assert price.source.startswith("https://"), name
        assert len(price.read) == len("2026-11-30"), name
        assert price.region, name


def test_replicas_cost_by_the_hour_and_requests_by_the_second() -> None:
    tasks = estimate("ecs", Usage(cpu=1, memory=2 << 30, replicas=2, most=4))
    assert tasks.low == pytest.approx(2 * 730 * (0.04048 + 2 * 0.004445))
    assert tasks.high == pytest.approx(2 * tasks.low)
    service = estimate("cloud-run", Usage(requests=10, peak=20, seconds=0.1, cpu=1, memory=1 << 30))
    assert service.low == pytest.approx(10 * 730 * 3600 * (0.4e-6 + 0.1 * (0.000024 + 0.0000025)))
    assert service.high == pytest.approx(2 * service.low)
    machine = estimate("sagemaker", Usage(instance="ml.t3.medium", replicas=2))
    assert machine.low == machine.high == pytest.approx(73)
    assert "an estimate, and no offer" in machine.assumed


def test_nobody_invents_a_price(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no price of aci"):
        estimate("aci", Usage())
    with pytest.raises(NotFound, match=r"no price of ml\.m5\.large"):
        estimate("sagemaker", Usage(instance="ml.m5.large"))
    file = tmp_path / "prices.toml"
    file.write_text("[lambda]\nregion = 1\n")
    with pytest.raises(InvalidConfig, match="no table of prices"):
        read_prices(file)
