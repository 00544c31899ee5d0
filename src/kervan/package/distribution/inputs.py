"""What a wheel needs to take dates, times and texts as people write them: two more modules of Python."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import kervan.core.words
from kervan.core.schema import Type
from kervan.package.encoding import days_of, encoded_parts, moment_of
from kervan.package.writing.code.text import fill

if TYPE_CHECKING:
    from kervan.core.schema import Signature

MODULE = "_inputs"


def write_inputs(signature: Signature) -> dict[str, str]:
    """Return the modules by their file names; none where all columns are numbers and categories."""
    dates: dict[str, tuple[str, ...]] = {}
    times: dict[str, tuple[str, ...]] = {}
    texts: dict[str, dict[str, str]] = {}
    for column, parts in encoded_parts(signature):
        names = tuple(part.name for part in parts)
        if column.type is Type.DATE:
            dates[column.name] = names
        elif column.type is Type.DATETIME:
            times[column.name] = names
        elif column.type is Type.TEXT:
            texts[column.name] = dict(zip(column.words, names, strict=True))
    if not (dates or times or texts):
        return {}
    slots = {
        "dates": repr(dates),
        "times": repr(times),
        "texts": repr(texts),
        "nullable": repr({column.name for column in signature.inputs if column.nullable} or frozenset()),
        "days_of": inspect.getsource(days_of),
        "moment_of": inspect.getsource(moment_of),
    }
    return {
        f"{MODULE}.py": fill("inputs.py.txt", slots),
        "_words.py": inspect.getsource(kervan.core.words),
    }
