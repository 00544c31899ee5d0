"""Broken and crafted native files: never a crash, never an array that is read past its end."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from sklearn.cluster import Birch, BisectingKMeans, FeatureAgglomeration, KMeans
from sklearn.decomposition import NMF, PCA
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KernelDensity, KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    SplineTransformer,
)
from sklearn.svm import SVC, SVR, LinearSVC, NuSVC
from sklearn.tree import DecisionTreeClassifier

from kervan.core.errors import Corrupted, Refused
from kervan.package.writing.native.arrays import write_arrays
from kervan.package.writing.native.read import read_model
from kervan.package.writing.native.write import take_apart, write_model

from .every_estimator import CLASSES, NUMBERS, ROWS

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.sampled

WORKER = Path(__file__).with_name("native_mutations.py")
CODES = np.abs(ROWS).astype(int) % 4
MODELS: dict[str, Any] = {
    "forest": RandomForestClassifier(3, max_depth=4, random_state=0),
    "boosting": GradientBoostingClassifier(n_estimators=3, random_state=0),
    "histogram": HistGradientBoostingClassifier(max_iter=3, categorical_features=[0, 1]),
    "vectors": SVC(),
    "number-vectors": SVR(),
    "brute": KNeighborsClassifier(algorithm="brute"),
    "near": KNeighborsClassifier(algorithm="kd_tree"),
    "codes": make_pipeline(OneHotEncoder(handle_unknown="ignore", max_categories=3), LogisticRegression()),
    "dense-codes": make_pipeline(KBinsDiscretizer(quantile_method="averaged_inverted_cdf"), SGDClassifier()),
    "number-splines": make_pipeline(SplineTransformer(), PolynomialFeatures(1), SVR(kernel="linear")),
    "clusters": make_pipeline(KMeans(4, n_init=1, random_state=0), GaussianNB()),
    "halves": make_pipeline(BisectingKMeans(4, random_state=0), GaussianNB()),
    "grown": make_pipeline(Birch(threshold=1.0), GaussianNB()),
    "joined": make_pipeline(FeatureAgglomeration(3), KNeighborsClassifier(algorithm="ball_tree")),
    "process": GaussianProcessClassifier(),
    "counted": make_pipeline(MinMaxScaler(clip=True), NMF(3, random_state=0), LinearSVC()),
    "analysed": make_pipeline(PCA(4), QuantileTransformer(n_quantiles=20), NuSVC()),
    "network": MLPClassifier((4,), max_iter=5, random_state=0),
    "stack": StackingClassifier([("a", DecisionTreeClassifier(max_depth=2)), ("b", GaussianNB())], cv=2),
}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a stored model of each kind."""
    folder = tmp_path_factory.mktemp("stored")
    for name, model in MODELS.items():
        rows = CODES if "codes" in name or name == "histogram" else ROWS
        (folder / name).mkdir()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(rows, NUMBERS if name.startswith("number") else CLASSES)
        write_model(model, folder / name)
    return folder


@pytest.mark.parametrize("seed", range(4))
def test_a_broken_model_never_crashes(seed: int, stored: Path) -> None:
    command = [sys.executable, str(WORKER), str(stored), str(seed), "300"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert ended.returncode == 0, f"{ended.returncode}: {ended.stdout[-300:]}\n{ended.stderr[-3000:]}"
    found = json.loads(ended.stdout.splitlines()[-1])
    assert found["refused"] > 100
    assert found["refused"] + found["answered"] == 300


def spoil(model: Any, folder: Path, change: Callable[[list[Any], list[Any]], None]) -> Path:
    """Store a model after changing its nodes (as JSON) or arrays."""
    description, arrays = take_apart(model)
    plain = msgspec.to_builtins(description)
    arrays = [array.copy(order="K") for array in arrays]
    change(plain["nodes"], arrays)
    for entry, array in zip(plain["arrays"], arrays, strict=True):
        entry["shape"] = list(array.shape)
    (folder / "model.json").write_bytes(msgspec.json.encode(plain))
    write_arrays(folder / "arrays.bin", arrays)
    return folder


def attribute(nodes: list[Any], kind: str, name: str) -> tuple[list[Any], int]:
    """Find where an attribute's value is kept."""
    node = next(node for node in nodes if node["is"] == "object" and node["type"].endswith(f".{kind}"))
    return node["values"], node["names"].index(name)


def array_of(nodes: list[Any], arrays: list[Any], kind: str, name: str) -> Any:
    values, place = attribute(nodes, kind, name)
    node = nodes[values[place][0]]
    return arrays[node["array"]]


def records(arrays: list[Any], field: str) -> Any:
    return next(array for array in arrays if field in (array.dtype.names or ()))


def set_attribute(kind: str, name: str, value: Any) -> Callable[[list[Any], list[Any]], None]:
    def change(nodes: list[Any], arrays: list[Any]) -> None:
        values, place = attribute(nodes, kind, name)
        values[place] = value

    return change


def set_record(field: str, value: int, place: Any = 0) -> Callable[[list[Any], list[Any]], None]:
    def change(nodes: list[Any], arrays: list[Any]) -> None:
        records(arrays, field)[field][place] = value

    return change


def set_item(kind: str, name: str, value: Any) -> Callable[[list[Any], list[Any]], None]:
    def change(nodes: list[Any], arrays: list[Any]) -> None:
        array_of(nodes, arrays, kind, name).flat[-1] = value

    return change


def cut_rows(kind: str, name: str) -> Callable[[list[Any], list[Any]], None]:
    def change(nodes: list[Any], arrays: list[Any]) -> None:
        values, place = attribute(nodes, kind, name)
        at = nodes[values[place][0]]["array"]
        arrays[at] = arrays[at][:-1]

    return change


def _add(nodes: list[Any], kind: str, name: str, value: Any) -> None:
    node = next(node for node in nodes if node["is"] == "object" and node["type"].endswith(f".{kind}"))
    node["names"].append(name)
    node["values"].append(value)


def _set_argument(nodes: list[Any], kind: str, place: int, value: Any) -> None:
    node = next(node for node in nodes if node["is"] == "made" and node["type"] == kind)
    node["arguments"][place] = value


def _set_sparse(nodes: list[Any], arrays: list[Any]) -> None:
    node = next(node for node in nodes if node["is"] == "made" and node["type"].startswith("csr"))
    arrays[nodes[node["arguments"][1][0]]["array"]][-1] = 10_000


def _shift_mapping(nodes: list[Any], arrays: list[Any]) -> None:
    values, place = attribute(nodes, "OneHotEncoder", "_default_to_infrequent_mappings")
    mapping = next(item for item in nodes[values[place][0]]["items"] if item is not None)
    arrays[nodes[mapping[0]]["array"]][-1] = 500


def _shift_words(nodes: list[Any]) -> None:
    values, place = attribute(nodes, "CountVectorizer", "vocabulary_")
    nodes[values[place][0]]["values"][0] = 4_000


def _narrow(nodes: list[Any], arrays: list[Any], kind: str, name: str) -> None:
    values, place = attribute(nodes, kind, name)
    at = nodes[values[place][0]]["array"]
    arrays[at] = np.ascontiguousarray(arrays[at][:, :-1])


def _cut_features(nodes: list[Any], arrays: list[Any]) -> None:
    values, place = attribute(nodes, "IsolationForest", "estimators_features_")
    at = nodes[nodes[values[place][0]]["items"][0][0]]["array"]
    arrays[at] = arrays[at][:-2]


TREE = DecisionTreeClassifier(max_depth=3).fit(ROWS, CLASSES)
HISTOGRAM = HistGradientBoostingClassifier(max_iter=2, categorical_features=list(range(8))).fit(
    CODES, CLASSES
)
BOOSTED = GradientBoostingClassifier(n_estimators=2).fit(ROWS, CLASSES)
NEAR = KNeighborsClassifier(algorithm="brute").fit(ROWS, CLASSES)
VECTORS = SVC().fit(ROWS, CLASSES)
ONE_HOT = OneHotEncoder(max_categories=3, drop="first").fit(CODES)
WORDS = CountVectorizer().fit(["bir iki", "iki üç"])
CRAFTED: dict[str, tuple[Any, Callable[[list[Any], list[Any]], None]]] = {
    "a child behind the end": (TREE, set_record("left_child", 10_000)),
    "a child below zero": (TREE, set_record("right_child", -5)),
    "a tree that bites its tail": (TREE, set_record("left_child", 0)),
    "an input that is not there": (TREE, set_record("feature", 8)),
    "an input below zero": (TREE, set_record("feature", -3)),
    "more inputs than the tree has": (TREE, set_attribute("DecisionTreeClassifier", "n_features_in_", 3)),
    "no number of inputs": (TREE, set_attribute("DecisionTreeClassifier", "n_features_in_", None)),
    "something else for a tree": (BOOSTED, set_attribute("DecisionTreeRegressor", "tree_", 5)),
    "boosting over other inputs": (BOOSTED, set_attribute("GradientBoostingClassifier", "n_features_in_", 2)),
    "boosting that starts with fewer classes": (
        BOOSTED,
        set_attribute("DummyClassifier", "class_prior_", 0.5),
    ),
    "a child of boosting behind the end": (HISTOGRAM, set_record("left", 60_000)),
    "an input of boosting that is not there": (HISTOGRAM, set_record("feature_idx", 99)),
    "categories that are not there": (HISTOGRAM, set_record("bitset_idx", 77, slice(None))),
    "a known row of no class": (NEAR, set_item("KNeighborsClassifier", "_y", 3)),
    "a known row of a class below zero": (NEAR, set_item("KNeighborsClassifier", "_y", -1)),
    "fewer known classes than rows": (NEAR, cut_rows("KNeighborsClassifier", "_y")),
    "fewer rows than counted": (NEAR, cut_rows("KNeighborsClassifier", "_fit_X")),
    "more neighbours than rows": (NEAR, set_attribute("KNeighborsClassifier", "n_neighbors", 2**40)),
    "fewer support vectors": (VECTORS, cut_rows("SVC", "support_vectors_")),
    "fewer intercepts": (VECTORS, cut_rows("SVC", "_intercept_")),
    "fewer coefficients": (VECTORS, cut_rows("SVC", "_dual_coef_")),
    "a support vector that is no row": (VECTORS, set_item("SVC", "support_", 10_000)),
    "another count of support vectors": (VECTORS, set_item("SVC", "_n_support", 10_000)),
    "another machine": (VECTORS, lambda nodes, _: _add(nodes, "SVC", "_impl", "epsilon_svr")),
    "a method that is a number": (VECTORS, lambda nodes, _: _add(nodes, "SVC", "predict", 5)),
    "a name of the language": (VECTORS, lambda nodes, _: _add(nodes, "SVC", "__class__", 5)),
    "a column for a category that is not there": (
        ONE_HOT,
        _shift_mapping,
    ),
    "a word behind the last column": (WORDS, lambda nodes, _: _shift_words(nodes)),
    "centres of other inputs": (
        KMeans(2, n_init=1).fit(ROWS),
        lambda nodes, arrays: _narrow(nodes, arrays, "KMeans", "cluster_centers_"),
    ),
    "a million threads": (KMeans(2, n_init=1).fit(ROWS), set_attribute("KMeans", "_n_threads", 1_000_000)),
    "a million jobs": (
        RandomForestClassifier(2).fit(ROWS, CLASSES),
        set_attribute("RandomForestClassifier", "n_jobs", 10**6),
    ),
    "fewer norms than centres": (Birch().fit(ROWS), cut_rows("Birch", "_subcluster_norms")),
    "fewer inputs for a tree": (
        IsolationForest(n_estimators=2, max_features=4).fit(ROWS),
        _cut_features,
    ),
    "a random state behind its end": (
        RandomForestClassifier(2, random_state=np.random.RandomState(3)).fit(ROWS, CLASSES),
        lambda nodes, _: _set_argument(nodes, "random", 1, 10_000),
    ),
    "a sparse matrix behind its end": (
        LogisticRegression().fit(ROWS, CLASSES).sparsify(),
        _set_sparse,
    ),
    "a circle of clusters": (
        BisectingKMeans(3, random_state=0).fit(ROWS),
        set_attribute("_BisectingTree", "left", (0,)),
    ),
    "a model in itself": (
        make_pipeline(GaussianNB()).fit(ROWS, CLASSES),
        lambda nodes, _: _add(nodes, "GaussianNB", "inner", (0,)),
    ),
    "a search tree of no rows": (
        KernelDensity().fit(ROWS),
        lambda nodes, arrays: _set_argument(nodes, "KDTree", 1, 0),
    ),
}


@pytest.mark.parametrize("case", CRAFTED)
def test_a_crafted_model_is_refused_before_it_answers(case: str, tmp_path: Path) -> None:
    model, change = CRAFTED[case]
    with pytest.raises(Corrupted):
        read_model(spoil(model, tmp_path, change))


def test_the_same_without_a_change_is_read(tmp_path: Path) -> None:
    for place, (model, _) in enumerate(CRAFTED.values()):
        folder = tmp_path / str(place)
        folder.mkdir()
        assert type(read_model(spoil(model, folder, lambda *_: None))) is type(model)


def test_models_that_multiply_are_refused(tmp_path: Path) -> None:
    model: Any = GaussianNB()
    for _ in range(40):
        model = FeatureUnion([("a", model), ("b", model)])
    write_model(model, tmp_path)
    with pytest.raises(Corrupted, match="multiply"):
        read_model(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "builtins.eval",
        "sklearn.utils._testing.assert_allclose",
        "sklearn.externals.array_api_compat.numpy.linalg",
        "sklearn.datasets._base.load_files",
        "sklearn.conftest.pytest",
        "sklearn.base.os",
        "sklearn.tests.test_base.MyEstimator",
        "joblib.memory.Memory",
        "sklearn.nothing.here",
        "sklearn.utils.validation.joblib.Memory",
        "sklearn.pipeline.",
        "",
    ],
)
def test_other_names_are_refused(name: str, tmp_path: Path) -> None:
    def as_class(nodes: list[Any], _: list[Any]) -> None:
        nodes[0]["type"] = name

    with pytest.raises(Refused, match="may be loaded"):
        read_model(spoil(GaussianNB().fit(ROWS, CLASSES), tmp_path, as_class))

    def as_function(nodes: list[Any], _: list[Any]) -> None:
        nodes.append({"is": "name", "name": name})

    with pytest.raises(Refused, match="may be loaded"):
        read_model(spoil(GaussianNB().fit(ROWS, CLASSES), tmp_path, as_function))


@pytest.mark.parametrize(
    ("entry", "wrong"),
    [
        ({"dtype": "|O8", "shape": [1]}, "unknown"),
        ({"dtype": "<f8", "shape": [2**47, 2**47]}, "size"),
        ({"dtype": "<f8", "shape": [-1]}, "shape"),
        ({"dtype": "<f8", "shape": [2**60]}, "shape"),
        ({"dtype": "<f8", "shape": [1] * 64}, "shape"),
        ({"dtype": "<U0", "shape": [2**40]}, "unknown"),
        ({"dtype": "<U99999", "shape": [1]}, "unknown"),
        ({"dtype": "V8", "shape": [1]}, "unknown"),
        ({"dtype": "f8,O", "shape": [1]}, "unknown"),
    ],
)
def test_announced_arrays_must_be_there(entry: Any, wrong: str, tmp_path: Path) -> None:
    write_model(GaussianNB().fit(ROWS, CLASSES), tmp_path)
    description = json.loads((tmp_path / "model.json").read_bytes())
    description["arrays"].append(entry)
    (tmp_path / "model.json").write_text(json.dumps(description))
    with pytest.raises(Corrupted, match=wrong):
        read_model(tmp_path)


@pytest.mark.parametrize(
    "text",
    ["[" * 200_000, '{"a":' * 200_000, "null", "[]", '{"format":1}', "\ufeff{}", '{"format":1e999}'],
    ids=["deep list", "deep object", "null", "list", "incomplete", "mark", "huge number"],
)
def test_other_json_is_corrupted(text: str, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(Corrupted):
        read_model(tmp_path)


def test_an_isotonic_function_is_made_again_from_its_points(tmp_path: Path) -> None:
    model = IsotonicRegression().fit(ROWS[:, 0], NUMBERS)
    with pytest.raises(Corrupted):
        read_model(spoil(model, tmp_path, cut_rows("IsotonicRegression", "X_thresholds_")))
