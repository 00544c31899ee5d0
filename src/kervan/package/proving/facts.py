"""What is true of the formats of a package, for its manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.plugins import plugin
from kervan.package.contents.manifest import FormatFacts
from kervan.package.proving.build import requirements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kervan.core.ports import Format


def format_facts(formats: Sequence[str], called: Mapping[str, str] | None = None) -> tuple[FormatFacts, ...]:
    """Return what each format is, who can read it, and what scores it here.

    `called` are the distributions that functions of the user's need besides, with their versions.
    """
    return tuple(_facts(name, plugin("format", name), called or {}) for name in formats)


def _facts(name: str, adapter: Format, called: Mapping[str, str]) -> FormatFacts:
    about = adapter.about
    return FormatFacts(
        format=name,
        title=about.title,
        extension=about.extension,
        vendor=about.vendor,
        licence=about.licence,
        readers=about.readers,
        requires=requirements([name]) | (dict(called) if about.holds_functions else {}),
    )
