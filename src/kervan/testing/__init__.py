"""Conformance suites that every adapter passes, ours and others'. They need pytest.

Subclass the suite of your port in a test module, and say how to make your adapter:

    class TestXmlSource(SourceSuite):
        name = "table.xml"

        def adapter(self):
            return XmlSource()

        def write(self, table, path):
            ...
"""

import pytest

pytest.register_assert_rewrite(
    "kervan.testing.connector",
    "kervan.testing.source",
    "kervan.testing.format",
    "kervan.testing.wire",
    "kervan.testing.target",
)

from kervan.testing.connector import ConnectorSuite  # noqa: E402 - their assertions are told how to explain themselves
from kervan.testing.format import FormatSuite  # noqa: E402
from kervan.testing.source import SourceSuite  # noqa: E402
from kervan.testing.target import RenderSuite, TargetSuite  # noqa: E402
from kervan.testing.wire import WireSuite  # noqa: E402

__all__ = ["ConnectorSuite", "FormatSuite", "RenderSuite", "SourceSuite", "TargetSuite", "WireSuite"]
