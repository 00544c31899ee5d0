"""What is true of the formats of a package, for its manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.plugins import plugin
from kervan.package.contents.manifest import FormatFacts
from kervan.package.proving.build import requirements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.core.ports import Format


def format_facts(formats: Sequence[str]) -> tuple[FormatFacts, ...]:
    """Return what each format is, who can read it, and what scores it here."""
    return tuple(_facts(name, plugin("format", name)) for name in formats)


def _facts(name: str, adapter: Format) -> FormatFacts:
    about = adapter.about
    return FormatFacts(
        format=name,
        title=about.title,
        extension=about.extension,
        vendor=about.vendor,
        licence=about.licence,
        readers=about.readers,
        requires=requirements([name]),
    )
