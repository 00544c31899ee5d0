"""What all suites share: exceptions that an adapter declares, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest


class Suite:
    """Tests of an adapter. Some cannot be passed by any honest one of a kind: those are declared.

    `exceptions` maps the name of a test to the reason why the form of this adapter cannot pass it, such as
    a text of lines without a head, which has no columns where it has no rows. Such a test is reported as
    expected to fail, with the reason; a name that is no test, or no reason, is an error.
    """

    exceptions: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture(autouse=True)
    def _declared(self, request: pytest.FixtureRequest) -> None:
        for name, reason in self.exceptions.items():
            assert hasattr(self, name), f"{name} is no test of this suite"
            assert reason.strip(), f"{name} needs a reason"
        declared = self.exceptions.get(request.function.__name__)
        if declared is not None:
            pytest.xfail(declared)
