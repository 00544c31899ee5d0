"""Names beside dots: each where it covers no other one, or nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LETTER, _LINE, _DOT = 6.2, 11.0, 4.0  # of the pictures' letters, and half a dot
# How far from the dot a name begins, ends or has its middle, the best place first.
_PLACES = (
    (8, 4, "start"),
    (-8, 4, "end"),
    (0, -8, "middle"),
    (0, 17, "middle"),
    (6, -7, "start"),
    (6, 15, "start"),
    (-6, -7, "end"),
    (-6, 15, "end"),
    (0, -20, "middle"),
    (0, 29, "middle"),
)


@dataclass(frozen=True, slots=True)
class _Box:
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: _Box) -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def lies_in(self, other: _Box) -> bool:
        across = other.left <= self.left and self.right <= other.right
        return across and other.top <= self.top and self.bottom <= other.bottom


def names(
    named: Sequence[tuple[float, float, str]],
    dots: Sequence[tuple[float, float]],
    frame: tuple[float, float, float, float],
) -> Markup:
    """Write names beside their places (x, y), the first ones first; none meets another or one of the dots.

    `frame` are the left, top, right and bottom end of the picture. A name that finds no place is left out.
    """
    taken = [_Box(x - _DOT, y - _DOT, x + _DOT, y + _DOT) for x, y in dots]
    drawn = []
    for x, y, text in named:
        for at, anchor, box in _tries(x, y, text):
            if box.lies_in(_Box(*frame)) and not any(box.meets(other) for other in taken):
                taken.append(box)
                drawn.append(
                    Markup('<text class="name near" x="{}" y="{}" text-anchor="{}">{}</text>').format(
                        f"{at[0]:.1f}", f"{at[1]:.1f}", anchor, text
                    )
                )
                break
    return Markup("").join(drawn)


def _tries(x: float, y: float, text: str) -> Iterator[tuple[tuple[float, float], str, _Box]]:
    wide = _LETTER * len(text)
    for right, down, anchor in _PLACES:
        at = (x + right, y + down)
        left = at[0] - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
        yield at, anchor, _Box(left, at[1] - _LINE + 2, left + wide, at[1] + 2)
