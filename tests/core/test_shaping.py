"""Steps as they are written in `kervan.toml`."""

from __future__ import annotations

from pathlib import Path

import pytest

from kervan.core.errors import InvalidConfig
from kervan.core.loading import load_config
from kervan.core.shaping import VERBS, Filter, Rename, RowStep, told, verb_of


def read(folder: Path, text: str) -> tuple[object, ...]:
    (folder / "kervan.toml").write_text(text, encoding="utf-8")
    return load_config(folder, environ={}).data.steps


def test_a_step_is_known_by_its_verb(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        '[[data.steps]]\nrename = { "I\u0307l" = "il" }\n[[data.steps]]\nfilter = "a > 1"\n'
        '[[data.steps]]\nfill = ["a"]\nvalue = 0\n[[data.steps]]\nfill = ["b"]\nvalue = "x"\n',
    )
    assert found == (
        Rename(rename={"İl": "il"}),
        Filter(filter="a > 1"),
        RowStep(fill=("a",), value=0.0),
        RowStep(fill=("b",), value="x"),
    )


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_names_its_step(verb: str) -> None:
    kind = VERBS[verb]
    step = RowStep(fill=("a",), value=0) if verb == "fill" else RowStep(clip=("a",), least=0)
    if kind is not RowStep:
        step = kind(
            **{name: "a" for name in kind.__dataclass_fields__ if name in {verb, "values", "into"}},
            **_more(verb),
        )
    assert verb_of(step) == verb
    assert told(step).startswith(verb)


def _more(verb: str) -> dict[str, object]:
    return {
        "extract": {"pattern": "a"},
        "aggregate": {"by": ("a",)},
        "window": {"by": ("a",), "at": "a"},
        "pivot": {"by": ("a",)},
    }.get(verb, {})


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[[data.steps]]\nrenam = {}", "no such step", '"rename"'),
        ('[[data.steps]]\nfilter = "a"\ndrop = ["x"]', "one verb, not drop and filter", "two steps"),
        ("[[data.steps]]\nfilter = 3", "is not a text", "quotes"),
        ('[[data.steps]]\npivot = "a"', "'values' is missing", "values"),
        ("[data]\nsteps = [3]", "no such step", "known"),
        ('[[data.steps]]\nfill = ["a"]', "say what to fill with", "median"),
        ('[[data.steps]]\nfill = ["a"]\nby = "magic"', "none of mean", ""),
        ('[[data.steps]]\nfill = ["a"]\nvalue = 1\nleast = 2', "fills and clips", "two steps"),
        ('[[data.steps]]\nclip = ["a"]', "between what", "quantiles"),
        ('[[data.steps]]\nclip = ["a"]\nquantiles = [0.9, 0.1]', "no two quantiles", ""),
        ('[[data.steps]]\nclip = ["a"]\nleast = 5\nmost = 1', "no range", ""),
        (
            '[[data.steps]]\nfill = ["a"]\nvalue = 1\n[[data.steps]]\ndrop = ["x"]',
            "after a step that is part of the model",
            "last",
        ),
    ],
)
def test_a_step_that_cannot_be_is_refused(tmp_path: Path, text: str, message: str, hint: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)
    assert hint in (caught.value.hint or "")


def test_a_limit_that_is_no_number_is_refused() -> None:
    with pytest.raises(InvalidConfig, match="clip a from nan: nan is no limit"):
        RowStep(clip=("a",), least=float("nan"))
