from __future__ import annotations

import ast
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kervan.core.plugins import plugin
from kervan.package.writing.code.program import write_program
from kervan.package.writing.code.python import write_python
from kervan.package.writing.neutral.form import Form, Operation, Unary
from kervan.package.writing.neutral.score import score

from .forms import FORMS, NEVER_MISSING, WIDTH, Given, form_of, together, trees
from .tools import needing_tools

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

LANGUAGES = ("c", "go", "java", "javascript", "python", "rust")
SPECIAL = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    0.1,
    2.0,
    -2.5,
    np.nan,
    np.inf,
    -np.inf,
    3e38,
    1e-45,
    30.0,
    800.0,
    -800.0,
]
numbers = st.one_of(st.sampled_from(SPECIAL), st.floats(width=32))


def module_of(form: Form) -> ModuleType:
    """The Python that is written for a form, run here."""
    module = ModuleType("model")
    source = write_python(write_program(form))["model.py"]
    ast.parse(source, feature_version=(3, 9))
    exec(compile(source, "model.py", "exec"), module.__dict__)
    return module


MODULES = {name: module_of(form_of(build)) for name, build in FORMS.items()}


def assert_same(found: object, wanted: NDArray[np.float64]) -> None:
    np.testing.assert_allclose(np.asarray(found, np.float64), wanted, rtol=4e-15, atol=1e-15)


@pytest.mark.parametrize("name", FORMS)
@given(rows=st.lists(st.lists(numbers, min_size=WIDTH, max_size=WIDTH), min_size=1, max_size=5))
def test_every_layer_means_in_python_what_it_means_in_numpy(name: str, rows: list[list[float]]) -> None:
    form = form_of(FORMS[name])
    matrix = np.array(rows, dtype=np.float64)
    if name in NEVER_MISSING:
        matrix = np.nan_to_num(matrix, nan=1.0)
    assert_same(MODULES[name].score(matrix.tolist()), score(form, matrix))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_layer_means_in_every_language_what_it_means_in_numpy(language: str, tmp_path: Path) -> None:
    form = together()
    random = np.random.default_rng(1)
    matrix = np.vstack(
        [
            np.array(np.meshgrid(*[SPECIAL[:9]] * WIDTH)).reshape(WIDTH, -1).T,
            random.choice(SPECIAL, (300, WIDTH)),
            random.normal(0, 2, (300, WIDTH)),
        ]
    ).astype(np.float64)
    adapter = plugin("format", language)
    adapter.save(Given(form), tmp_path)
    with needing_tools():
        predictor = next(iter(adapter.scorers(tmp_path, form.signature).values()))
    assert_same(predictor.predict(matrix), score(form, matrix))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_form_gives_the_same_bytes(language: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        plugin("format", language).save(Given(together()), tmp_path / name)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "two").iterdir())
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_values_share_places_when_nobody_reads_them_any_more() -> None:
    def long(builder: object) -> int:
        value = 0
        for _ in range(50):
            value = builder.arithmetic(value, Operation.ADD, 0.1)  # type: ignore[attr-defined]
        return value

    assert write_program(form_of(long)).work <= 3 * WIDTH


def test_equal_arrays_leaves_and_sets_are_kept_once() -> None:
    program = write_program(
        form_of(lambda b: b.join([b.arithmetic(0, Operation.ADD, 0.1) for _ in range(9)]))
    )
    assert (
        sum(len(each.values) == WIDTH and each.values.dtype == np.float64 for each in program.constants) == 1
    )
    packed = [
        each.values
        for each in write_program(form_of(lambda b: b.add(trees(choosing=False, target=True)))).constants
    ]
    assert any(sorted(values.tolist()) == [-3.0, 0.001, 0.1, 2.0, 5.0] for values in packed)


def test_thresholds_keep_every_digit_that_separates_raw_inputs() -> None:
    program = write_program(form_of(lambda b: b.add(trees(choosing=False, target=True))))
    assert any(each.values.dtype == np.float64 and 0.1 in each.values for each in program.constants)


def test_only_kernels_that_are_called_are_written() -> None:
    source = write_python(write_program(form_of(FORMS["softmax"])))["model.py"]
    assert "def softmax(" in source
    assert "def trees(" not in source
    assert "def log(" not in source


def test_every_function_of_the_form_is_tried() -> None:
    assert {f"map {function}" for function in Unary} <= FORMS.keys()
