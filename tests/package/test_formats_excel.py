"""Workbooks: every layer, any name, real tables, limits, and what somebody sees who types into one."""

from __future__ import annotations

import re
import subprocess
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
from sklearn.ensemble import (
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
    StackingRegressor,
)
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge

from kervan.core.errors import Corrupted, MissingTool, Refused
from kervan.core.ports import Precision
from kervan.core.schema import Column, Schema, Signature, Type, Unseen
from kervan.package.encoding import held
from kervan.package.proving.parity import compare, nasty_rows
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.formats.excel import FILE, ExcelFormat, write_workbook
from kervan.package.writing.formats.excel_calc import SheetPredictor, find_office
from kervan.package.writing.neutral.build import Builder
from kervan.package.writing.neutral.form import Equal, Form
from kervan.package.writing.neutral.score import score
from kervan.package.writing.scalar.excel import write_sheets
from kervan.testing.sample import fit_sample

from .code.forms import FORMS, Given, form_of, signature_of
from .code.tools import needing_tools
from .neutral.rows import fit
from .test_formats_code import EVIL, evil_signature, sum_form

if TYPE_CHECKING:
    from pathlib import Path

WITHOUT_FORMULAS = ("map erf", "nearest", "nearest tied", "weighted median", "interpolate one point")
NEVER_MISSING = ("choose", "linear")  # what they give for NaN is NumPy's accident
IN_FLOAT32 = ("map round32", "arithmetic divide")  # a sheet has no float32, and no infinite number
ROWS = np.array(
    [
        [0.5, -1.5, 2],
        [np.nan, 0.125, 1],
        [1, np.nan, 3],
        [2, 1, np.nan],
        [-1.25, 0.5, 1],
        [1, 1, 1],
        [3, 2, 1],
    ],
    dtype=np.float64,
)
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def answers(model: Any, rows: Any, folder: Path) -> Any:
    ExcelFormat().save(model, folder)
    with needing_tools():
        (predictor,) = ExcelFormat().scorers(folder, model.signature).values()
    return predictor.predict(rows)


def assert_alike(model: Fitted, rows: Any, folder: Path) -> None:
    ExcelFormat().save(model, folder)
    with needing_tools():
        (predictor,) = ExcelFormat().scorers(folder, model.signature).values()
    rows = held(np.asarray(rows), Precision.DIGITS)
    found = compare(model.predict, predictor, rows, 1e-12, name="excel", scorer="")
    assert found.parity.holds, found.parity


@pytest.fixture(scope="module")
def choices() -> tuple[Signature, Any, Any]:
    """Rows with categories that trees choose among, missing ones and unseen ones too."""
    texts = ("Ankara", "İzmir", "Iğdır", "Ağrı", "Kars", "Muş", "Van")
    inputs = Schema(
        (
            Column(name="boy", type=Type.NUMBER, nullable=True),
            Column(name="il", type=Type.CATEGORY, allowed=texts, nullable=True),
            Column(name="kod", type=Type.INTEGER),
        )
    )
    random = np.random.default_rng(0)
    matrix = np.column_stack(
        [random.normal(size=600), random.integers(-1, len(texts), 600), random.integers(0, 9, 600)]
    ).astype(np.float64)
    matrix[::11, 0] = np.nan
    truth = np.nan_to_num(matrix[:, 0]) + matrix[:, 1] % 3 + (matrix[:, 2] % 4) / 2
    return Signature(inputs=inputs, output=Column(name="y", type=Type.NUMBER)), matrix, truth


@pytest.mark.parametrize("classes", [0, 3])
def test_large_ensembles_become_a_list_of_nodes(
    classes: int, choices: tuple[Signature, Any, Any], tmp_path: Path
) -> None:
    signature, matrix, truth = choices
    kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    if classes:
        output = Column(name="y", type=Type.CATEGORY, allowed=("az", "orta", "çok"))
        signature, truth = replace(signature, output=output), np.digitize(truth, [1, 2])
    estimator = kind(max_iter=40, categorical_features=[1, 2], random_state=0)
    model = Fitted(estimator.fit(matrix.astype(float), truth), signature)
    rows = nasty_rows(matrix[:40], signature, seed=0, splits=model.splits())
    assert_alike(model, rows[:: len(rows) // 150], tmp_path)
    assert "children of codes" in titles(tmp_path / FILE, 6)


def test_trees_over_trees_are_walked_one_after_the_other(
    choices: tuple[Signature, Any, Any], tmp_path: Path
) -> None:
    signature, matrix, truth = choices
    rows = np.nan_to_num(matrix)
    forest = RandomForestRegressor(20, max_depth=8, random_state=0)
    stack = StackingRegressor(
        [("forest", forest), ("line", Ridge())], HistGradientBoostingRegressor(max_iter=30), cv=2
    )
    model = Fitted(stack.fit(rows.astype(float), truth), signature)
    assert_alike(model, rows[:80], tmp_path)
    assert titles(tmp_path / FILE, 6).count("node") == 2


def test_a_typed_number_takes_the_branch_of_itself(
    choices: tuple[Signature, Any, Any], tmp_path: Path
) -> None:
    """Where boosting splits on the very numbers that somebody types, and trees on their float32."""
    signature, _, _ = choices
    inputs = Schema(signature.inputs.columns[:1])
    typed = (np.arange(200) / 10)[:, None]
    estimator = ExtraTreesRegressor(30, random_state=0).fit(typed, np.arange(200.0) % 17)
    thresholds = [tree.tree_.threshold for tree in estimator.estimators_]
    for threshold in thresholds:  # on the numbers themselves
        threshold[threshold > 0] = typed[np.searchsorted(typed[:, 0], threshold[threshold > 0]) - 1, 0]
    model = Fitted(estimator, replace(signature, inputs=inputs))
    ExcelFormat().save(model, tmp_path)
    with needing_tools():
        (predictor,) = ExcelFormat().scorers(tmp_path, model.signature).values()
    assert "node" in titles(tmp_path / FILE, 6)
    np.testing.assert_allclose(predictor.predict(typed), model.predict(typed), rtol=1e-12)


def titles(path: Path, number: int) -> list[str]:
    """Return the first row of a sheet of texts."""
    with zipfile.ZipFile(path) as book:
        shared = ["".join(entry.itertext()) for entry in Xml.fromstring(book.read("xl/sharedStrings.xml"))]
        row = next(Xml.fromstring(book.read(f"xl/worksheets/sheet{number}.xml")).iter(f"{SHEET}row"))
    return [shared[int(cell.findtext(f"{SHEET}v") or 0)] for cell in row if cell.get("t") == "s"]


def joined(names: list[str]) -> Form:
    def build(builder: Builder) -> int:
        return builder.join([FORMS[name](builder) for name in names])

    return form_of(build)


def test_every_layer_that_formulas_can_say(tmp_path: Path) -> None:
    names = [name for name in FORMS if name not in WITHOUT_FORMULAS + IN_FLOAT32 + NEVER_MISSING]
    assert len(names) > 30
    form = joined(names)
    wanted, found = score(form, ROWS), answers(Given(form), ROWS, tmp_path)
    finite = np.isfinite(wanted) & (np.abs(wanted) < 1e300)
    np.testing.assert_allclose(found[finite], wanted[finite], rtol=1e-12, atol=1e-14)
    assert np.isnan(found[np.isnan(wanted)]).all()


def test_layers_that_see_no_missing_value(tmp_path: Path) -> None:
    form, rows = joined(list(NEVER_MISSING)), ROWS[~np.isnan(ROWS).any(axis=1)]
    np.testing.assert_allclose(
        answers(Given(form), rows, tmp_path), score(form, rows), rtol=1e-12, atol=1e-14
    )


def test_any_name_and_text_arrives(tmp_path: Path) -> None:
    evil = [text for text in EVIL if not re.search("[\x00-\x08\x0b-\x1f]", text)]
    evil += [
        "two\nlines",
        "a\ttab",
        "=1+1",
        "+1",
        "@A1",
        "_x0041_",
        "A",
        "a",
        "TRUE",
        "1e5",
        "0010",
        "#N/A",
        "ﬁ" * 300,
    ]
    form = sum_form(evil_signature(evil, evil, evil))
    codes = np.arange(-1, len(evil))[:, None]
    matrix = np.random.default_rng(0).permuted(np.tile(codes, (1, len(evil))), axis=0).astype(np.float64)
    np.testing.assert_allclose(answers(Given(form), matrix, tmp_path), score(form, matrix), rtol=1e-12)


def test_numbers_are_told_apart_that_differ_in_the_fourteenth_digit(tmp_path: Path) -> None:
    """Beyond, spreadsheets take numbers for equal: a row has as many digits as they surely tell apart."""
    model, signature, matrix = fit_sample("tree", "binary")
    splits = held(Fitted(model, signature).splits()[1], Precision.DIGITS)
    near = [held(splits * (1 + away), Precision.DIGITS) for away in (1.1e-13, -1.1e-13)]
    rows = np.repeat(matrix[:1], 3 * len(splits), axis=0)
    rows[:, 1] = np.concatenate([splits, *near])
    assert_alike(Fitted(model, signature), rows, tmp_path)


def test_a_number_nearer_to_zero_than_cells_hold_is_told_from_zero(tmp_path: Path) -> None:
    """What is above 0 is at least 5e-324, which a spreadsheet takes for an error."""
    model, matrix = fit("BernoulliNB", "multi", 100)
    assert_alike(model, matrix[100:150], tmp_path)


def test_categories_are_compared_letter_by_letter(tmp_path: Path) -> None:
    allowed = ("A", "a", "İ", "i", "I", "ı")
    inputs = Schema((Column(name="c", type=Type.CATEGORY, allowed=allowed),))
    form = sum_form(Signature(inputs=inputs, output=Column(name="y", type=Type.NUMBER)))
    rows = np.arange(-1, 6, dtype=np.float64)[:, None]
    found = answers(Given(form), rows, tmp_path)
    np.testing.assert_allclose(found, score(form, rows), rtol=1e-12)
    assert len(set(found.ravel())) == 7


def sheet(path: Path, number: int) -> Xml.Element:
    with zipfile.ZipFile(path) as book:
        return Xml.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))


def test_the_inputs_say_what_they_take(tmp_path: Path) -> None:
    inputs = Schema(
        (
            Column(name="boy", type=Type.NUMBER, unit="m", minimum=0.5, maximum=2.5, nullable=True),
            Column(name="evli", type=Type.BOOLEAN),
            Column(name="renk", type=Type.CATEGORY, allowed=("ak", "kara"), unseen=Unseen.REFUSE),
        )
    )
    form = sum_form(Signature(inputs=inputs, output=Column(name="y", type=Type.NUMBER)))
    ExcelFormat().save(Given(form), tmp_path)
    checks = list(sheet(tmp_path / FILE, 1).iter(f"{SHEET}dataValidation"))
    assert [check.get("type") for check in checks] == ["decimal", "list", "list"]
    assert checks[0].findtext(f"{SHEET}formula1") == "0.5"
    assert checks[2].findtext(f"{SHEET}formula1") == "Lists!$C$2:$C$3"
    with zipfile.ZipFile(tmp_path / FILE) as book:
        told = book.read("xl/comments1.xml").decode()
    assert "number; from 0.5; to 2.5; in m; may be blank" in told
    assert "one of: ak, kara" in told


def test_more_rows_than_fit_go_into_more_copies(tmp_path: Path) -> None:
    model, signature, matrix = fit_sample("linear", "multi")
    fitted_model, path = Fitted(model, signature), tmp_path / "few.xlsx"
    write_workbook(write_sheets(fitted_model.form), signature, path, rows=3)
    with needing_tools():
        office = find_office()
    found = SheetPredictor(path, signature, office, rows=3).predict(matrix[:7])
    np.testing.assert_allclose(found, fitted_model.predict(matrix[:7]), atol=1e-12)


def test_a_row_that_is_left_blank_has_no_answer(tmp_path: Path) -> None:
    model, signature, _ = fit_sample("linear", "multi")
    ExcelFormat().save(Fitted(model, signature), tmp_path)
    with needing_tools():
        command = [
            find_office(),
            f"-env:UserInstallation={(tmp_path / 'p').as_uri()}",
            "--headless",
            "--convert-to",
        ]
    one_sheet = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,2"
    subprocess.run([*command, one_sheet, FILE], cwd=tmp_path, check=True, capture_output=True)
    titles, *lines = (tmp_path / "model-Answers.csv").read_text(encoding="utf-8").splitlines()
    assert titles == "sınıf,probability(az),probability(orta),probability(çok)"
    assert len(lines) == 200
    assert set("".join(lines)) <= set('",')


def test_a_row_of_empty_texts_is_no_blank_row(tmp_path: Path) -> None:
    """A cell with an empty text is blank to a spreadsheet, and may be all that a row has."""
    inputs = Schema((Column(name="il", type=Type.CATEGORY, allowed=("?", "Iğdır"), nullable=True),))
    signature = Signature(inputs=inputs, output=Column(name="y", type=Type.NUMBER))
    builder = Builder(signature)
    ones = builder.add(Equal(sources=(0,), places=np.array([0, 0]), values=np.array([0.0, 1.0])))
    builder.linear(ones, np.array([[1.0, 2.0]]), 0.5)
    form = Form(signature=signature, layers=tuple(builder.layers))
    rows = np.array([[0], [1], [-1], [-1], [-1], [-1]], dtype=np.float64)
    assert answers(Given(form), rows, tmp_path).ravel().tolist() == [1.5, 2.5, 0.5, 0.5, 0.5, 0.5]


def test_formulas_stay_within_what_excel_takes(tmp_path: Path) -> None:
    model, signature, _ = fit_sample("forest", "regression")
    model.steps[-1][1].estimators_ = model.steps[-1][1].estimators_[:10]
    ExcelFormat().save(Fitted(model, signature), tmp_path)
    formulas = [cell.text or "" for cell in sheet(tmp_path / FILE, 3).iter(f"{SHEET}f")]
    assert len(formulas) > 1000
    assert any(cell.get("t") == "array" for cell in sheet(tmp_path / FILE, 3).iter(f"{SHEET}f"))
    assert max(len(formula) for formula in formulas) <= 8_192
    assert max(nesting(formula) for formula in formulas[:2000]) <= 64


def nesting(formula: str) -> int:
    deepest = depth = 0
    for letter in formula:
        depth += (letter == "(") - (letter == ")")
        deepest = max(deepest, depth)
    assert depth == 0
    return deepest


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    model, signature, _ = fit_sample("tree", "binary")
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        ExcelFormat().save(Fitted(model, signature), tmp_path / name)
    assert (tmp_path / "one" / FILE).read_bytes() == (tmp_path / "other" / FILE).read_bytes()


def test_what_does_not_fit_is_refused_with_figures(tmp_path: Path) -> None:
    _, signature, _ = fit_sample("linear", "regression")
    rows = np.random.default_rng(0).normal(size=(2_000, len(signature.inputs)))
    model = KernelRidge(kernel="rbf").fit(rows, rows[:, 0])
    with pytest.raises(Refused, match=r"characters of formulas, over 0 nodes; spreadsheets have 16,384"):
        ExcelFormat().save(Fitted(model, signature), tmp_path)
    for text, message in (
        ("", "empty text"),
        ("x" * 32_768, "has 32,768"),
        ("\r", "cannot hold"),
        ("\a", "cannot hold"),
    ):
        column = Column(name="c", type=Type.CATEGORY, allowed=("a", text))
        with pytest.raises(Refused, match=message):
            ExcelFormat().save(Given(sum_form(signature_with(column))), tmp_path)
    assert not list(tmp_path.iterdir())


def signature_with(column: Column) -> Signature:
    return Signature(inputs=Schema((column,)), output=Column(name="y", type=Type.NUMBER))


def test_without_libreoffice_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool) as caught:
        ExcelFormat().scorers(tmp_path, signature_of(2))
    assert "libreoffice-calc" in caught.value.hint


def test_a_label_that_is_not_the_likeliest_is_noticed(tmp_path: Path) -> None:
    model, signature, matrix = fit_sample("linear", "multi")
    ExcelFormat().save(Fitted(model, signature), tmp_path)
    classes = signature.output.allowed
    turned = Column(name=signature.output.name, type=Type.CATEGORY, allowed=(*classes[1:], classes[0]))
    with needing_tools():
        (predictor,) = (
            ExcelFormat().scorers(tmp_path, Signature(inputs=signature.inputs, output=turned)).values()
        )
    with pytest.raises(Corrupted, match="where another class is named"):
        predictor.predict(matrix[:5])
