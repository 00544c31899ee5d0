"""H2O: a class and a file that its own scorer takes for its models, whoever trained them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from kervan.core.errors import Corrupted, MissingExtra
from kervan.core.plugins import plugin
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.formats.pojo import PojoFormat
from kervan.package.h2o.pojo import FILE as POJO
from kervan.package.neutral.build import Builder
from kervan.package.neutral.form import Form
from kervan.package.neutral.score import score
from kervan.package.parity import compare

from .code.forms import Given, together
from .code.test_real_tables import fitted
from .code.tools import needing_tools
from .test_formats_code import EVIL, evil_signature, sum_form

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.core.ports import Predictor
    from kervan.package.fitted import Fitted


def written(name: str, model: Any, folder: Path) -> Predictor:
    """Write a model in a format of H2O's; return H2O's own scorer of it."""
    plugin("format", name).save(model, folder)
    with needing_tools():
        (predictor,) = plugin("format", name).scorers(folder, model.signature).values()
    return predictor


def assert_alike(name: str, model: Fitted, rows: Any, folder: Path) -> None:
    tolerance = plugin("format", name).about.tolerance
    found = compare(model.predict, written(name, model, folder), rows, tolerance, name=name, scorer="")
    assert found.parity.holds, found


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("family", "name"),
    [("boosting", "adult"), ("perceptron regression", "california")],
)
def test_a_pojo_answers_like_the_model_on_real_tables(
    family: str, name: str, data_dir: Path, tmp_path: Path
) -> None:
    model, rows = fitted(family, name, data_dir)
    assert_alike("pojo", model, rows, tmp_path)


def test_a_pojo_can_do_what_java_can(tmp_path: Path) -> None:
    form = together()
    rows = np.random.default_rng(0).normal(0, 2, (300, len(form.signature.inputs))).astype(np.float32)
    rows[::7, 0] = np.nan
    answers = written("pojo", Given(form), tmp_path).predict(rows)
    np.testing.assert_allclose(answers, score(form, rows), rtol=4e-15, atol=1e-300)


def test_no_text_ends_a_literal_or_a_comment_of_a_pojo(tmp_path: Path) -> None:
    signature = evil_signature(list(EVIL), list(EVIL), list(EVIL))
    form = sum_form(signature)
    codes = np.tile(np.arange(-1, len(EVIL))[:, None], (1, len(EVIL))).astype(np.float32)
    rows = np.vstack([codes, np.random.default_rng(0).permuted(codes, axis=0)])
    answers = written("pojo", Given(form), tmp_path).predict(rows)
    np.testing.assert_allclose(answers, score(form, rows), rtol=1e-12)


def test_a_pojo_takes_more_than_64_kilobytes_of_texts_and_calls(tmp_path: Path) -> None:
    many = tuple(f"kategori {at}" for at in range(9_000))
    inputs = [Column(name=f"x{at}", type=Type.NUMBER) for at in range(120)]
    columns = (*inputs, Column(name="c", type=Type.CATEGORY, allowed=many))
    signature = Signature(inputs=Schema(columns), output=Column(name="y", type=Type.NUMBER))
    builder, random = Builder(signature), np.random.default_rng(0)
    value = builder.linear(0, random.normal(size=(1, len(columns))), 0.0)
    for _ in range(700):
        value = builder.linear(value, [[1.0]], random.normal(size=1))
    form = Form(signature=signature, layers=tuple(builder.layers))
    rows = np.vstack([np.arange(121.0), np.full(121, 8_999), np.full(121, -1)]).astype(np.float32)
    answers = written("pojo", Given(form), tmp_path).predict(rows)
    np.testing.assert_allclose(answers, score(form, rows), rtol=1e-10)


def test_a_class_that_does_not_compile_is_corrupted(tmp_path: Path) -> None:
    form = together()
    PojoFormat().save(Given(form), tmp_path)
    text = (tmp_path / POJO).read_text(encoding="utf-8")
    (tmp_path / POJO).write_text(text[:-10], encoding="utf-8")
    with needing_tools(), pytest.raises(Corrupted, match="javac"):
        PojoFormat().scorers(tmp_path, form.signature)


def test_a_model_written_twice_is_the_same_and_another_has_another_name(tmp_path: Path) -> None:
    texts = []
    for at, form in enumerate((together(), together(), sum_form(evil_signature(["a"], ["b"], ["c", "d"])))):
        (tmp_path / str(at)).mkdir()
        PojoFormat().save(Given(form), tmp_path / str(at))
        texts.append((tmp_path / str(at) / POJO).read_text(encoding="utf-8"))
    names = [next(line for line in text.splitlines() if 'return "' in line) for text in texts]
    assert texts[0] == texts[1]
    assert names[1] != names[2]


def test_without_h2o_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    form = together()
    PojoFormat().save(Given(form), tmp_path)
    monkeypatch.setitem(sys.modules, "h2o", None)
    with pytest.raises(MissingExtra) as caught:
        PojoFormat().scorers(tmp_path, form.signature)
    assert caught.value.hint == "pip install 'kervan[h2o]'"
