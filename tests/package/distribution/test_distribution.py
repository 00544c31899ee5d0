"""Each distribution is installed by its own installer, without a network, and answers like the model."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import venv
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from kervan.core.errors import MissingTool, RefusedRow
from kervan.core.plugins import plugin
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.model.train import fit
from kervan.package.contents.manifest import Parity
from kervan.package.distribution import jar, npm, wheel
from kervan.package.distribution.product import Product
from kervan.package.distribution.readme import example_row
from kervan.package.writing.fitted import Fitted
from kervan.serve.decode import RowDecoder
from kervan.testing.sample import TASKS, fit_sample
from package.code.tools import needing_tools

if TYPE_CHECKING:
    from pathlib import Path

WRITERS = {"wheel": wheel, "npm": npm, "jar": jar}
PARITY = Parity(format="x", rows=9, tolerance=1e-12, largest=1e-16, over=0, label_changes=0, scorer="")


NONE = Signature(inputs=Schema(), output=Column(name="y", type=Type.NUMBER))


def product(signature: Signature, name: str = 'gelir "ı"\n') -> Product:
    return Product(
        name=name, version="1.2.3", hash="ab" * 32, licence="MIT", signature=signature, parity=(PARITY,)
    )


def written(kind: str, task: str, folder: Path) -> tuple[Path, Fitted, Any]:
    """Write a distribution; return it with its model and rows."""
    writer: Any = WRITERS[kind]
    model, signature, matrix = fit_sample("boosting", task)
    fitted = Fitted(model, signature)
    source = folder / "source"
    source.mkdir(parents=True)
    plugin("format", writer.LANGUAGE).save(fitted, source)
    sources = {path.name: path.read_bytes() for path in source.iterdir()}
    with needing_tools():
        name, content = getattr(writer, f"write_{kind}")(sources, product(signature))
    (folder / name).write_bytes(content)
    return folder / name, fitted, matrix[:40]


def rows_of(fitted: Fitted, matrix: Any) -> list[dict[str, Any]]:
    """The rows as people write them."""
    return [
        {
            column.name: value_of(column, float(value))
            for column, value in zip(fitted.signature.inputs, row, strict=True)
        }
        for row in matrix
    ]


def value_of(column: Any, value: float) -> Any:
    if column.type is Type.CATEGORY:
        return column.allowed[int(value)] if value >= 0 else None
    if np.isnan(value):
        return None
    return bool(value) if column.type is Type.BOOLEAN else value


def values_of(answers: list[dict[str, Any]], fitted: Fitted) -> Any:
    if not fitted.signature.is_classification:
        return [[answer["value"]] for answer in answers]
    for answer in answers:
        shares = answer["probabilities"]
        assert answer["label"] == max(shares, key=shares.get)
    return [
        [answer["probabilities"][label] for label in fitted.signature.output.allowed] for answer in answers
    ]


def example(page: str, language: str) -> str:
    """The code that a page shows."""
    return page.partition(f"```{language}\n")[2].partition("\n```")[0]


def run(*command: str, cwd: Path, given: str = "", code: int = 0) -> tuple[str, str]:
    if shutil.which(command[0]) is None:
        with needing_tools():
            raise MissingTool(f"{command[0]} is not installed", hint=f"install {command[0]}")
    done = subprocess.run(command, cwd=cwd, input=given.encode(), capture_output=True, check=False)
    assert done.returncode == code, done.stderr.decode()
    return done.stdout.decode(), done.stderr.decode()


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment."""
    folder = tmp_path_factory.mktemp("ortam ı")
    venv.create(folder, with_pip=True)
    return folder / "bin" / "python"


ASK_PYTHON = """
import importlib, json, sys
model = importlib.import_module("gelir_i_model")
rows = json.load(sys.stdin)
answers = [model.predict(row) for row in rows]
print(json.dumps([model.__version__, model.MODEL_HASH, sorted(model.__all__), answers]))
"""


@pytest.mark.parametrize("task", TASKS)
def test_a_wheel_is_installed_by_pip_and_answers(task: str, python: Path, tmp_path: Path) -> None:
    path, fitted, matrix = written("wheel", task, tmp_path)
    assert path.name == "gelir_i_model-1.2.3-py3-none-any.whl"
    pip = ("-m", "pip", "install", "--no-index", "--force-reinstall", "--disable-pip-version-check")
    run(str(python), *pip, str(path), cwd=tmp_path)
    given = json.dumps(rows_of(fitted, matrix))
    out, _ = run(str(python), "-I", "-c", ASK_PYTHON, cwd=tmp_path, given=given)
    version, digest, names, answers = json.loads(out)
    assert (version, digest) == ("1.2.3", "ab" * 32)
    assert "predict" in names
    np.testing.assert_allclose(values_of(answers, fitted), fitted.predict(matrix), rtol=1e-12)
    shown, _ = run(str(python), "-m", "pip", "show", "--files", "gelir-i-model", cwd=tmp_path)
    assert "License: MIT" in shown
    with zipfile.ZipFile(path) as archive:
        page = archive.read("gelir_i_model-1.2.3.dist-info/METADATA").decode()
    assert "| `yaş` | integer |" in page
    out, _ = run(str(python), "-I", "-c", example(page, "python"), cwd=tmp_path)
    assert ("probabilities" in out) == fitted.signature.is_classification
    for wrong in ("[{}]", "'x'", "None"):
        asked = f"import gelir_i_model; gelir_i_model.predict({wrong})"
        _, said = run(str(python), "-I", "-c", asked, cwd=tmp_path, code=1)
        assert "TypeError: a row maps column names to values" in said
    assert "gelir_i_model/py.typed" in shown
    run(str(python), "-m", "pip", "check", "--disable-pip-version-check", cwd=tmp_path)


ASKED = [
    {"gün": "2024-03-02", "an": "2024-03-02T20:15:00+03:00", "not": "ÇOK iyi, 'iyi' 🎉"},
    {"gün": "1969-12-31", "an": "2024-03-04 08:00", "not": ""},
    {"gün": None, "an": "1900-01-01T23:59:59.5", "not": "kötü"},
]
REFUSED = {
    "gün": [{**ASKED[0], "gün": "dün"}, {**ASKED[0], "gün": 3}, {**ASKED[0], "gün": "2023-02-29"}],
    "an": [{**ASKED[0], "an": None}, {**ASKED[0], "an": ""}, {"gün": None, "not": ""}],
    "not": [{**ASKED[0], "not": None}, {**ASKED[0], "not": ["iyi"]}],
}
ASK_REFUSED = """
import json, sys
from gelir_i_model import RefusedRow, predict
for row in json.load(sys.stdin):
    try:
        predict(row)
    except RefusedRow as error:
        print(error.field)
"""


def test_a_wheel_takes_dates_times_and_texts_as_the_server_does(python: Path, tmp_path: Path) -> None:
    columns = (
        Column(name="gün", type=Type.DATE, nullable=True),
        Column(name="an", type=Type.DATETIME),
        Column(name="not", type=Type.TEXT, words=("'", "iyi", "kötü", "🎉")),
    )
    signature = Signature(inputs=Schema(columns), output=Column(name="satış", type=Type.NUMBER))
    decoder = RowDecoder(signature)
    random = np.random.default_rng(0)
    matrix = random.integers(0, 20_000, (200, decoder.width)).astype(np.float32)
    truth = matrix[:, 3:] @ [1.0, 2.0, 3.0, 4.0] + matrix[:, 0] % 7 + matrix[:, 2] / 3600
    fitted = Fitted(fit("linear", matrix, truth, signature, seed=0), signature)
    plugin("format", "python").save(fitted, tmp_path)
    name, content = wheel.write_wheel({"model.py": (tmp_path / "model.py").read_bytes()}, product(signature))
    (tmp_path / name).write_bytes(content)
    pip = ("-m", "pip", "install", "--no-index", "--force-reinstall", "--disable-pip-version-check")
    run(str(python), *pip, name, cwd=tmp_path)
    out, _ = run(str(python), "-I", "-c", ASK_PYTHON, cwd=tmp_path, given=json.dumps(ASKED))
    wanted = fitted.predict(decoder.decode(ASKED))
    np.testing.assert_allclose(values_of(json.loads(out)[-1], fitted), wanted, rtol=1e-12)
    for field, rows in REFUSED.items():
        out, _ = run(str(python), "-I", "-c", ASK_REFUSED, cwd=tmp_path, given=json.dumps(rows))
        assert out.split() == [field] * len(rows)
        for row in rows:
            with pytest.raises(RefusedRow, match=field):
                decoder.decode([row])


ASK_NODE = {
    "ask.mjs": 'import * as model from "gelir-i-model";\nimport { readFileSync } from "node:fs";\n',
    "ask.cjs": 'const model = require("gelir-i-model");\nconst { readFileSync } = require("node:fs");\n',
}
_SAY = "console.log(JSON.stringify(JSON.parse(readFileSync(0, 'utf8')).map((row) => model.predict(row))));\n"


@pytest.mark.parametrize("task", TASKS)
def test_an_npm_package_is_installed_and_answers_both_kinds_of_modules(task: str, tmp_path: Path) -> None:
    path, fitted, matrix = written("npm", task, tmp_path)
    assert path.name == "gelir-i-model-1.2.3.tgz"
    home = tmp_path / "uygulama ı"
    home.mkdir()
    (home / "package.json").write_text('{"name": "x", "version": "1.0.0", "private": true}')
    quiet = ("--offline", "--no-audit", "--no-fund", "--no-update-notifier")
    run("npm", "install", *quiet, f"--cache={tmp_path / 'cache'}", str(path), cwd=home)
    for name, head in ASK_NODE.items():
        (home / name).write_text(head + _SAY)
        out, _ = run("node", name, cwd=home, given=json.dumps(rows_of(fitted, matrix)))
        np.testing.assert_allclose(values_of(json.loads(out), fitted), fitted.predict(matrix), rtol=1e-12)
    installed = home / "node_modules" / "gelir-i-model"
    (home / "example.mjs").write_text(example((installed / "README.md").read_text("utf-8"), "js"), "utf-8")
    out, _ = run("node", "example.mjs", cwd=home)
    assert ("probabilities" in out) == fitted.signature.is_classification
    for wrong in ("[{}]", "'x'", "null"):
        (home / "wrong.cjs").write_text(f"require('gelir-i-model').predict({wrong})")
        _, said = run("node", "wrong.cjs", cwd=home, code=1)
        assert "TypeError: a row is an object or Map of column names to values" in said
    described = json.loads((installed / "package.json").read_text(encoding="utf-8"))
    named = [described["types"], described["main"], *described["exports"]["."]["import"].values()]
    assert all((installed / name).is_file() for name in named)
    assert json.loads((installed / "model.json").read_text(encoding="utf-8"))["hash"] == "ab" * 32


@pytest.mark.parametrize("task", TASKS)
def test_a_jar_scores_csv_from_a_shell(task: str, tmp_path: Path) -> None:
    path, fitted, matrix = written("jar", task, tmp_path)
    assert path.name == "gelir-i-model-1.2.3.jar"
    names = [*reversed(fitted.signature.inputs.names), 'more, "here"']
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(names)
    for row in rows_of(fitted, matrix):
        writer.writerow(["" if row.get(name) is None else row[name] for name in names[:-1]] + ['a\n"b",'])
    out, _ = run("java", "-Dfile.encoding=US-ASCII", "-jar", path.name, cwd=tmp_path, given=table.getvalue())
    (tmp_path / "satırlar ı.csv").write_text(table.getvalue(), "utf-8", newline="")
    java = ("java", "-Dsun.jnu.encoding=UTF-8", "-jar", path.name)
    assert run(*java, "satırlar ı.csv", cwd=tmp_path)[0] == out
    head, *answers = csv.reader(io.StringIO(out))
    output = fitted.signature.output
    classes = list(output.allowed) if fitted.signature.is_classification else []
    assert head == [output.name, *classes]
    shares = [[float(value) for value in (answer[1:] or answer)] for answer in answers]
    np.testing.assert_allclose(shares, fitted.predict(matrix), rtol=1e-12)
    if classes:
        assert [answer[0] for answer in answers] == [classes[int(np.argmax(each))] for each in shares]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "line 1: there is no line of column names"),
        ("yaş,evli\n39\n", "line 2: there are 1 fields, not 2"),
        ('yaş,evli\n39,"true\n', "line 3: a quotation mark is not closed"),
        ("yaş,evli\n39,belki\n", "line 2: 'evli': belki is not true or false"),
        ("yaş,evli\n39,true\nçok,true\n", "line 3: 'yaş': çok is not a number"),
        ("yaş\n39\n", "line 2: 'evli': is missing"),
    ],
)
def test_a_jar_names_the_line_that_it_cannot_use(table: str, said: str, tmp_path: Path) -> None:
    path, _, _ = written("jar", "binary", tmp_path)
    _, err = run("java", "-jar", path.name, cwd=tmp_path, given=table, code=1)
    assert err.strip() == said


def test_a_jar_says_how_it_is_asked(tmp_path: Path) -> None:
    path, _, _ = written("jar", "binary", tmp_path)
    told, _ = run("java", "-jar", path.name, "--help", cwd=tmp_path)
    assert told.startswith("usage: java -jar FILE.jar [ROWS.csv] > ANSWERS.csv\n")
    assert "\n  evli: boolean" in told
    for wrong in (("--csv",), ("a.csv", "b.csv")):
        assert run("java", "-jar", path.name, *wrong, cwd=tmp_path, code=2)[1] == told
    assert run("java", "-jar", path.name, "yok.csv", cwd=tmp_path, code=1)[1] == "cannot read yok.csv\n"


def test_the_example_of_a_jar_compiles_and_answers(tmp_path: Path) -> None:
    path, _, _ = written("jar", "multi", tmp_path)
    with zipfile.ZipFile(path) as archive:
        code = example(archive.read("gelir_i_model/README.md").decode(), "java")
    head, _, body = code.partition("\n\n")
    source = f"{head} import java.util.*; class Main {{ public static void main(String[] a) {{ {body}\n"
    (tmp_path / "Main.java").write_text(f"{source} System.out.println(answer.label); }} }}", "ascii")
    out, _ = run("java", "-cp", path.name, "Main.java", cwd=tmp_path)
    assert out.strip()


def test_the_example_keeps_to_the_limits_and_to_the_kinds_of_every_column() -> None:
    columns = (
        Column(name="a", type=Type.NUMBER, minimum=0.5),
        Column(name="b", type=Type.INTEGER, maximum=-3),
        Column(name="c", type=Type.CATEGORY, allowed=("x|y",)),
        Column(name="d", type=Type.BOOLEAN),
        Column(name="gün", type=Type.DATE),
        Column(name="an", type=Type.DATETIME),
        Column(name="not", type=Type.TEXT, words=("iyi",)),
    )
    signature = Signature(inputs=Schema(columns), output=Column(name="y", type=Type.NUMBER))
    RowDecoder(signature).decode([example_row(signature.inputs)])


def test_a_jar_holds_sources_classes_and_facts(tmp_path: Path) -> None:
    path, _, _ = written("jar", "binary", tmp_path)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        facts = json.loads(archive.read("gelir_i_model/model.json"))
    for name in ("Model.java", "Model.class", "Main.java", "Main.class", "Model$Answer.class"):
        assert f"gelir_i_model/{name}" in names
    assert facts["parity"][0]["largest"] == 1e-16
    assert facts["model"] == 'gelir "ı"\n@1.2.3'


@pytest.mark.parametrize("kind", WRITERS)
def test_the_same_model_gives_the_same_bytes(kind: str, tmp_path: Path) -> None:
    one, _, _ = written(kind, "multi", tmp_path / "one")
    two, _, _ = written(kind, "multi", tmp_path / "two")
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize(
    ("name", "title", "module"),
    [
        ("income", "income-model", "income_model"),
        ("Income Model", "income-model", "income_model"),
        ("müşteri-kaybı", "musteri-kaybi-model", "musteri_kaybi_model"),
        ("İş", "is-model", "is_model"),
        ("2024", "2024-model", "_2024_model"),
        ("模型", "model", "model"),
        ("a" * 90, "a" * 90 + "-model", "a" * 90 + "_model"),
    ],
)
def test_names_are_those_that_installers_take(name: str, title: str, module: str, tmp_path: Path) -> None:
    named = product(NONE, name)
    assert (named.title, named.module) == (title, module)
    model, signature, _ = fit_sample("linear", "binary")
    plugin("format", "java").save(Fitted(model, signature), tmp_path)
    with needing_tools():
        file, content = jar.write_jar({"Model.java": (tmp_path / "Model.java").read_bytes()}, named)
    (tmp_path / file).write_bytes(content)
    out, _ = run("java", "-jar", file, cwd=tmp_path, given="x\n")
    assert out.startswith("sınıf,")
