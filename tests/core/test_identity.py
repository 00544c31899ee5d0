from __future__ import annotations

import hashlib
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kervan.core.errors import InvalidInput
from kervan.core.identity import (
    Bump,
    Ref,
    Version,
    check_name,
    id_time,
    new_id,
    sha256,
    sha256_file,
    sha256_parts,
)

NUMBERS = st.integers(0, 10**6)
VERSIONS = st.builds(Version, NUMBERS, NUMBERS, NUMBERS)
LETTERS = "aZ9_ıİşŞğçö漢字نص"
NAMES = st.from_regex(rf"[aZ9ıİş漢ن][{LETTERS}.\-]{{0,127}}", fullmatch=True)


def test_ids_sort_by_the_time_of_their_making() -> None:
    made = []
    for _ in range(5):
        made += [new_id() for _ in range(200)]
        time.sleep(0.002)
    assert made == sorted(set(made))
    assert {len(ident) for ident in made} == {26}
    now = time.time()
    assert all(now - 10 < id_time(ident) < now + 10 for ident in made)


def test_ids_of_many_threads_differ() -> None:
    made: list[str] = []
    threads = [threading.Thread(target=lambda: made.extend([new_id() for _ in range(500)])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 4_000


@given(VERSIONS)
def test_versions_come_back_from_their_text(version: Version) -> None:
    assert Version.parse(str(version)) == Version.parse(f"v{version}") == version


@given(VERSIONS, VERSIONS)
def test_versions_sort_by_their_numbers(one: Version, other: Version) -> None:
    pairs = [(item.major, item.minor, item.patch) for item in (one, other)]
    assert (one < other) == (pairs[0] < pairs[1])


@given(VERSIONS, st.sampled_from(Bump))
def test_a_bump_rises_and_clears_what_is_smaller(version: Version, bump: Bump) -> None:
    risen = version.bumped(bump)
    assert risen > version
    expected = {
        Bump.PATCH: (version.major, version.minor, version.patch + 1),
        Bump.MINOR: (version.major, version.minor + 1, 0),
        Bump.MAJOR: (version.major + 1, 0, 0),
    }
    assert (risen.major, risen.minor, risen.patch) == expected[bump]
    assert Bump.PATCH < Bump.MINOR < Bump.MAJOR


@pytest.mark.parametrize(
    "text",
    ["", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.3-rc1", "1.2.x", "1.2.-3", " 1.2.3", "1.2.3\n", "1٢.0.0"],
)
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a version") as caught:
        Version.parse(text)
    assert "MAJOR.MINOR.PATCH" in caught.value.hint


@given(NAMES, VERSIONS, st.integers(1, 10**6))
def test_references_come_back_from_their_text(name: str, version: Version, number: int) -> None:
    assert Ref.parse(f"{name}@{version}") == Ref(name, str(version))
    assert Ref.parse(f"{name}:{number}") == Ref(name, str(number))
    assert Ref.parse(name) == Ref(name, None)
    assert Ref.parse(f"{name}:gold-1") == Ref(name, "gold-1")


@pytest.mark.parametrize(
    "text",
    ["", "@1.0.0", ":3", "a@", "a@1", "a:", "a:x y", "a:1.0.0", "a:-1", "a:³", "a b", "a/b", "../a", ".a",
     "_a", "-a", "a\n", "a@1.0.0:3", "a" * 129],
)  # fmt: skip
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Ref.parse(text)
    assert caught.value.hint


def test_a_number_is_read_like_people_write_it() -> None:
    assert Ref.parse("adult:003") == Ref.parse("adult:3") == Ref.parse("adult:٣")


@given(NAMES)
def test_letters_of_every_script_can_name(name: str) -> None:
    assert check_name(name, "a model") == name
    assert check_name("मॉडल", "a model") == "मॉडल"


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a\tb", "a/b", "a\\b", ".a", "-a", "_a", "a:b", "a@b", "é" * 129]
)
def test_what_can_be_no_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot name a model") as caught:
        check_name(name, "a model")
    assert "letters" in caught.value.hint


def test_one_name_typed_in_two_ways_is_one_name() -> None:
    """İ and ş can be one code point or a letter with a mark; both look the same."""
    composed, decomposed = "İş", "I\u0307s\u0327"
    assert check_name(decomposed, "a model") == composed
    assert Ref.parse(decomposed) == Ref.parse(composed)


@given(st.binary(max_size=100))
def test_hashes_are_sha256(content: bytes) -> None:
    assert sha256(content) == hashlib.sha256(content).hexdigest()


def test_a_file_has_the_hash_of_its_content(tmp_path: Path) -> None:
    content = b"x" * 2_500_000
    path = tmp_path / "şehir"
    path.write_bytes(content)
    assert sha256_file(path) == sha256(content)


@given(st.lists(st.text(max_size=3), max_size=4), st.lists(st.text(max_size=3), max_size=4))
def test_lists_of_texts_share_a_hash_only_if_they_are_equal(one: list[str], other: list[str]) -> None:
    assert (sha256_parts(one) == sha256_parts(other)) == (one == other)
