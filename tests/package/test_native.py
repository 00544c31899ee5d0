"""The native format: everything of scikit-learn comes back bit for bit; nothing else is stored."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    StackingRegressor,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, mutual_info_classif
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import DotProduct, Matern, WhiteKernel
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import BallTree, KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier

from kervan.core.errors import Corrupted, Refused
from kervan.model.neighbours import NeighboursClassifier
from kervan.package.writing.native.read import read_model
from kervan.package.writing.native.write import write_model

from .every_estimator import CLASSES, NUMBERS, ROWS, TEXTS, fitted, names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ANSWERS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform", "score_samples")
# What it cannot store, and why: it keeps records of no use for predicting, and cannot predict.
NOT_STORED = {"HDBSCAN"}
# It answers with a random number each time.
RANDOM = {("BernoulliRBM", "score_samples")}


def there_and_back(model: Any, folder: Path) -> Any:
    write_model(model, folder)
    return read_model(folder)


def answers(model: Any, rows: Any, name: str = "") -> Iterator[tuple[str, list[np.ndarray]]]:
    """Give every answer of a model as plain arrays. Rows are copied: some models know their own again."""
    rows = rows.copy() if isinstance(rows, np.ndarray) else rows
    for way in ANSWERS:
        if not hasattr(model, way) or (name, way) in RANDOM:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = getattr(model, way)(rows)
        parts = found if isinstance(found, (list, tuple)) else [found]
        yield way, [piece for part in parts for piece in _pieces(part)]


def _pieces(part: Any) -> list[np.ndarray]:
    if not sparse.issparse(part):
        return [np.asarray(part)]
    rows = part.tocsr()
    return [np.array(rows.shape), rows.data, rows.indices, rows.indptr]


def assert_same(original: Any, again: Any, rows: Any, name: str = "") -> None:
    wanted, found = dict(answers(original, rows, name)), dict(answers(again, rows, name))
    assert wanted.keys() == found.keys()
    assert wanted
    for way, parts in wanted.items():
        for one, other in zip(parts, found[way], strict=True):
            assert one.dtype == other.dtype, way
            np.testing.assert_array_equal(one, other, err_msg=way)


def test_all_predicting_estimators_are_named() -> None:
    assert len(names("classifier", "regressor")) >= 99


@pytest.mark.sampled
@pytest.mark.parametrize("name", names("classifier", "regressor"))
def test_every_classifier_and_regressor_answers_bit_for_bit(name: str, tmp_path: Path) -> None:
    model, rows = fitted(name)
    assert_same(model, there_and_back(model, tmp_path), rows, name)


@pytest.mark.sampled
@pytest.mark.parametrize("name", sorted(set(names()) - set(names("classifier", "regressor")) - NOT_STORED))
def test_every_other_estimator_comes_back(name: str, tmp_path: Path) -> None:
    model, rows = fitted(name)
    again = there_and_back(model, tmp_path)
    assert type(again) is type(model)
    assert repr(again) == repr(model)
    if any(hasattr(model, way) for way in ANSWERS):
        assert_same(model, again, rows, name)


MIXED = np.column_stack([ROWS[:, :3], np.arange(150) % 4, np.where(np.arange(150) % 9, ROWS[:, 4], np.nan)])
PIPELINES = {
    "columns": make_pipeline(
        ColumnTransformer(
            [
                ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), [0, 1, 2, 4]),
                ("codes", OneHotEncoder(handle_unknown="ignore", max_categories=3, drop="first"), [3]),
            ],
            remainder="passthrough",
        ),
        LogisticRegression(),
    ),
    "ordinal": make_pipeline(
        ColumnTransformer([("codes", OrdinalEncoder(), slice(3, 4))], remainder=SimpleImputer()),
        RandomForestClassifier(20, random_state=0),
    ),
    "nearest imputer": make_pipeline(
        KNNImputer(), GradientBoostingClassifier(n_estimators=10, random_state=0)
    ),
    "native categories": HistGradientBoostingClassifier(categorical_features=[3], max_iter=20),
    "function": make_pipeline(
        SimpleImputer(), FunctionTransformer(np.abs), FunctionTransformer(np.log1p), GaussianNB()
    ),
    "selection": make_pipeline(
        SimpleImputer(), SelectKBest(mutual_info_classif, k=2), KNeighborsClassifier()
    ),
    "voting": make_pipeline(
        SimpleImputer(),
        VotingClassifier([("a", GaussianNB()), ("b", DecisionTreeClassifier(max_depth=3))], voting="soft"),
    ),
    "calibrated": make_pipeline(
        SimpleImputer(), CalibratedClassifierCV(SVC(), method="isotonic", ensemble=True)
    ),
    "union": make_pipeline(SimpleImputer(), make_union(StandardScaler(), "passthrough"), SVC(kernel="poly")),
    "own kernel": make_pipeline(SimpleImputer(), SVC(kernel=rbf_kernel)),
    "brute": make_pipeline(SimpleImputer(), KNeighborsClassifier(algorithm="brute")),
    "ball": make_pipeline(SimpleImputer(), KNeighborsClassifier(algorithm="ball_tree", metric="manhattan")),
    "minkowski": make_pipeline(SimpleImputer(), KNeighborsClassifier(algorithm="kd_tree", p=3)),
    "ours": make_pipeline(SimpleImputer(), NeighboursClassifier(neighbours=5)),
    "forest of outputs": make_pipeline(SimpleImputer(), RandomForestClassifier(5, random_state=3)),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_pipelines_answer_bit_for_bit(name: str, tmp_path: Path) -> None:
    model = PIPELINES[name].fit(MIXED, CLASSES)
    assert_same(model, there_and_back(model, tmp_path), MIXED)


def test_stacks_and_searches_answer_bit_for_bit(tmp_path: Path) -> None:
    grid = {"weights": ["uniform", "distance"]}
    search = GridSearchCV(KNeighborsRegressor(), grid, scoring="r2", cv=KFold(3)).fit(ROWS, NUMBERS)
    stack = StackingRegressor([("a", search.best_estimator_), ("b", SVR())], final_estimator=Ridge())
    kernel = 1.0 * Matern(nu=1.5) + DotProduct() + WhiteKernel()
    for place, model in enumerate(
        (search, stack, GaussianProcessRegressor(kernel, optimizer=None, alpha=1.0))
    ):
        folder = tmp_path / str(place)
        folder.mkdir()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(ROWS, NUMBERS)
        assert_same(model, there_and_back(model, folder), ROWS)


def test_texts_answer_bit_for_bit(tmp_path: Path) -> None:
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), SVC(kernel="linear")).fit(TEXTS, CLASSES)
    assert_same(model, there_and_back(model, tmp_path), TEXTS)


def test_labels_may_be_texts_and_dates(tmp_path: Path) -> None:
    named = np.array(["az", "orta", "çok ı"])[CLASSES]
    model = LogisticRegression().fit(ROWS, named)
    assert_same(model, there_and_back(model, tmp_path), ROWS)


def test_selectors_of_columns_come_back(tmp_path: Path) -> None:
    import polars as pl

    table = pl.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["x", "y", "x"]})
    model = ColumnTransformer(
        [("a", StandardScaler(), ["a"]), ("b", OneHotEncoder(), ["b"])], remainder="drop"
    ).fit(table)
    again = there_and_back(model, tmp_path)
    np.testing.assert_array_equal(model.transform(table), again.transform(table))
    assert there_and_back(make_column_selector(pattern="a"), tmp_path).pattern == "a"


def test_what_is_shared_stays_shared_and_circles_stay_circles(tmp_path: Path) -> None:
    model = Pipeline([("a", StandardScaler())])
    shared = np.random.RandomState(7)
    circle: list[Any] = [shared]
    circle.append((circle, {"in": circle}))
    model.one, model.other, model.list = shared, shared, circle
    again = there_and_back(model, tmp_path)
    assert again.one is again.other is again.list[0]
    assert again.list[1][0] is again.list is again.list[1][1]["in"]
    np.testing.assert_array_equal(again.one.normal(size=5), shared.normal(size=5))


def test_numbers_and_containers_come_back(tmp_path: Path) -> None:
    model = StandardScaler()
    model.odd = [
        float("inf"),
        -0.0,
        1.0,
        2**70,
        -(2**64),
        True,
        None,
        "ı",
        {3, 1},
        {1.5: (2,)},
        1 + 2j,
        b"\x00",
    ]
    model.more = [
        np.float32(0.1),
        np.bool_(True),
        np.str_("ş"),
        np.datetime64("2026-01-02"),
        np.dtype("f4"),
        float,
    ]
    again = there_and_back(model, tmp_path)
    assert again.odd == model.odd
    assert [type(one) for one in again.odd] == [type(one) for one in model.odd]
    assert again.more == model.more
    assert [type(one) for one in again.more] == [type(one) for one in model.more]
    assert np.signbit(again.odd[1])
    generators = [np.random.default_rng(3), np.random.Generator(np.random.MT19937(3))]
    model.generators = generators
    for one, other in zip(there_and_back(model, tmp_path).generators, generators, strict=True):
        np.testing.assert_array_equal(one.random(9), other.random(9))


@settings(max_examples=150)
@given(
    array=hnp.arrays(
        st.sampled_from(["?", "i1", "u2", "<i4", ">i8", "f2", "<f4", ">f8", "c16", "U3", "S4", "M8[s]", "O"]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0),
        elements=None,
    ).filter(lambda array: array.dtype != object or array.size == 0),
    fortran=st.booleans(),
)
def test_arrays_come_back(array: np.ndarray, fortran: bool, tmp_path_factory: pytest.TempPathFactory) -> None:
    model = StandardScaler()
    model.array = np.asfortranarray(array) if fortran else array
    again = there_and_back(model, tmp_path_factory.mktemp("array")).array
    assert again.dtype == array.dtype.newbyteorder("=")
    assert again.flags.c_contiguous == model.array.flags.c_contiguous
    np.testing.assert_array_equal(again, array)


def test_equal_models_give_equal_files(tmp_path: Path) -> None:
    written = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        write_model(GradientBoostingClassifier(n_estimators=3, random_state=0).fit(ROWS, CLASSES), folder)
        written.append([path.read_bytes() for path in sorted(folder.iterdir())])
    assert written[0] == written[1]


class Mine(RegressorMixin, BaseEstimator):
    """A user's own estimator."""

    def fit(self, rows: Any, truth: Any) -> Mine:
        return self


def local_function(rows: Any) -> Any:
    return rows


class Sly:
    """Would be called by `copy` and `pickle`."""

    def __reduce__(self) -> Any:
        raise AssertionError("somebody called me")


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (Mine().fit(ROWS, NUMBERS), "Mine"),
        (FunctionTransformer(lambda rows: rows), "<lambda>"),
        (FunctionTransformer(local_function), "local_function"),
        (FunctionTransformer(print), "print"),
        (FunctionTransformer(np.load), "load"),
        (FunctionTransformer(np.abs, kw_args={"out": Sly()}), "Sly"),
        (FunctionTransformer(ROWS.sum), "ndarray.sum"),
        (make_pipeline(StandardScaler(), Mine()), "Mine"),
        (SVC(kernel=lambda one, other: one @ other.T), "<lambda>"),
    ],
)
def test_what_is_the_users_own_is_refused_by_name(model: Any, name: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=name) as caught:
        write_model(model, tmp_path)
    assert caught.value.hint
    assert not list(tmp_path.iterdir())


def test_another_scikit_learn_is_refused(tmp_path: Path) -> None:
    write_model(StandardScaler().fit(ROWS), tmp_path)
    path = tmp_path / "model.json"
    import sklearn

    path.write_text(
        path.read_text().replace(f'"scikit-learn":"{sklearn.__version__}"', '"scikit-learn":"0.1"')
    )
    with pytest.raises(Refused) as caught:
        read_model(tmp_path)
    assert "scikit-learn==0.1" in caught.value.hint


def test_missing_files_are_named(tmp_path: Path) -> None:
    write_model(StandardScaler().fit(ROWS), tmp_path)
    (tmp_path / "arrays.bin").unlink()
    with pytest.raises(Corrupted, match=r"arrays\.bin"):
        read_model(tmp_path)
    (tmp_path / "model.json").unlink()
    with pytest.raises(Corrupted, match=r"model\.json"):
        read_model(tmp_path)


def test_a_search_tree_is_built_again_from_its_rows(tmp_path: Path) -> None:
    model = StandardScaler()
    model.tree = BallTree(ROWS, leaf_size=3, metric="chebyshev")
    again = there_and_back(model, tmp_path).tree
    for one, other in zip(again.query(ROWS[:9], k=4), model.tree.query(ROWS[:9], k=4), strict=True):
        np.testing.assert_array_equal(one, other)


def test_outliers_are_found_bit_for_bit(tmp_path: Path) -> None:
    model = IsolationForest(n_estimators=10, max_features=3, random_state=0).fit(ROWS)
    assert_same(model, there_and_back(model, tmp_path), ROWS)
