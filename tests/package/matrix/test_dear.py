"""What the page says of formats that compile or start a program is so, for estimators of each kind."""

from __future__ import annotations

import pytest

from package.code.tools import needing_tools

from .page import DEAR, KINDS, told, verdict

TOLD = told()


@pytest.mark.slow
@pytest.mark.service
@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize("estimator", KINDS)
@pytest.mark.parametrize("name", DEAR)
def test_what_the_page_says_is_so(name: str, estimator: str) -> None:
    with needing_tools():
        assert verdict(name, estimator) == TOLD[name, estimator]
