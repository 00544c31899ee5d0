"""Families of distributions: right on samples whose family is known, silent on those that have none."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.families import FAMILIES, told
from scipy import special, stats

from kervan.data.profile.families.choose import family_of
from kervan.data.profile.families.fit import digamma, trigamma


@pytest.mark.parametrize("name", FAMILIES)
def test_samples_of_each_family_are_told_right(name: str) -> None:
    said = told(FAMILIES[name], samples=40)
    assert said[name] >= 38, said


def test_what_fits_no_family_is_said() -> None:
    dice = np.random.default_rng(0)
    jagged = np.sort(np.concatenate([dice.uniform(0, 1, 800), np.full(900, 0.3), np.full(700, 0.9)]))
    found = family_of(jagged, is_whole=False, distinct=802)
    assert found is not None
    assert (found.name, found.parameters) == ("other", ())
    few = np.arange(10.0)
    assert family_of(few, is_whole=True, distinct=10) is None
    constant = family_of(np.ones(100), is_whole=True, distinct=1)
    assert constant is not None
    assert constant.name == "constant"


def test_parameters_and_distance_are_those_of_scipy() -> None:
    values = np.sort(np.random.default_rng(1).gamma(3.0, 2.0, 5000))
    found = family_of(values, is_whole=False, distinct=5000)
    assert found is not None
    shape, _, scale = stats.gamma.fit(values, floc=0)
    assert dict(found.parameters) == pytest.approx({"shape": shape, "scale": scale}, rel=1e-4)
    distance = stats.kstest(values, stats.gamma(shape, scale=scale).cdf).statistic
    assert found.distance == pytest.approx(distance, abs=2e-3)


def test_special_functions_are_those_of_scipy() -> None:
    for x in (0.05, 0.7, 1.0, 3.3, 12.0, 400.0):
        assert digamma(x) == pytest.approx(special.digamma(x), rel=1e-9)
        assert trigamma(x) == pytest.approx(special.polygamma(1, x), rel=1e-8)
