"""PFA: every layer, any name, real tables, and a scorer that knows what it does not know."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from kervan.core.errors import Corrupted, Refused
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.proving.parity import compare
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.formats.pfa import FILE, PfaFormat
from kervan.package.writing.neutral.build import Builder
from kervan.package.writing.neutral.form import Form, Trees
from kervan.package.writing.neutral.score import score
from kervan.package.writing.pfa.engine import Engine
from kervan.testing.sample import fit_sample

from .code.forms import FORMS, Given, form_of, trees
from .code.test_real_tables import FAMILIES, fitted
from .test_formats_code import EVIL, evil_signature, sum_form

if TYPE_CHECKING:
    from pathlib import Path

WITHOUT_FORMULAS = ("map erf", "nearest", "nearest tied", "weighted median", "interpolate one point")
NEVER_MISSING = ("choose", "linear")  # what they give for NaN is NumPy's accident
ROWS = np.array(
    [[0.5, -1.5, 2], [np.nan, 0.1, 1], [1, np.nan, 0], [2, 1, np.nan], [-1.1, 0, 1], [1, 1, 1], [0, 0, 0]],
    dtype=np.float64,
)


def written(form: Form, folder: Path) -> dict[str, Any]:
    PfaFormat().save(Given(form), folder)
    return json.loads((folder / FILE).read_bytes())


def answers(form: Form, rows: Any, folder: Path) -> Any:
    written(form, folder)
    (predictor,) = PfaFormat().scorers(folder, form.signature).values()
    return predictor.predict(rows)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ["adult", "california"])
def test_answers_like_the_model_on_real_tables(
    family: str, name: str, data_dir: Path, tmp_path: Path
) -> None:
    model, rows = fitted(family, name, data_dir)
    PfaFormat().save(model, tmp_path)
    (predictor,) = PfaFormat().scorers(tmp_path, model.signature).values()
    found = compare(model.predict, predictor, rows, 1e-12, name="pfa", scorer="")
    assert found.parity.holds, found.parity


@pytest.mark.parametrize("name", [name for name in FORMS if name not in WITHOUT_FORMULAS])
def test_every_layer_that_formulas_can_say(name: str, tmp_path: Path) -> None:
    form = form_of(FORMS[name])
    rows = ROWS[~np.isnan(ROWS).any(axis=1)] if name in NEVER_MISSING else ROWS
    np.testing.assert_allclose(answers(form, rows, tmp_path), score(form, rows), rtol=1e-12, atol=1e-14)


def test_trees_may_ask_about_what_other_trees_give(tmp_path: Path) -> None:
    def build(builder: Builder) -> int:
        first = builder.add(trees(choosing=True, target=True))
        second = trees(choosing=False, target=False)
        place = np.where(second.place > 0, second.place - 1, second.place)
        return builder.add(
            Trees(
                sources=(builder.map(first, "tanh"),),
                place=place,
                **{
                    name: getattr(second, name)
                    for name in Trees.__dataclass_fields__
                    if name not in {"sources", "place"}
                },
            )
        )

    form = form_of(build)
    np.testing.assert_allclose(answers(form, ROWS, tmp_path), score(form, ROWS), rtol=1e-12)


def test_any_name_and_text_arrives(tmp_path: Path) -> None:
    evil = list(EVIL)
    form = sum_form(evil_signature(evil, evil, evil))
    codes = np.arange(-1, len(evil))[:, None]
    matrix = np.random.default_rng(0).permuted(np.tile(codes, (1, len(evil))), axis=0).astype(np.float64)
    np.testing.assert_allclose(answers(form, matrix, tmp_path), score(form, matrix), rtol=1e-12)


def test_fields_are_called_like_their_columns_where_that_is_allowed(tmp_path: Path) -> None:
    names = ("age", "yaş", "column_1", "2nd")
    inputs = Schema(tuple(Column(name=name, type=Type.NUMBER) for name in names))
    form = sum_form(Signature(inputs=inputs, output=Column(name="y", type=Type.NUMBER)))
    fields = written(form, tmp_path)["input"]["fields"]
    assert [field["name"] for field in fields] == ["age", "_column_1", "column_1", "column_3"]
    assert [field["doc"] for field in fields] == list(names)


def test_a_row_is_answered_with_label_and_probabilities(tmp_path: Path) -> None:
    model, signature, _ = fit_sample("tree", "multi")
    engine = Engine(written(Fitted(model, signature).form, tmp_path))
    row = {"column_0": 39.0, "column_1": None, "column_2": "Iğdır", "evli": True}
    answer = engine.answer(row)
    wanted = model.predict_proba(np.array([[39, np.nan, 2, 1]], dtype=np.float64))[0]
    assert answer["probabilities"] == dict(zip(signature.output.allowed, wanted, strict=True))
    assert answer["label"] == signature.output.allowed[int(wanted.argmax())]


def nested(levels: int) -> str:
    return '{"m.abs":' * levels + "1" + "}" * levels


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ('{"m.special.lnBeta": [1, 2]}', "m.special.lnBeta"),
        ('{"unknown": 1, "form": 2}', "unknown"),
        ("[null]", "None"),
        (nested(300), "more than 200 deep"),
        (nested(20_000), "no PFA document"),
        ('{"cell": "absent"}', "absent"),
        ('{"fcn": "u.absent"}', "absent"),
        ('"absent"', "cannot be run"),
        ('{"+": ["input", 1]}', "cannot be run"),
        ('{"+": [1]}', "cannot be run"),
    ],
)
def test_what_the_scorer_does_not_know_is_refused(action: str, message: str, tmp_path: Path) -> None:
    model, signature, matrix = fit_sample("linear", "regression")
    document = written(Fitted(model, signature).form, tmp_path)
    text = json.dumps({**document, "action": "?"}).replace('"action": "?"', f'"action": {action}')
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(Corrupted, match=message) as caught:
        PfaFormat().scorers(tmp_path, signature)[""].predict(matrix)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("double", "1"),
        ("bytes", "1"),
        ({"type": "enum", "name": "E"}, "1"),
        (["null", "double"], {"string": "1"}),
        (["double"], None),
        ({"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}, {}),
    ],
)
def test_a_cell_that_is_not_of_its_type_is_refused(kind: Any, value: Any, tmp_path: Path) -> None:
    model, signature, _ = fit_sample("linear", "regression")
    document = written(Fitted(model, signature).form, tmp_path)
    document["cells"]["wrong"] = {"type": kind, "init": value}
    (tmp_path / FILE).write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(Corrupted):
        PfaFormat().scorers(tmp_path, signature)


def test_a_document_of_other_columns_is_refused(tmp_path: Path) -> None:
    model, signature, _ = fit_sample("linear", "regression")
    PfaFormat().save(Fitted(model, signature), tmp_path)
    other = Signature(inputs=Schema(signature.inputs.columns[::-1]), output=signature.output)
    with pytest.raises(Corrupted, match="other columns"):
        PfaFormat().scorers(tmp_path, other)


def test_a_tree_that_is_too_deep_is_refused(tmp_path: Path) -> None:
    levels = 101
    nodes = 2 * levels + 1
    inner = np.arange(nodes) % 2 == 0
    inner[-1] = False
    left = np.where(inner, np.arange(nodes) + 1, 0)
    layer = Trees(
        sources=(0,),
        roots=np.zeros(1, np.int64),
        place=np.where(inner, 0, -1),
        threshold=np.arange(nodes, dtype=np.float64),
        left=left,
        right=np.where(inner, np.arange(nodes) + 2, 0),
        missing_left=np.zeros(nodes, bool),
        members=np.full(nodes, -1),
        sets=(),
        leaves=np.array([[1.0]]),
        base=np.zeros(1),
    )
    with pytest.raises(Refused, match="100 levels"):
        PfaFormat().save(Given(form_of(lambda builder: builder.add(layer))), tmp_path)
    assert not list(tmp_path.iterdir())
