"""The words of a free text, the same in training and in production."""

from __future__ import annotations

import re
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING
from unicodedata import category, normalize

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST = 40  # letters: what is longer is no word but a key, an address or an attachment
MOST_WORDS = 300
_ASCII = re.compile(r"[a-z0-9]+|[^a-z0-9\s]")
_DOTTED = "i\u0307"  # what case folding makes of İ


def words(text: str) -> list[str]:
    """Return the words of a text in order: runs of letters, marks and digits; any other sign is one alone.

    Compatibility forms and upper and lower case are one (Unicode's NFKC and case folding), and İ is i.

    >>> words("İstanbul'da 2 gün, ŞAHANE! 🎉")
    ['istanbul', "'", 'da', '2', 'gün', ',', 'şahane', '!', '🎉']
    """
    folded = normalize("NFKC", normalize("NFKC", text).casefold())
    if folded.isascii():
        found = _ASCII.findall(folded)
    else:
        runs = [(kind, "".join(run)) for kind, run in groupby(folded.replace(_DOTTED, "i"), _kind) if kind]
        found = [word for kind, run in runs for word in ([run] if kind == "word" else run)]
    return [word for word in found if len(word) <= LONGEST]


def vocabulary(texts: Iterable[str | None], most: int = MOST_WORDS) -> tuple[str, ...]:
    """Return the words that the most texts hold, at least two of them and one in a thousand, sorted.

    >>> vocabulary(["İyi", "iyi değil", None, "kötü"])
    ('iyi',)
    """
    holding: Counter[str] = Counter()
    count = 0
    for text in texts:
        count += 1
        holding.update(set(words(text or "")))
    least = max(2, count / 1000)
    usual = sorted(word for word in holding if holding[word] >= least)
    return tuple(sorted(sorted(usual, key=holding.__getitem__, reverse=True)[:most]))


def _kind(letter: str) -> str:
    """Return "word" for a part of a word, "sign" for a sign, "" for what stands between words."""
    if letter.isspace():
        return ""
    return "word" if category(letter)[0] in "LMN" else "sign"
