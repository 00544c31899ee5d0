"""Functions of texts: of categories, where they are looked up, and of free texts, whose words are counted.

Letters follow Unicode's rules, the same in every country: I becomes i. İ becomes i too, as in the words of a
free text, and i becomes I.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kervan.core.errors import did_you_mean
from kervan.core.expressions import Call, ExpressionError
from kervan.core.words import words
from kervan.model.features.parts import shown, text_of, unfit
from kervan.model.features.values import Kind, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from kervan.core.expressions import Node
    from kervan.model.features.parts import Parts

_DOTTED = "i\u0307"  # what Unicode makes of İ


def lower(text: str) -> str:
    """Return a text in small letters.

    >>> lower("DİYARBAKIR")
    'diyarbakir'
    """
    return text.lower().replace(_DOTTED, "i")


def _changed(parts: Parts, node: Call, change: Callable[[str], str]) -> Value:
    found = _category(parts, node.arguments[0])
    labels = tuple(dict.fromkeys(change(label) for label in found.labels))
    codes = [float(labels.index(change(label))) for label in found.labels]
    return Value(kind=Kind.CATEGORY, parts=(parts.circuit.recoded(found.parts[0], codes),), labels=labels)


def _length(parts: Parts, node: Call) -> Value:
    found = _category(parts, node.arguments[0])
    counted = [float(len(label)) for label in found.labels]
    return Value(kind=Kind.NUMBER, parts=(parts.circuit.looked_up(found.parts[0], counted),))


def _tested(parts: Parts, node: Call, test: Callable[[str, str], bool]) -> Value:
    wanted = text_of(node.arguments[1])
    found = _category(parts, node.arguments[0])
    held = [float(test(label, wanted)) for label in found.labels]
    return Value(kind=Kind.TRUTH, parts=(parts.circuit.looked_up(found.parts[0], held),))


def _contains(parts: Parts, node: Call) -> Value:
    """Whether a category holds a text, or a free text a word that is counted."""
    if parts.value(node.arguments[0]).kind is Kind.WORDS:
        counted = parts.circuit.reaches(_counted(parts, node), 1.0)
        return Value(kind=Kind.TRUTH, parts=(counted,))
    return _tested(parts, node, lambda label, wanted: wanted in label)


def _count(parts: Parts, node: Call) -> Value:
    return Value(kind=Kind.NUMBER, parts=(_counted(parts, node),))


def _counted(parts: Parts, node: Call) -> int:
    """Return how often a word is in a free text."""
    text, wanted = node.arguments
    found = parts.value(text)
    if found.kind is not Kind.WORDS:
        raise unfit(text, found, "a free text", hint="name the column in `texts` of [model]")
    written = text_of(wanted)
    word = words(written)
    if len(word) != 1 or word[0] not in found.labels:
        raise ExpressionError(
            f"the word {written!r} of {shown(text)} is not counted",
            at=wanted.at,
            hint=did_you_mean(written, found.labels),
        )
    return found.parts[found.labels.index(word[0])]


def _category(parts: Parts, node: Node) -> Value:
    found = parts.value(node)
    if found.kind is Kind.WORDS:
        raise unfit(
            node, found, "a category", hint='of a free text only words are known: count(note, "late")'
        )
    if found.kind is not Kind.CATEGORY or found.is_constant:
        raise unfit(node, found, "a category")
    return found


# What each function gives, and how many arguments it takes at least and at most.
TEXTS: dict[str, tuple[Callable[[Parts, Call], Value], int, int]] = {
    "lower": (partial(_changed, change=lower), 1, 1),
    "upper": (partial(_changed, change=str.upper), 1, 1),
    "length": (_length, 1, 1),
    "contains": (_contains, 2, 2),
    "starts_with": (partial(_tested, test=str.startswith), 2, 2),
    "ends_with": (partial(_tested, test=str.endswith), 2, 2),
    "count": (_count, 2, 2),
}
