"""What the page of estimators says of formats that are files of numbers is so; and it is whole."""

from __future__ import annotations

import re

import pytest

from kervan.core.plugins import TABLE
from package.code.tools import needing_tools

from .page import DEAR, ESTIMATORS, FILES, FORMATS, KINDS, PAGE, told, verdict

TOLD = told()
COLUMNS = FILES


def test_every_estimator_has_a_verdict_in_every_format() -> None:
    assert sorted(FORMATS) == sorted(row.name for row in TABLE if row.kind == "format")
    assert list(TOLD) == [(name, estimator) for estimator in ESTIMATORS for name in FORMATS]


def test_the_page_names_what_each_run_proves() -> None:
    text = PAGE.read_text(encoding="utf-8").partition("Every run of")[2].partition("<div")[0]
    assert re.findall("`(.*?)`", text.replace("\n", " ")) == ["make matrix", *KINDS, *DEAR]


@pytest.mark.slow
@pytest.mark.service
def test_what_the_page_says_is_so(name: str, estimator: str) -> None:
    with needing_tools():
        assert verdict(name, estimator) == TOLD[name, estimator]
