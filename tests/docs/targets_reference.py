"""Writes the table of targets into the reference: `python tests/docs/targets_reference.py`."""

from __future__ import annotations

from pathlib import Path

from kervan.core.plugins import TABLE, plugin

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "targets.md"
HEAD = "| target | is | strategies | applied by | files checked by | seen |\n|---|---|---|---|---|---|\n"


def names() -> list[str]:
    """Return the targets that come with Kervan, in order."""
    return sorted(row.name for row in TABLE if row.kind == "target")


def table() -> str:
    """Return the table, as the targets tell of themselves."""
    return HEAD + "".join(_row(name) for name in names())


def _row(name: str) -> str:
    about = plugin("target", name).about
    by = about.tool if about.applies or not about.tool else f"you: {about.tool}"
    cells = (
        f"`{name}`",
        about.title,
        ", ".join(about.strategies),
        by or "Kervan",
        about.checked,
        about.proved,
    )
    return "| " + " | ".join(cells) + " |\n"


def page(text: str) -> str:
    """Return the page with its table as it should be."""
    before, _, rest = text.partition(HEAD.splitlines()[0])
    lines = rest.splitlines(keepends=True)
    after = next((number for number, line in enumerate(lines[1:], 1) if not line.startswith("|")), len(lines))
    return before + table() + "".join(lines[after:])


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
