"""What the Tab key offers beside commands, options and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click


def formats(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the formats that begin so; of several that are joined by commas the last is completed."""
    from kervan.core.plugins import plugins

    before, comma, begun = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in sorted(plugins("format")) if name.startswith(begun)]


def allowed_kinds(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the kinds of files that run code and begin so."""
    from kervan.package.safety.kinds import KINDS

    return [kind.name for kind in KINDS if kind.runs_code and kind.name.startswith(incomplete)]


def targets(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the targets that begin so."""
    from kervan.core.plugins import plugins

    return [name for name in sorted(plugins("target")) if name.startswith(incomplete)]
