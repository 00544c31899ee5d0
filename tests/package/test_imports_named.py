"""Pipelines that pick columns by name and take texts, as most people train them on a table of pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import polars as pl
import pytest
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier, VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from journeys.home import Home

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.sampled

pandas = pytest.importorskip("pandas")

CITIES = ("Ankara", "İzmir", "Iğdır", "a \"b\" 'c'", "çok, uzak")


def table(missing: bool = False) -> pl.DataFrame:
    random = np.random.default_rng(0)
    count = 400
    city, size = random.choice(CITIES, count), random.choice(["küçük", "orta", "büyük"], count)
    age, income = random.integers(18, 90, count), (random.normal(5_000, 1_500, count) / 7).round(3)
    score = age / 40 + income / 700 + np.isin(city, CITIES[:2]) + (size == "büyük")
    found = pl.DataFrame(
        {
            "not": [f"satır {place}" for place in range(count)],
            "city": city,
            "age": age,
            "size": size,
            "income": income,
            "code": random.integers(1, 4, count),
            "gone": np.where(score > 3, "evet", "hayır"),
            "spent": score.round(4),
        }
    )
    if missing:
        found = found.with_columns(
            pl.when(pl.int_range(count) % 9 != 0).then(pl.col("city")).alias("city"),
            pl.when(pl.int_range(count) % 7 != 0).then(pl.col("income")).alias("income"),
        )
    return found


def chosen(*, cities: Any = None, numbers: Any = None) -> ColumnTransformer:
    return ColumnTransformer(
        [
            ("num", numbers or StandardScaler(), ["income", "age"]),
            ("cat", cities or OneHotEncoder(handle_unknown="ignore"), ["size", "city"]),
        ]
    )


def filled() -> ColumnTransformer:
    texts = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    return chosen(cities=texts, numbers=numbers)


def selected() -> ColumnTransformer:
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    texts = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="yok"), OneHotEncoder(handle_unknown="ignore")
    )
    return ColumnTransformer(
        [
            ("not", "drop", ["not"]),
            ("num", numbers, make_column_selector(dtype_include="number")),
            ("cat", texts, make_column_selector(dtype_exclude="number")),
        ]
    )


def logistic() -> LogisticRegression:
    return LogisticRegression(max_iter=2_000)


ORDINAL = {"handle_unknown": "use_encoded_value", "unknown_value": -1}
CLASSIFIERS: dict[str, tuple[Callable[[], Any], bool]] = {
    "one hot": (lambda: make_pipeline(chosen(), logistic()), False),
    "strict one hot": (lambda: make_pipeline(chosen(cities=OneHotEncoder()), logistic()), False),
    "dense frames": (lambda: make_pipeline(dense(), logistic()), False),
    "filled": (lambda: make_pipeline(filled(), logistic()), True),
    "missing is a category": (
        lambda: make_pipeline(
            chosen(numbers=SimpleImputer(), cities=OneHotEncoder(handle_unknown="ignore")), logistic()
        ),
        True,
    ),
    "ordinal forest": (
        lambda: make_pipeline(
            chosen(cities=OrdinalEncoder(**ORDINAL)), RandomForestClassifier(10, random_state=0)
        ),
        False,
    ),
    "searched": (
        lambda: GridSearchCV(make_pipeline(chosen(), logistic()), {"logisticregression__C": [0.1, 1]}, cv=2),
        False,
    ),
    "voting": (
        lambda: VotingClassifier(
            [("a", make_pipeline(chosen(), logistic())), ("b", make_pipeline(filled(), logistic()))],
            voting="soft",
        ),
        False,
    ),
    "selected by type": (lambda: make_pipeline(selected(), logistic()), True),
}


def dense() -> ColumnTransformer:
    spread = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return chosen(cities=spread).set_output(transform="pandas")


def sized() -> Any:
    """Boosting over categories of pandas, without an encoder of its own."""
    return HistGradientBoostingRegressor(max_iter=10, categorical_features=["size", "city"])


REGRESSORS: dict[str, Callable[[], Any]] = {
    "log target": lambda: TransformedTargetRegressor(
        make_pipeline(chosen(), Ridge()), func=np.log1p, inverse_func=np.expm1
    ),
    "categories of boosting": sized,
    "histogram boosting": lambda: make_pipeline(
        ColumnTransformer([("c", OrdinalEncoder(**ORDINAL), ["city", "size"])], remainder="passthrough"),
        HistGradientBoostingRegressor(max_iter=10),
    ),
}
ASK = ("--name", "m", "--table", "rows.csv", "--formats", "native,onnx,python")


def imported(home: Home, rows: pl.DataFrame, model: Any, target: str) -> tuple[Any, Any]:
    """Import a model that was trained on a table of pandas; return how its module answers, and that table."""
    home.start()
    rows.write_csv(home.folder / "rows.csv")
    frame = pandas.read_csv(home.folder / "rows.csv", keep_default_na=False, na_values=[""])
    given = frame.drop(columns=["gone", "spent"])
    if target == "spent":
        given = given.drop(columns=["not"])
    model.fit(given, frame[target])
    joblib.dump(model, home.folder / "model.joblib")
    home.ask("package", "import", "model.joblib", "paket", "--target", target, *ASK)
    place = home.folder / "paket" / "python" / "model.py"
    source: dict[str, Any] = {"__name__": "written", "__file__": str(place)}
    exec(place.read_text(), source)
    return source, given


def named(source: Any, rows: Any) -> list[dict[str, Any]]:
    names = [column.name for column in source["COLUMNS"]]
    return [
        {name: (None if pandas.isna(value) else value) for name, value in row.items() if name in names}
        for row in rows.to_dict("records")
    ]


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_a_pipeline_over_named_columns_answers_for_the_very_table(kind: str, home: Home) -> None:
    made, has_missing = CLASSIFIERS[kind]
    model = made()
    source, given = imported(home, table(missing=has_missing), model, "gone")
    told = [source["predict"](row)["probabilities"] for row in named(source, given)]
    wanted = model.predict_proba(given)
    np.testing.assert_allclose([[row[label] for label in model.classes_] for row in told], wanted, atol=1e-12)


@pytest.mark.parametrize("kind", REGRESSORS)
def test_values_of_named_columns_are_those_of_the_original(kind: str, home: Home) -> None:
    model = REGRESSORS[kind]()
    source, given = imported(home, table(), model, "spent")
    told = [source["predict"](row)["value"] for row in named(source, given)]
    np.testing.assert_allclose(told, model.predict(given), rtol=1e-12)


def test_unknown_texts_are_answered_as_the_original_does(home: Home) -> None:
    model = make_pipeline(chosen(), logistic())
    source, given = imported(home, table(), model, "gone")
    strange = given.head(20).assign(city="Van")
    told = [source["predict"](row)["probabilities"]["evet"] for row in named(source, strange)]
    np.testing.assert_allclose(told, model.predict_proba(strange)[:, 0], atol=1e-12)


def test_lists_of_pandas_are_asked_for_as_lists(home: Home) -> None:
    home.start()
    frame = pandas.DataFrame({"a": ["x", "y"] * 5, "y": [0.0, 1.0] * 5})
    frame.to_csv(home.folder / "rows.csv", index=False)
    picked = ColumnTransformer([("c", OneHotEncoder(), frame.columns[:1])])
    joblib.dump(make_pipeline(picked, Ridge()).fit(frame[["a"]], frame["y"]), home.folder / "m.joblib")
    told = home.ask("package", "import", "m.joblib", "paket", "--target", "y", *ASK, code=4)
    assert "list(table.columns)" in told.err
