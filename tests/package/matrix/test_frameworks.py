"""What the page of estimators says of formats of frameworks is so."""

from __future__ import annotations

import pytest

from package.code.tools import needing_tools

from .page import FRAMEWORKS, told, verdict

TOLD = told()
COLUMNS = FRAMEWORKS


@pytest.mark.slow
@pytest.mark.service
def test_what_the_page_says_is_so(name: str, estimator: str) -> None:
    with needing_tools():
        assert verdict(name, estimator) == TOLD[name, estimator]
