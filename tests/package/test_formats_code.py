"""The formats of source code: names and texts, limits, and real tables."""

from __future__ import annotations

import ast
import shutil
import struct
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from kervan.core.errors import MissingTool, Refused
from kervan.core.plugins import plugin
from kervan.core.schema import Column, Schema, Signature, Type, Unseen
from kervan.package.proving.parity import compare, nasty_rows
from kervan.package.proving.survey import Support, survey
from kervan.package.writing.code.driver import Workshop, version_of
from kervan.package.writing.code.program import write_program
from kervan.package.writing.code.python import write_python
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.neutral.build import Builder
from kervan.package.writing.neutral.form import Distances, Form, Nearest
from kervan.package.writing.neutral.score import FormPredictor, score
from kervan.testing.sample import fit_sample

from .code.forms import Given, together
from .code.tools import needing_tools

if TYPE_CHECKING:
    from pathlib import Path

LANGUAGES = ("c", "go", "java", "javascript", "python", "rust")
EVIL = (
    'a"; system("id"); //',
    "*/ int x; /*",
    "line\nbreak\r\u2028\u2029\x85",
    "\\",
    "\\u0022; \\u000a",
    "??/",
    "??' ??= ??(",
    "${process.exit(1)} `x`",
    "</script><script>",
    "{}%s%d@@constants@@",
    "'''\"\"\"",
    "__proto__",
    "constructor",
    "\t\x07\x1b\x7f",
    "Iğdır ı İ ß ﬁ",
    "\u202eabc\u202c\u200b\ufeff",
    "🐪 kervan",
    "e\u0301",
    "é",
    " ",
    "-1",
    "nan",
    "\\101\\x41",
    "123\\",
)
texts = st.text(min_size=1, max_size=12).filter(lambda text: "\0" not in text)


def sum_form(signature: Signature) -> Form:
    """Answers that hang on every input."""
    width = len(signature.inputs)
    outputs = len(signature.output.allowed) if signature.is_classification else 1
    builder = Builder(signature)
    weights = np.sin(1 + np.arange(outputs * width).reshape(outputs, width)) / width
    answer = builder.linear(0, weights, np.zeros(outputs))
    if signature.is_classification:
        builder.softmax(answer)
    return Form(signature=signature, layers=tuple(builder.layers))


def evil_signature(names: list[str], categories: list[str], classes: list[str]) -> Signature:
    columns = [
        Column(name=name, type=Type.CATEGORY, allowed=tuple(categories), unit=name, nullable=at % 2 == 0)
        for at, name in enumerate(names)
    ]
    return Signature(
        inputs=Schema(tuple(columns)),
        output=Column(name=names[0], type=Type.CATEGORY, allowed=tuple(classes), unit=names[0]),
    )


def assert_texts_arrive(language: str, signature: Signature, folder: Path) -> None:
    form = sum_form(signature)
    codes = np.arange(-1, max(len(column.allowed) for column in signature.inputs))
    matrix = np.tile(codes[:, None], (1, len(signature.inputs))).astype(np.float64)
    matrix = np.vstack([matrix, np.random.default_rng(0).permuted(matrix, axis=0)])
    adapter = plugin("format", language)
    adapter.save(Given(form), folder)
    with needing_tools():
        for predictor in adapter.scorers(folder, signature).values():
            np.testing.assert_allclose(predictor.predict(matrix), score(form, matrix), rtol=1e-12)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_ends_a_literal_or_a_comment(language: str, tmp_path: Path) -> None:
    evil = list(EVIL)
    assert_texts_arrive(language, evil_signature(evil, evil, evil), tmp_path)


@pytest.mark.parametrize("language", LANGUAGES)
@settings(  # compilers are slow: few examples, and none made smaller
    max_examples=3,
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    names=st.lists(texts, min_size=1, max_size=20, unique=True),
    categories=st.lists(texts, max_size=60, unique=True),
    classes=st.lists(texts, min_size=2, max_size=20, unique=True),
)
def test_any_text_arrives_unchanged(
    language: str, names: list[str], categories: list[str], classes: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    assert_texts_arrive(language, evil_signature(names, categories, classes), folder)


@given(names=st.lists(texts, min_size=1, unique=True), classes=st.lists(texts, min_size=2, unique=True))
@example(names=list(EVIL), classes=list(EVIL))
def test_texts_are_only_literals_of_the_python_that_is_written(names: list[str], classes: list[str]) -> None:
    form = sum_form(evil_signature(names, classes, classes))
    tree = ast.parse(write_python(write_program(form))["model.py"])
    assigned = {
        getattr(node.targets[0] if isinstance(node, ast.Assign) else node.target, "id", ""): node.value
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
    }
    assert ast.literal_eval(assigned["CLASSES"]) == tuple(classes)
    assert [ast.literal_eval(call.args[0]) for call in assigned["COLUMNS"].elts] == names


STRICT = Signature(
    inputs=Schema(
        (
            Column(name="yaş", type=Type.INTEGER, minimum=0, maximum=120),
            Column(name="boy", type=Type.NUMBER, nullable=True, minimum=0.5, unit="m"),
            Column(name="evli", type=Type.BOOLEAN),
            Column(name="şehir", type=Type.CATEGORY, allowed=("Ankara", "İzmir"), unseen=Unseen.REFUSE),
            Column(
                name="renk", type=Type.CATEGORY, allowed=("ak", "kara"), nullable=True, unseen=Unseen.REFUSE
            ),
            Column(name="kod", type=Type.CATEGORY, allowed=("1",), nullable=True),
        )
    ),
    output=Column(name="kilo", type=Type.NUMBER),
)
ROW = {"yaş": 39, "boy": 1.75, "evli": True, "şehir": "İzmir", "renk": None, "kod": "2"}


def on_the_wire(value: Any) -> bytes:
    if value is None:
        return b"\1"
    if isinstance(value, str):
        return struct.pack("<BI", 4, len(value.encode())) + value.encode()
    if isinstance(value, bool):
        return struct.pack("<B?", 3, value)
    return struct.pack("<Bd", 2, value)


WRONG: tuple[tuple[str, Any], ...] = (
    ("yaş", None),
    ("yaş", float("nan")),
    ("yaş", "39"),
    ("yaş", True),
    ("yaş", 1.5),
    ("yaş", -1),
    ("yaş", 121),
    ("yaş", 1e300),
    ("boy", 0.49),
    ("boy", float("inf")),
    ("boy", "?"),
    ("evli", None),
    ("evli", 1),
    ("evli", "true"),
    ("şehir", None),
    ("şehir", "Bursa"),
    ("şehir", "izmir"),
    ("şehir", 1),
    ("renk", "mor"),
    ("kod", 1),
    ("kod", False),
)


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "c"])
def test_a_value_that_the_signature_refuses_is_refused_by_name(language: str, tmp_path: Path) -> None:
    adapter = plugin("format", language)
    adapter.save(Given(sum_form(STRICT)), tmp_path)
    with needing_tools():
        _, workshop = adapter.build(tmp_path)
    rows = [{**ROW, name: value} for name, value in WRONG]
    body = b"".join(on_the_wire(value) for row in [ROW, *rows] for value in row.values())
    answers = workshop.ask("predict", body)
    accepted, label, value = struct.unpack_from("<BId", answers)
    encoded = np.array([[39, 1.75, 1, 1, -1, -1]], dtype=np.float64)
    assert (accepted, label, value) == (1, 0, pytest.approx(score(sum_form(STRICT), encoded)[0, 0]))
    refused = [struct.unpack_from("<BI", answers, 13 + 5 * at) for at in range(len(rows))]
    assert [(accepted, STRICT.inputs.names[place]) for accepted, place in refused] == [
        (0, name) for name, _ in WRONG
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_rows_of_a_strict_signature_are_proved_with_what_is_refused(language: str, tmp_path: Path) -> None:
    form = sum_form(STRICT)
    random = np.random.default_rng(0)
    codes = [random.integers(-1, 2, 50), random.integers(-1, 2, 50), random.integers(-1, 1, 50)]
    numbers = [random.integers(0, 100, 50), random.normal(1.7, 0.1, 50), random.integers(0, 2, 50)]
    rows = nasty_rows(np.column_stack([*numbers, *codes]).astype(np.float64), STRICT, seed=0)
    rows = rows[~np.isnan(rows).any(axis=1)]
    adapter = plugin("format", language)
    adapter.save(Given(form), tmp_path)
    with needing_tools():
        for name, predictor in adapter.scorers(tmp_path, STRICT).items():
            found = compare(FormPredictor(form).predict, predictor, rows, 1e-12, name=name, scorer="")
            assert found.parity.holds, found


def test_a_layer_of_names_that_refuses_too_little_is_noticed(tmp_path: Path) -> None:
    """The proof by name has to fail where the written rules are not the signature's."""
    loose = replace(
        STRICT, inputs=Schema(tuple(replace(each, unseen=Unseen.AS_MISSING) for each in STRICT.inputs))
    )
    adapter = plugin("format", "python")
    adapter.save(Given(sum_form(loose)), tmp_path)
    rows = np.array([[30, 1.5, 1, 0, 0, 0], [30, 1.5, 1, -1, 0, 0]], dtype=np.float64)
    _, by_name = adapter.scorers(tmp_path, STRICT).values()
    assert np.isnan(by_name.predict(rows)).tolist() == [[False], [True]]


def test_the_python_module_answers_in_words(tmp_path: Path) -> None:
    model, signature, matrix = fit_sample("tree", "multi")
    module: dict[str, Any] = {"__name__": "model"}
    exec(write_python(write_program(Fitted(model, signature).form))["model.py"], module)
    row = {"yaş": 39, "0": None, "şehir ı": "Iğdır", "evli": True, "unknown": "is ignored"}
    encoded = np.array([[39, np.nan, 2, 1]], dtype=np.float64)
    answer = module["predict"](row)
    wanted = model.predict_proba(encoded)[0]
    assert answer["probabilities"] == dict(zip(signature.output.allowed, wanted, strict=True))
    assert answer["label"] == signature.output.allowed[int(wanted.argmax())]
    assert module["score"](matrix[:3].tolist()) == model.predict_proba(matrix[:3]).tolist()
    with pytest.raises(module["RefusedRow"], match="'yaş': is missing") as caught:
        module["predict"]({})
    assert caught.value.field == "yaş"
    with pytest.raises(ValueError, match="a row has 4 numbers, not 2"):
        module["score"]([[1.0, 2.0]])


@pytest.fixture
def c_model(tmp_path: Path) -> Path:
    plugin("format", "c").save(Given(together()), tmp_path)
    return tmp_path


def run(folder: Path, *command: str) -> str:
    if shutil.which(command[0]) is None:
        with needing_tools():
            raise MissingTool(f"{command[0]} is not installed", hint=f"install {command[0]}")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_c_has_no_warnings_and_is_also_cpp(c_model: Path) -> None:
    warnings = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror", "-c", "model.c")
    run(c_model, "gcc", "-std=c99", *warnings, "-o", "c.o")
    run(c_model, "gcc", "-x", "c++", "-std=c++11", *warnings, "-o", "cpp.o")


def test_c_writes_to_nothing_but_its_stack_and_calls_libm_alone(c_model: Path) -> None:
    run(c_model, "gcc", "-std=c99", "-O2", "-fno-pic", "-c", "model.c", "-o", "model.o")
    symbols = [line.split()[-2:] for line in run(c_model, "nm", "model.o").splitlines()]
    kinds = {kind for kind, _ in symbols}
    assert kinds <= {"T", "t", "R", "r", "U"}, symbols
    libm = {"exp", "expm1", "log", "log1p", "sqrt", "tanh", "floor", "pow"}
    called = {name for kind, name in symbols if kind == "U"}
    assert called <= libm | {"strcmp", "memset", "memcpy", "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_"}


def test_types_beside_javascript_name_every_column(tmp_path: Path) -> None:
    plugin("format", "javascript").save(Given(sum_form(STRICT)), tmp_path)
    declared = (tmp_path / "model.d.mts").read_text(encoding="utf-8")
    for line in (
        '  "yaş": number;',
        '  "boy"?: number | null;',
        '  "evli": boolean;',
        '  "renk"?: string | null;',
    ):
        assert line in declared
    assert (tmp_path / "model.d.cts").read_text(encoding="utf-8") == declared


def test_java_takes_more_than_64_kilobytes_of_numbers_calls_and_texts(tmp_path: Path) -> None:
    many = tuple(f"kategori {at}" for at in range(9_000))
    inputs = Schema((Column(name="x", type=Type.NUMBER), Column(name="c", type=Type.CATEGORY, allowed=many)))
    signature = Signature(inputs=inputs, output=Column(name="y", type=Type.NUMBER))
    builder = Builder(signature)
    random = np.random.default_rng(0)
    value = builder.linear(0, random.normal(size=(60_000, 2)), random.normal(size=60_000))
    value = builder.linear(value, random.normal(size=(1, 60_000)), 0.0)
    for _ in range(700):
        value = builder.linear(value, [[1.0]], random.normal(size=1))
    form = Form(signature=signature, layers=tuple(builder.layers))
    plugin("format", "java").save(Given(form), tmp_path)
    matrix = np.array([[0.5, 0], [1.5, 8_999], [2, -1]], dtype=np.float64)
    with needing_tools():
        for predictor in plugin("format", "java").scorers(tmp_path, signature).values():
            np.testing.assert_allclose(predictor.predict(matrix), score(form, matrix), rtol=1e-10)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_model_that_is_too_large_is_refused_by_name(language: str, tmp_path: Path) -> None:
    adapter = plugin("format", language)
    rows = np.zeros((adapter.limit // 8 + 1, 1)) + np.arange(adapter.limit // 8 + 1)[:, None] / 7
    inputs = Schema((Column(name="x", type=Type.NUMBER),))
    signature = Signature(inputs=inputs, output=Column(name="y", type=Type.NUMBER))
    builder = Builder(signature)
    near = builder.add(Distances(sources=(0,), rows=rows))
    builder.add(Nearest(sources=(near,), count=1, answers=rows))
    form = Form(signature=signature, layers=tuple(builder.layers))
    with pytest.raises(Refused, match="bytes of numbers") as caught:
        adapter.save(Given(form), tmp_path)
    assert "onnx" in caught.value.hint
    assert not list(tmp_path.iterdir())


def test_c_refuses_what_its_stack_and_its_texts_cannot_hold(tmp_path: Path) -> None:
    inputs = Schema((Column(name="x", type=Type.NUMBER),))
    signature = Signature(inputs=inputs, output=Column(name="y", type=Type.NUMBER))
    builder = Builder(signature)
    wide = builder.linear(0, np.ones((100_000, 1)), 0.0)
    builder.linear(wide, np.ones((1, 100_000)), 0.0)
    form = Form(signature=signature, layers=tuple(builder.layers))
    with pytest.raises(Refused, match="too much for the stack"):
        plugin("format", "c").save(Given(form), tmp_path)
    with pytest.raises(Refused, match="zero character"):
        plugin("format", "c").save(Given(sum_form(evil_signature(["a"], ["x\0y"], ["0", "1"]))), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_that_no_compiler_has_to_take_is_refused(language: str, tmp_path: Path) -> None:
    form = sum_form(evil_signature(["a"], ["ı" * 2_048], ["0", "1"]))
    with pytest.raises(Refused, match="a text of 4,096 bytes"):
        plugin("format", language).save(Given(form), tmp_path)


@pytest.mark.parametrize("language", ["c", "go", "java", "javascript", "rust"])
def test_a_missing_compiler_is_named(language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, signature, _ = fit_sample("linear", "binary")
    plugin("format", language).save(Fitted(model, signature), tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool) as caught:
        plugin("format", language).scorers(tmp_path, signature)
    assert caught.value.hint.startswith("install ")


@pytest.mark.parametrize("language", ["c", "go", "java", "javascript", "rust"])
def test_a_compiler_that_does_not_run_is_missing_too(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as the launcher of Rust before a version was chosen, or that of Java on a Mac without one."""
    programs, written = tmp_path / "programs", tmp_path / "written"
    programs.mkdir()
    written.mkdir()
    for name in ("gcc", "go", "javac", "java", "node", "rustc"):
        (programs / name).write_text("#!/bin/sh\necho 'choose a version first' >&2\nexit 1\n")
        (programs / name).chmod(0o755)
    model, signature, matrix = fit_sample("linear", "binary")
    monkeypatch.setenv("PATH", str(programs))
    (tried,) = survey(Fitted(model, signature), matrix, [language])
    assert tried.support is Support.UNPROVED
    assert "is installed, but does not run: it says: choose a version first" in tried.reason


def test_a_program_that_takes_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kervan.package.writing.code.driver._TOO_LONG", 0.2)
    with pytest.raises(Refused, match=r"sleep takes more than 0\.2 seconds"):
        Workshop(tmp_path).build("sleep", "5")


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("gcc (Debian 12.2.0-14+deb12u1) 12.2.0", "12.2.0"),
        ("Apple clang version 15.0.0 (clang-1500.3.9.4)", "15.0.0"),
        ("go version go1.22.1 linux/amd64", "1.22.1"),
        ('openjdk version "17.0.9" 2023-10-17', "17.0.9"),
        ("javac 21", "21"),
        ("v20.20.2", "20.20.2"),
        ("x86_64-linux-gnu-gcc-13 (Ubuntu)", ""),
    ],
)
def test_the_version_of_a_program_is_found_in_what_it_says(said: str, number: str) -> None:
    assert version_of("echo", said) == number


def test_the_workshop_is_cleared_away(tmp_path: Path) -> None:
    model, signature, _ = fit_sample("linear", "binary")
    adapter = plugin("format", "python")
    adapter.save(Fitted(model, signature), tmp_path)
    _, workshop = adapter.build(tmp_path)
    place = workshop.folder
    assert place.is_dir()
    del workshop
    assert not place.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["model.py"]
