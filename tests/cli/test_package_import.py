from __future__ import annotations

import json
import pickle
import warnings
from typing import TYPE_CHECKING, Any

import joblib
import jsonschema
import numpy as np
import onnx
import polars as pl
import pytest
import torch
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from docs.manifest_schema import schema
from journeys.home import Home
from kervan.core.identity import sha256_file
from kervan.package.contents.card import MODEL_CARD
from kervan.package.contents.manifest import FILE_NAME
from kervan.package.contents.materials import MATERIALS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

lightgbm = pytest.importorskip("lightgbm")
xgboost = pytest.importorskip("xgboost")
catboost = pytest.importorskip("catboost")


def rows(count: int = 300) -> pl.DataFrame:
    random = np.random.default_rng(0)
    age, income = random.integers(18, 90, count), random.normal(5_000, 1_500, count).round(2)
    leaves = (age / 40 + income / 5_000 < 2.2).tolist()
    return pl.DataFrame(
        {"yaş": age, "gelir": income, "ayrıldı": ["evet" if each else "hayır" for each in leaves]}
    )


def trained(home: Home) -> tuple[Any, pl.DataFrame]:
    """A project with a table, and a model that somebody trained on it without Kervan."""
    home.start()
    table = rows()
    table.write_csv(home.folder / "satırlar.csv")
    model = LogisticRegression(max_iter=1_000).fit(
        table.select("yaş", "gelir").to_numpy(), table["ayrıldı"].to_list()
    )
    joblib.dump(model, home.folder / "model.joblib", compress=3)
    return model, table


ASK = ("--name", "ayrılma", "--table", "satırlar.csv", "--target", "ayrıldı")


@pytest.mark.parametrize("to", ["paket", "paket.kervan"])
def test_a_model_becomes_a_package_that_is_whole(to: str, home: Home) -> None:
    trained(home)
    told = home.ask("package", "import", "model.joblib", to, *ASK, "--formats", "onnx,native,python").out
    assert f"ayrılma@1.0.0 is in {to}" in told
    assert "gives      ayrıldı: evet, hayır" in told
    assert (home.folder / to).is_file() == to.endswith(".kervan")
    checked = home.ask("package", "check", to, "--json").json
    assert checked["signer"] == home.ask("package", "key", "--json").json
    assert len(checked["answers"]) == len(checked["samples"]) == 20
    assert checked["lineage"]["source"] == "model.joblib"
    assert checked["lineage"]["source_kind"] == "scikit-learn"
    assert checked["lineage"]["source_hash"] == sha256_file(home.folder / "model.joblib")
    assert all(proof["rows"] > 300 for proof in checked["parity"])


def test_a_package_says_what_nobody_knows(home: Home) -> None:
    model, table = trained(home)
    home.ask(
        "package", "import", "model.joblib", "paket", *ASK, "--licence", "CC-BY-4.0", "--use", "To try it."
    )
    place = home.folder / "paket"
    told = json.loads((place / FILE_NAME).read_bytes())
    jsonschema.Draft202012Validator(schema()).validate(told)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str((place / MATERIALS).read_text()) is None
    assert told["metrics"] == {}
    assert told["data_card"] == told["lineage"]["dataset"] == ""
    assert not (place / "DATA_CARD.md").exists()
    card = (place / MODEL_CARD).read_text()
    for words in ("Trained elsewhere; imported", "nobody measured it here", "training data | not known"):
        assert words in card
    assert "CC-BY-4.0" in card
    assert "acceptance" not in card
    bill = json.loads((place / MATERIALS).read_bytes())
    assert "data" not in {part["type"] for part in bill["components"]}
    assert str(home.folder) not in "".join(path.read_text("latin-1") for path in place.rglob("*.*"))
    wanted = model.predict_proba(table.select("yaş", "gelir").head(20).to_numpy())
    np.testing.assert_allclose(told["answers"], wanted, atol=1e-6)


def test_a_signature_takes_the_place_of_the_target(home: Home) -> None:
    _, table = trained(home)
    home.ask("package", "import", "model.joblib", "paket", *ASK)
    table.drop("ayrıldı").write_csv(home.folder / "yalnız.csv")
    asked = ("--name", "yine", "--table", "yalnız.csv", "--signature", "paket/manifest.json")
    again = home.ask("package", "import", "model.joblib", "ikinci", *asked, "--json").json
    first = json.loads((home.folder / "paket" / FILE_NAME).read_bytes())
    assert again["manifest"]["signature"] == first["signature"]
    alone = first["signature"]
    alone["output"]["allowed"].reverse()
    home.write("imza.json", json.dumps(alone))
    asked = ("--name", "ters", "--table", "yalnız.csv", "--signature", "imza.json")
    turned = home.ask("package", "import", "model.joblib", "üçüncü", *asked, "--json").json
    np.testing.assert_allclose(np.array(turned["manifest"]["answers"])[:, ::-1], first["answers"], atol=1e-6)


MISTAKES: dict[str, tuple[list[str], str, int]] = {
    "no file": (["yok.txt", "paket", *ASK], "there is no file yok.txt", 3),
    "no model": (["satırlar.csv", "paket", *ASK], "satırlar.csv is text, and no model that is known", 2),
    "no target": (["model.joblib", "paket", *ASK[:4]], "no target is named", 2),
    "wrong target": (["model.joblib", "paket", *ASK[:5], "ayrıld"], "no column 'ayrıld'", 2),
    "wrong task": (
        ["model.joblib", "paket", *ASK, "--task", "regression"],
        "is a classification, not a regression",
        4,
    ),
    "no format": (["model.joblib", "paket", *ASK, "--formats", "onx"], "there is no format 'onx'", 3),
    "code alone": (["model.joblib", "paket", *ASK, "--formats", "c"], "can be served", 2),
    "wrong name": (["model.joblib", "paket", "--name", "a b", *ASK[2:]], "'a b' cannot name a model", 2),
    "wrong version": (["model.joblib", "paket", *ASK, "--version", "1"], "'1'", 2),
    "format named twice": (
        ["model.joblib", "paket", *ASK, "--formats", "onnx,onnx"],
        "the format 'onnx' is named twice",
        2,
    ),
    "a kind that is never run": (
        ["model.joblib", "paket", *ASK, "--allow", "pickle"],
        "--allow pickle changes nothing",
        2,
    ),
    "taken": (["model.joblib", "model.joblib", *ASK], "exists already", 5),
    "no signature": (
        ["model.joblib", "paket", *ASK, "--signature", "satırlar.csv"],
        "satırlar.csv is no signature",
        2,
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_and_leaves_nothing(name: str, home: Home) -> None:
    trained(home)
    arguments, words, code = MISTAKES[name]
    before = sorted(path.name for path in home.folder.iterdir())
    said = home.ask("package", "import", *arguments, code=code).err
    assert words in said
    assert "Traceback" not in said
    assert sorted(path.name for path in home.folder.iterdir() if path.name != ".kervan") == [
        each for each in before if each != ".kervan"
    ]


def test_the_model_says_what_numbers_in_its_target_are(home: Home) -> None:
    """Three numbers could be classes or values; texts are no values."""
    home.start()
    table = rows().with_columns((pl.col("yaş") // 30).alias("ayrıldı"))
    table.write_csv(home.folder / "satırlar.csv")
    matrix = table.select("yaş", "gelir").to_numpy()
    for name, kind in (("sınıf", DecisionTreeClassifier), ("değer", DecisionTreeRegressor)):
        joblib.dump(kind(max_depth=3).fit(matrix, table["ayrıldı"].to_list()), home.folder / name)
    for name, allowed in (("sınıf", ["0", "1", "2"]), ("değer", [])):
        told = home.ask("package", "import", name, f"{name}.kervan", *ASK, "--json").json
        assert told["manifest"]["signature"]["output"]["allowed"] == allowed
    rows().write_csv(home.folder / "satırlar.csv")
    said = home.ask("package", "import", "değer", "paket", *ASK, code=4).err
    assert "is a regression, not a classification" in said
    asked = (*ASK, "--task", "regression")
    assert "holds no numbers" in home.ask("package", "import", "değer", "paket", *asked, code=2).err


def test_rows_without_an_answer_are_counted_and_the_first_is_shown(home: Home) -> None:
    home.start()
    table = rows(30).with_columns(
        pl.when(pl.int_range(30) > 10).then(pl.col("gelir")).alias("gelir"), ayrıldı=pl.lit(1.5)
    )
    table.write_csv(home.folder / "satırlar.csv")
    nodes = [onnx.helper.make_node("ReduceSum", ["X", "axes"], ["Y"], keepdims=1)]
    made = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, width])
        for name, width in (("X", 2), ("Y", 1))
    ]
    axes = onnx.helper.make_tensor("axes", onnx.TensorProto.INT64, [1], [1])
    graph = onnx.helper.make_graph(nodes, "sum", made[:1], made[1:], [axes])
    onnx.save(
        onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 19)], ir_version=9),
        home.folder / "sum.onnx",
    )
    said = home.ask("package", "import", "sum.onnx", "paket", *ASK, code=4).err
    assert "answers 11 of the table's 30 rows with no number: the first is row 1, where 'gelir' is" in said


def test_texts_whose_codes_nobody_knows_are_refused(home: Home) -> None:
    _, table = trained(home)
    table.with_columns(pl.col("gelir").cast(pl.String) + " TL").head(40).write_csv(
        home.folder / "satırlar.csv"
    )
    said = home.ask("package", "import", "model.joblib", "paket", *ASK, code=2).err
    assert "column 'gelir' of the table holds texts" in said


def test_a_file_is_inspected(home: Home) -> None:
    trained(home)
    home.write("model.pkl", pickle.dumps(LogisticRegression()))
    told = home.ask("package", "inspect", "satırlar.csv").out
    assert "text" in told
    assert "yes: no reader runs it" in told
    assert "pickle" in home.ask("package", "inspect", "model.pkl", code=4).err
    allowed = home.ask("package", "inspect", "model.joblib", "--allow", "pickle", "--json").json
    assert allowed["kind"] == "pickle"
    assert allowed["runs_code"]
    assert allowed["wrapped"] == ["zlib"]
    assert (
        "no kind of file 'pickel'"
        in home.ask("package", "inspect", "model.pkl", "--allow", "pickel", code=2).err
    )
    assert "there is no file" in home.ask("package", "inspect", "yok", code=3).err
    assert "is a folder" in home.ask("package", "inspect", ".", "--quiet", code=3).err


TRAINERS: dict[str, Callable[[Any, Any, bool, Path], Path]] = {}


def trainer(function: Callable[[Any, Any, bool, Path], Path]) -> Callable[[Any, Any, bool, Path], Path]:
    TRAINERS[function.__name__] = function
    return function


@trainer
def light(matrix: Any, truth: Any, is_value: bool, folder: Path) -> Path:
    kind = lightgbm.LGBMRegressor if is_value else lightgbm.LGBMClassifier
    model = kind(n_estimators=20, verbose=-1).fit(matrix, truth, feature_name="auto")
    model.booster_.save_model(folder / "model.txt")
    return folder / "model.txt"


@trainer
def extreme(matrix: Any, truth: Any, is_value: bool, folder: Path) -> Path:
    kind = xgboost.XGBRegressor if is_value else xgboost.XGBClassifier
    codes = truth if is_value else np.unique(truth, return_inverse=True)[1]
    kind(n_estimators=20).fit(matrix, codes).save_model(folder / "model.ubj")
    return folder / "model.ubj"


@trainer
def cat(matrix: Any, truth: Any, is_value: bool, folder: Path) -> Path:
    kind = catboost.CatBoostRegressor if is_value else catboost.CatBoostClassifier
    kind(iterations=20, verbose=0, allow_writing_files=False).fit(matrix, truth).save_model(
        str(folder / "model.cbm")
    )
    return folder / "model.cbm"


@pytest.mark.data
@pytest.mark.parametrize("library", TRAINERS)
@pytest.mark.parametrize("is_value", [False, True], ids=["classes", "values"])
def test_boosters_of_real_rows_are_proved(library: str, is_value: bool, home: Home, data_dir: Path) -> None:
    home.start()
    table = pl.read_csv(data_dir / "wine-quality/winequality-red.csv", separator=";")
    target = "alcohol" if is_value else "quality"
    matrix, truth = table.drop(target).to_numpy().astype(np.float64), table[target].to_numpy()
    table.write_csv(home.folder / "rows.csv")
    path = TRAINERS[library](matrix, truth, is_value, home.folder)
    task = "regression" if is_value else "classification"
    asked = ("--name", "wine", "--table", "rows.csv", "--target", target, "--task", task)
    home.ask("package", "import", str(path), "wine.kervan", *asked, "--formats", "onnx,python")
    told = home.ask("package", "check", "wine.kervan", "--json").json
    allowed = told["signature"]["output"]["allowed"]
    assert allowed == ([] if is_value else ["3", "4", "5", "6", "7", "8"])
    assert all(proof["rows"] > 1_000 for proof in told["parity"])


@pytest.mark.data
def test_texts_reach_a_booster_by_the_codes_that_it_keeps(home: Home, data_dir: Path) -> None:
    pandas = pytest.importorskip("pandas")
    home.start()
    frame = pandas.read_csv(data_dir / "german-credit/german.csv").head(1_000)
    target = "class"
    kept = frame[[name for name in frame.columns if name != target][:8]]
    texts = [name for name in kept.columns if not pandas.api.types.is_numeric_dtype(kept[name])]
    assert texts
    matrix = kept.astype(dict.fromkeys(texts, "category"))
    model = lightgbm.LGBMClassifier(n_estimators=15, verbose=-1).fit(matrix, frame[target].astype(str))
    model.booster_.save_model(home.folder / "model.txt")
    kept.assign(**{target: frame[target].astype(str)}).to_csv(home.folder / "rows.csv", index=False)
    asked = ("--name", "credit", "--table", "rows.csv", "--target", target, "--task", "classification")
    home.ask("package", "import", "model.txt", "paket", *asked, "--formats", "onnx,python")
    told = home.ask("package", "check", "paket", "--json").json
    np.testing.assert_allclose(told["answers"], model.predict_proba(matrix.head(20)), atol=1e-6)
    assert {each["name"] for each in told["signature"]["inputs"]["columns"] if each["allowed"]} == set(texts)


WHY = ("--why", "bankadan, elle denendi")


def test_an_imported_model_is_released_with_a_reason_and_on_record(home: Home) -> None:
    """It has no run, no data and no acceptance; everything that asks for these says so."""
    trained(home)
    home.ask("package", "import", "model.joblib", "paket.kervan", *ASK)
    to = ("--to", "üretim", "--port", "0")
    assert "there is no file peket.kervan" in home.ask("release", "peket.kervan", *to, code=3).err
    refused = home.ask("release", "paket.kervan", *to, code=4)
    assert "was trained elsewhere, and nobody accepted it" in refused.err
    assert home.ask("models", "--json").json == []
    released = home.ask("release", "paket.kervan", *to, *WHY, "--json").json
    assert released["shares"] == {"ayrılma@1.0.0": 1.0}
    assert released["why"] == WHY[1]
    [model] = home.ask("models", "--json").json
    assert (model["run"], model["dataset"], model["acceptance"], model["metrics"]) == ("", "", "", {})
    assert "trained elsewhere" in home.ask("models").out
    assert "none: it was trained elsewhere" in home.ask("models", "ayrılma").out
    [answer] = home.ask("predict", "ayrılma", "--row", '{"yaş": 30, "gelir": 900.5}', "--json").json
    assert answer["label"] == "evet"
    traced = home.ask("trace", answer["id"])
    assert "accepted     by nobody: it was trained elsewhere" in traced.out
    assert "imported     from model.joblib (sha256 " in traced.out
    assert home.ask("trace", answer["id"], "--json").json["acceptance"] is None
    assert "nothing is known of the data" in home.ask("drift", "üretim", code=3).err
    for command in (("formats", "ayrılma"), ("write", "ayrılma", "c", "kod"), ("optimise", "ayrılma")):
        assert "import it again and name its formats" in home.ask("package", *command, code=4).err
    assert "imported model" in home.ask("audit", "list", "--subject", model["id"]).out
    home.ask("audit", "verify")
    home.ask("doctor")


@pytest.mark.parametrize("name", ["paket", "paket.kervan"])
def test_a_package_is_not_imported_again(name: str, home: Home) -> None:
    trained(home)
    home.ask("package", "import", "model.joblib", name, *ASK)
    said = home.ask("package", "import", name, "ikinci", *ASK, code=2).err
    assert f"{name} is a package already" in said


def test_a_package_of_this_project_is_released_as_what_is_on_record(lived: Home) -> None:
    name = "müşteri-kaybı"
    lived.ask("package", "export", name, "paket.kervan")
    before = lived.ask("models", "--json").json
    released = lived.ask("release", "paket.kervan", "--to", "deneme", "--port", "0", "--json").json
    assert released["shares"] == {f"{name}@1.0.0": 1.0}
    assert lived.ask("models", "--json").json == before


def test_what_cannot_be_released_from_a_file_is_named(home: Home) -> None:
    _, table = trained(home)
    home.ask("package", "import", "model.joblib", "ilk", *ASK)
    to = ("--to", "üretim", "--port", "0")
    home.ask("release", "ilk", *to, *WHY)
    again = home.ask("release", "ilk", *to, "--json").json
    assert len(home.ask("models", "--json").json) == 1
    assert again["why"] == WHY[1]
    model = LogisticRegression().fit(table.select("gelir").to_numpy(), table["ayrıldı"].to_list())
    joblib.dump(model, home.folder / "model.joblib")
    table.drop("yaş").write_csv(home.folder / "satırlar.csv")
    home.ask("package", "import", "model.joblib", "ikinci", *ASK, "--version", "1.1.0")
    said = home.ask("release", "ikinci", *to, *WHY, code=5).err
    assert "ayrılma@1.1.0 says too little of what changed" in said
    assert "--version 2.0.0" in said
    home.ask("package", "import", "model.joblib", "üçüncü", *ASK, "--version", "2.0.0")
    assert "breaks those who ask ayrılma@1.0.0" in home.ask("release", "üçüncü", *to, *WHY, code=4).err
    done = home.ask("release", "üçüncü", *to, *WHY, "--breaking", "--json").json
    assert done["shares"] == {"ayrılma@2.0.0": 1.0}
    other = Home(home.folder / "komşu", home.environ)
    other.folder.mkdir()
    other.start()
    assert "signed by another project" in other.ask("release", "../ilk", *to, *WHY, code=4).err
    (home.folder / "ilk" / MODEL_CARD).write_text("değişti")
    assert "was changed" in home.ask("release", "ilk", *to, *WHY, code=6).err


def test_a_module_of_pytorch_is_run_if_its_kind_is_allowed_by_name(home: Home) -> None:
    home.start()
    random = np.random.default_rng(0)
    rows = random.normal(size=(200, 2)).round(3)
    module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Softmax(dim=1)).eval()
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # PyTorch's own, of the format
        torch.jit.script(module).save(str(home.folder / "model.pt"))  # type: ignore[no-untyped-call]
    labels = module(torch.tensor(rows, dtype=torch.float32)).argmax(1).tolist()
    assert set(labels) == {0, 1, 2}
    table = pl.DataFrame({"a": rows[:, 0], "b": rows[:, 1], "y": labels})
    table.write_csv(home.folder / "rows.csv")
    told = ("--name", "net", "--table", "rows.csv", "--target", "y", "--task", "classification")
    asked = ("package", "import", "model.pt", "modül", *told)
    refused = home.ask(*asked, code=4)
    assert "allow 'torchscript' by name" in refused.err
    assert "there is no kind of file 'torchscrip'" in home.ask(*asked, "--allow", "torchscrip", code=2).err
    assert not (home.folder / "modül").exists()
    home.ask(*asked, "--allow", "torchscript", "--formats", "onnx,c")
    checked = home.ask("package", "check", "modül", "--json").json
    assert "PyTorch" in checked["lineage"]["source_kind"]
    assert {proof["format"].partition("/")[0] for proof in checked["parity"]} == {"onnx", "c"}


def test_a_document_of_pmml_becomes_a_package(lived: Home) -> None:
    lived.ask("package", "write", "müşteri-kaybı", "pmml", "yazılı")
    asked = ("--name", "geri", "--table", "müşteriler.csv", "--target", "ayrıldı", "--formats", "onnx,python")
    told = lived.ask("package", "import", "yazılı/model.pmml", "geri.kervan", *asked).out
    assert "geri@1.0.0 is in geri.kervan" in told
    assert "python" in lived.ask("package", "check", "geri.kervan").out


def decimals(count: int = 400) -> pl.DataFrame:
    """Prices, shares with one decimal, and seconds since 1970: what float32 does not hold."""
    random = np.random.default_rng(0)
    price, share = random.uniform(0, 100, count).round(2), random.uniform(0, 1, count).round(1)
    second = 1.7e9 + random.integers(0, 4_000, count)
    return pl.DataFrame({"price": price, "share": share, "second": second}).with_columns(
        y=pl.Series(np.sin(price) * 10 + (share > 0.5) * 5 + second % 7)
    )


def originals() -> dict[str, Any]:
    spread = OneHotEncoder(handle_unknown="ignore")
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    bins = KBinsDiscretizer(
        10, encode="onehot-dense", strategy="quantile", quantile_method="averaged_inverted_cdf"
    )
    return {
        "one hot": make_pipeline(ColumnTransformer([("o", spread, [1])], remainder="passthrough"), Ridge()),
        "ordinal": make_pipeline(
            ColumnTransformer([("o", ordinal, [1, 0])]), DecisionTreeRegressor(max_depth=6)
        ),
        "bins": make_pipeline(bins, Ridge()),
        "boosting": HistGradientBoostingRegressor(max_iter=20),
        "forest": RandomForestRegressor(5, random_state=0),
        "scaled tree": make_pipeline(StandardScaler(), DecisionTreeRegressor(max_depth=8)),
        "LightGBM": lightgbm.LGBMRegressor(n_estimators=20, verbose=-1, min_child_samples=2, num_leaves=63),
        "XGBoost": xgboost.XGBRegressor(n_estimators=10),
    }


@pytest.mark.parametrize("kind", originals())
def test_an_imported_model_answers_the_very_rows_of_the_table(kind: str, home: Home) -> None:
    home.start()
    table = decimals()
    table.write_csv(home.folder / "rows.csv")
    matrix, truth = table.drop("y").to_numpy(), table["y"].to_numpy()
    model = originals()[kind].fit(matrix, truth)
    file = {"LightGBM": "model.txt", "XGBoost": "model.ubj"}.get(kind, "model.joblib")
    if kind == "LightGBM":
        model.booster_.save_model(home.folder / file)
    elif kind == "XGBoost":
        model.get_booster().save_model(home.folder / file)
    else:
        joblib.dump(model, home.folder / file)
    asked = ("--name", "m", "--table", "rows.csv", "--target", "y", "--formats", "onnx,python")
    home.ask("package", "import", file, "paket", *asked)
    source: dict[str, Any] = {
        "__name__": "written",
        "__file__": str(home.folder / "paket" / "python" / "model.py"),
    }
    exec((home.folder / "paket" / "python" / "model.py").read_text(), source)
    told = [source["predict"](row)["value"] for row in table.drop("y").to_dicts()]
    np.testing.assert_allclose(told, model.predict(matrix), rtol=2e-6 if kind == "XGBoost" else 1e-12)
