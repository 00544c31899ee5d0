"""What the page says of formats that compile or start a program is so, for estimators of each kind."""

from __future__ import annotations

import pytest

from package.code.tools import needing_tools

from .page import DEAR, told, verdict

TOLD = told()
COLUMNS = DEAR


@pytest.mark.slow
@pytest.mark.service
@pytest.mark.usefixtures("spark")
def test_what_the_page_says_is_so(name: str, estimator: str) -> None:
    with needing_tools():
        assert verdict(name, estimator) == TOLD[name, estimator]
