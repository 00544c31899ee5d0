"""What the page of estimators says of formats of frameworks is so."""

from __future__ import annotations

import pytest

from package.code.tools import needing_tools

from .page import ESTIMATORS, FRAMEWORKS, told, verdict

TOLD = told()


@pytest.mark.slow
@pytest.mark.service
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_what_the_page_says_is_so(name: str, estimator: str) -> None:
    with needing_tools():
        assert verdict(name, estimator) == TOLD[name, estimator]
