"""How far something is: lines in a terminal, a bar in a notebook."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kervan.app.project import Stage

_COUNT = re.compile(r"(\d+) of (\d+)")


def observer(wanted: bool | None) -> Callable[[Stage], None]:
    """Return what shows progress, where it is wanted; None stands for where somebody looks."""
    if wanted is False or (wanted is None and not hasattr(sys, "ps1") and not is_notebook()):
        return lambda _: None
    return in_notebook() if is_notebook() else in_lines


def is_notebook() -> bool:
    """Say whether this runs in a cell of a notebook; that somebody imported its library is not enough."""
    library = sys.modules.get("IPython")
    return library is not None and hasattr(library.get_ipython(), "kernel")


def in_lines(stage: Stage) -> None:
    """Write a line for each stage on the standard error."""
    sys.stderr.write(f"{stage.text}\n")


def in_notebook() -> Callable[[Stage], None]:
    """Return what shows one bar below the cell, with the last stage beside it and remarks under it."""
    from IPython.display import HTML, display

    shown: dict[str, Any] = {}
    remarks: list[str] = []

    def observe(stage: Stage) -> None:
        if stage.seconds is None:
            remarks.append(f"{stage.name}: {stage.detail}")
        page = HTML(bar(stage, remarks))
        cell = _cell()
        if shown.get("cell") == cell:
            shown["handle"].update(page)
        else:
            remarks[:-1] = []
            shown.update(cell=cell, handle=display(page, display_id=True))

    return observe


def bar(stage: Stage, remarks: list[str]) -> str:
    """Return a bar as HTML: as far as the stage counts, and full where it does not.

    >>> from kervan.app.project import Stage
    >>> bar(Stage(name="fit", detail="1 of 4", seconds=0.5), [])
    '<progress max="4" value="1"></progress> fit: 1 of 4'
    """
    counted = _COUNT.search(stage.detail)
    done, total = counted.groups() if counted else ("1", "1")
    told = "".join(f"<br><small>{escape(each)}</small>" for each in remarks)
    text = escape(f"{stage.name}: {stage.detail}")
    return f'<progress max="{total}" value="{done}"></progress> {text}{told}'


def _cell() -> object:
    from IPython import get_ipython

    shell = get_ipython()
    return None if shell is None else shell.execution_count
