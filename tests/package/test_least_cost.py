"""The class that is expected to cost least: every written file that names one names the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kervan.core.errors import Corrupted, InvalidInput
from kervan.core.identity import Bump
from kervan.core.naming import LeastCost, Naming
from kervan.core.plugins import plugin
from kervan.core.schema import Signature, difference, smallest_bump
from kervan.package.answers import chosen, may_name
from kervan.package.proving.build import scorers_of, write_format
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.formats.savedmodel import FOLDER
from kervan.package.writing.rows import decode_rows
from kervan.package.writing.tensor.tensorflow import imported
from kervan.testing.sample import fit_sample, sample

from .code.tools import needing_tools

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from kervan.core.ports import Matrix

COSTS = ((0.0, 1.0, 1.0), (40.0, -2.0, 40.0), (0.25, 3.0, 0.0))  # the second class is dear to miss
OTHERS = ((0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0))  # of these the most probable class is the best


def dear(family: str = "linear") -> tuple[Fitted, Signature, Matrix]:
    """Return a model of three classes that names them by costs, and rows."""
    model, signature, matrix = fit_sample(family, "multi")
    signature = replace(signature, costs=COSTS)
    return Fitted(model, signature), signature, matrix


def by_hand(row: NDArray[np.float64], costs: Any) -> int:
    expected = [
        sum(float(row[true]) * float(costs[true][named]) for true in range(len(row)))
        for named in range(len(row))
    ]
    return expected.index(min(expected))


@st.composite
def asked(draw: st.DrawFn) -> tuple[NDArray[np.float64], tuple[tuple[float, ...], ...]]:
    """Return probabilities of some rows, with ties, and costs of two to six classes."""
    classes = draw(st.integers(2, 6))
    parts = draw(arrays(np.int64, (draw(st.integers(1, 20)), classes), elements=st.integers(0, 8)))
    values = (parts + 1) / (parts + 1).sum(axis=1, keepdims=True)
    cost = st.one_of(st.integers(-20, 100).map(float), st.floats(-1e6, 1e6))
    row = st.tuples(*[cost] * classes)
    return values, draw(st.tuples(*[row] * classes))


@given(asked())
@settings(max_examples=200, deadline=None)
def test_the_label_is_the_least_of_all_expected_costs(
    drawn: tuple[NDArray[np.float64], tuple[tuple[float, ...], ...]],
) -> None:
    values, costs = drawn
    naming = Naming(costs=costs)
    found = chosen(values, naming)
    assert found.tolist() == [by_hand(row, costs) for row in values]
    assert [int(chosen(row[None], naming)[0]) for row in values] == found.tolist()  # alone as among others
    assert may_name(found, values, naming).all()
    for place in range(values.shape[1]):
        expected = values @ np.array(costs)
        dearer = expected[:, place] > expected.min(axis=1) + 1e-6 * max(1.0, np.abs(costs).max())
        assert not (may_name(np.full(len(values), place), values, naming) & dearer).any()


@given(asked())
@settings(max_examples=100, deadline=None)
def test_costs_of_one_for_every_mistake_name_the_most_probable_class(
    drawn: tuple[NDArray[np.float64], tuple[tuple[float, ...], ...]],
) -> None:
    values, _ = drawn
    count = values.shape[1]
    costs = tuple(tuple(float(true != named) for named in range(count)) for true in range(count))
    places = chosen(values, Naming(costs=costs))
    most = np.take_along_axis(values, places[:, None], axis=1)[:, 0]
    assert most == pytest.approx(values.max(axis=1))


@pytest.mark.parametrize(
    "name",
    ["c", "java", "javascript", "python", "rust", "go", "pmml", "sqlite", "duckdb", "bigquery", "pojo"],
)
def test_a_file_that_names_classes_is_proved_to_name_them_by_costs(name: str, tmp_path: Path) -> None:
    names_by_costs(name, tmp_path)


@pytest.mark.service
@pytest.mark.usefixtures("proof_databases", "spark")
@pytest.mark.parametrize("name", ["postgresql", "mysql", "spark", "sparkml"])
def test_a_database_that_names_classes_is_proved_to_name_them_by_costs(name: str, tmp_path: Path) -> None:
    names_by_costs(name, tmp_path)


def names_by_costs(name: str, tmp_path: Path) -> None:
    fitted, signature, matrix = dear()
    wanted = fitted.predict(matrix)
    differs = chosen(wanted, signature.naming) != wanted.argmax(axis=1)
    assert differs.any()
    with needing_tools():
        write_format(name, fitted, tmp_path / name, matrix)
        known = scorers_of(plugin("format", name), tmp_path / name, signature)
        plain = scorers_of(plugin("format", name), tmp_path / name, replace(signature, costs=OTHERS))
        answers = [each.predict(matrix) for each in known.values()]
        wrong = [np.isnan(each.predict(matrix)).any(axis=1) for each in plain.values()]
    assert not np.isnan(answers).any()
    # Asked as if the costs were others, the same file is found out where these name another class.
    assert any(np.array_equal(each, differs) for each in wrong)


@pytest.mark.parametrize("name", ["pfa", "excel"])
def test_a_document_that_names_another_class_is_found_out(name: str, tmp_path: Path) -> None:
    fitted, signature, matrix = dear()
    write_format(name, fitted, tmp_path / name, matrix)
    scorers = scorers_of(plugin("format", name), tmp_path / name, replace(signature, costs=OTHERS))
    with pytest.raises(Corrupted, match="name"):
        [each.predict(matrix) for each in scorers.values()]


@pytest.mark.parametrize("name", ["mojo", "coreml"])
def test_a_format_with_a_label_of_its_own_keeps_the_most_probable_class(name: str, tmp_path: Path) -> None:
    fitted, signature, matrix = dear()
    with needing_tools():
        write_format(name, fitted, tmp_path / name, matrix)
        (scorer,) = scorers_of(plugin("format", name), tmp_path / name, signature).values()
        assert not np.isnan(scorer.predict(matrix)).any()


def test_the_graphs_that_others_run_name_classes_by_costs(tmp_path: Path) -> None:
    fitted, signature, matrix = dear("boosting")
    for name, file in (("onnx", "model.onnx"), ("mlflow", "model.onnx")):
        write_format(name, fitted, tmp_path / name, matrix)
        found = list((tmp_path / name).rglob(file))
        session = onnxruntime.InferenceSession(found[0])
        given = {entry.name: entry for entry in session.get_inputs()}
        rows = decode_rows(matrix, signature)
        inputs: dict[str, Any] = {}
        for place, (column, entry) in enumerate(given.items()):
            kind: Any = object if "string" in entry.type else np.float32
            kind = np.float64 if "double" in entry.type else kind
            nothing = "" if kind is object else np.nan
            values = [nothing if row[place] is None else row[place] for row in rows]
            inputs[column] = np.array(values, dtype=kind).reshape(-1, *entry.shape[1:])
        outputs = [entry.name for entry in session.get_outputs()]
        label = next(each for each in outputs if each.strip("_") == signature.output.name)
        named = session.run([label], inputs)[0]
        places = chosen(fitted.predict(matrix), signature.naming)
        assert named.tolist() == [signature.output.allowed[place] for place in places]


def test_a_saved_model_names_classes_by_costs(tmp_path: Path) -> None:
    fitted, signature, matrix = dear()
    write_format("savedmodel", fitted, tmp_path / "savedmodel", matrix)
    tf = imported()
    loaded = tf.saved_model.load(str(tmp_path / "savedmodel" / FOLDER))
    answer = loaded.signatures["matrix"](matrix=tf.constant(matrix))
    labels = [label.decode() for label in answer["sınıf"].numpy()]
    places = chosen(fitted.predict(matrix), signature.naming)
    assert labels == [signature.output.allowed[place] for place in places]


def test_costs_are_a_finite_number_for_each_pair_of_classes() -> None:
    _, multi, _ = sample("multi")
    _, number, _ = sample("regression")
    _, binary, _ = sample("binary")
    for signature, costs, message in (
        (multi, ((0.0, 1.0), (1.0, 0.0)), "no 3 rows of 3"),
        (multi, (*COSTS[:2], (0.0, 1.0)), "no 3 rows of 3"),
        (multi, (*COSTS[:2], (0.0, 1.0, float("nan"))), "not finite"),
        (number, ((0.0,),), "no 0 rows of 0"),
    ):
        with pytest.raises(InvalidInput, match=message):
            replace(signature, costs=costs)
    with pytest.raises(InvalidInput, match="both say"):
        replace(binary, threshold=0.3, costs=((0.0, 1.0), (1.0, 0.0)))
    (found,) = difference(multi, replace(multi, costs=COSTS))
    assert found.what == "is named by the least expected cost, was by the largest probability"
    assert smallest_bump(multi, replace(multi, costs=COSTS)) is Bump.PATCH


def test_what_naming_by_costs_is_worth_is_told_with_both_costs() -> None:
    better = LeastCost(rows=1_200, cost=310.0, likeliest=455.5, currency="TRY")
    assert better.told == (
        "the class that is expected to cost least is named: 310 TRY on 1,200 rows of the validation part, "
        "where the most probable class costs 455.5 TRY"
    )
    assert not better.caution
    assert "`calibrate`" in replace(better, cost=500.0).caution
