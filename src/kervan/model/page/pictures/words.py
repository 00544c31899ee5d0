"""How pictures are told: `say` puts words in a language."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kervan.draw import Scale
from kervan.draw.chart import spread_of

if TYPE_CHECKING:
    from collections.abc import Sequence

Say = Callable[..., str]


def in_english(text: str, **values: object) -> str:
    """Say a text as it is written, with its values."""
    return text.format(**values)


def axis(values: Sequence[float], name: str, room: float = 0.06) -> Scale:
    """Return an axis that shows all values, with a little room."""
    low, high = spread_of(values, room)
    return Scale(low=low, high=high, name=name)
