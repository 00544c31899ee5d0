from __future__ import annotations

import copy
import pickle

import pytest

from kervan.core import errors
from kervan.core.errors import KervanError, MissingExtra, RefusedRow, did_you_mean

CLASSES = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, KervanError)]


def make(kind: type[KervanError]) -> KervanError:
    if kind is MissingExtra:
        return MissingExtra("polars", "data")
    if kind is RefusedRow:
        return RefusedRow("satır ı", row=3, field="yaş", hint="şunu yap")
    return kind("olmadı", hint="şunu yap")


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_an_error_crosses_process_borders_whole(kind: type[KervanError], protocol: int) -> None:
    error = make(kind)
    for back in (pickle.loads(pickle.dumps(error, protocol)), copy.copy(error)):
        assert type(back) is kind
        assert (str(back), vars(back)) == (str(error), vars(error))
        assert back.hint


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = [line.lstrip("│├└─ ").split()[0] for line in (errors.__doc__ or "").splitlines() if "── " in line]
    assert set(drawn) == {kind.__name__ for kind in CLASSES} - {"KervanError"}


def test_a_missing_extra_says_what_to_install() -> None:
    error = MissingExtra("polars", "data")
    assert str(error) == "polars is not installed"
    assert "pip install 'kervan[data]'" in error.hint


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("sehir", ["şehir", "yaş"], 'did you mean "şehir"?'),
        ("x", ["yaş", "şehir"], "known: yaş, şehir"),
        ("x", [], "there are none yet"),
    ],
)
def test_a_hint_names_the_nearest(name: str, known: list[str], hint: str) -> None:
    assert did_you_mean(name, known) == hint
