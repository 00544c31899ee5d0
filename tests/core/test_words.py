"""Words are the same whoever writes them, and wherever they are counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kervan.core.words import LONGEST, vocabulary, words


@given(st.text())
def test_words_are_their_own_words(text: str) -> None:
    found = words(text)
    assert words(" ".join(found)) == found
    assert all(0 < len(word) <= LONGEST and not word.isspace() for word in found)


@given(st.text(alphabet="abcçdefgğhijklmnoöprsştuüvyzqwxàéñßжλ .,!"))
def test_upper_and_lower_case_are_one(text: str) -> None:
    assert words(text.upper()) == words(text)


@given(st.lists(st.text(alphabet=st.characters(categories=("L", "N")), min_size=1, max_size=5)))
def test_blanks_part_words_and_nothing_else_does(parts: list[str]) -> None:
    assert words("\t\n ".join(parts)) == [word for part in parts for word in words(part)]


def test_turkish_words_stay_whole() -> None:
    assert words("İSTANBUL istanbul İstanbul'DA") == ["istanbul", "istanbul", "istanbul", "'", "da"]
    assert words("ILIK ılık") == ["ilik", "ılık"]  # which i is meant, a text alone does not say
    assert words("ŞEKER şeker s\u0327eker") == ["şeker"] * 3  # composed or not


def test_signs_and_pictures_are_words_of_their_own() -> None:
    assert words("çok iyi!! 👍🏽") == ["çok", "iyi", "!", "!", "👍", "🏽"]
    assert words("नमस्ते ﬁyat ２") == ["नमस्ते", "fiyat", "2"]
    assert words("") == words(" \u00a0\n") == []
    assert words("x" * (LONGEST + 1) + " y") == ["y"]


def test_a_vocabulary_holds_what_the_most_texts_hold() -> None:
    texts = ["a a a b", "b c", "c b", None, ""]
    assert vocabulary(texts) == ("b", "c")
    assert vocabulary(texts, most=1) == ("b",)
    assert vocabulary(["a", "a"] + ["b"] * 5_000) == ("b",)
    assert vocabulary([]) == ()
