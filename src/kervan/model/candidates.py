"""The families of models that are tried, each a scikit-learn pipeline over the encoded matrix.

All of them can be written as ONNX that answers alike, which decides some choices: nothing rescales the
numbers in front of trees, and boosting reads categories by their codes, never as native categories.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.core.plugins import extras_named
from kervan.core.schema import Column, Schema, Type
from kervan.package.encoding import encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sklearn.pipeline import Pipeline

    from kervan.core.schema import Signature
    from kervan.model.dates import DateParts

BASELINE = "baseline"
ROUNDING = ("tree", "forest")  # whose library rounds numbers to float32


def build(family: str, signature: Signature, seed: int) -> Pipeline:
    """Return an unfitted pipeline of a family, for a matrix of shape (rows, inputs).

    Classes are learned from int64 codes, values from float64. Raises `InvalidConfig` for a family that
    does not exist.
    """
    check_families([family])
    with extras_named():
        from sklearn.pipeline import make_pipeline

    from kervan.model.dates import date_parts
    from kervan.model.prepare import row_steps

    first: list[Any] = [row_steps(signature)] if signature.steps else []
    signature = encoded(signature)
    parts = date_parts(signature)
    first += [] if parts is None else [parts]
    return make_pipeline(*first, *FAMILIES[family](_apart(signature, parts), seed))


def _apart(signature: Signature, parts: DateParts | None) -> Signature:
    """Return the signature of the matrix in which dates are taken apart."""
    if parts is None:
        return signature
    taken = set(signature.inputs.names)
    names = [name for name in map("part {}".format, range(parts.added + len(taken))) if name not in taken]
    columns = [Column(name=name, type=Type.NUMBER, nullable=True) for name in names[: parts.added]]
    return replace(signature, inputs=Schema((*signature.inputs, *columns)))


def check_families(families: Iterable[str]) -> None:
    """Raise `InvalidConfig` if one of the families does not exist, or none is named."""
    names = list(families)
    if not names:
        raise InvalidConfig("no model family is named", hint=f"choose from: {', '.join(FAMILIES)}")
    for name in names:
        if name not in FAMILIES:
            raise InvalidConfig(f"there is no model family {name!r}", hint=did_you_mean(name, FAMILIES))


def _linear(signature: Signature, seed: int) -> list[Any]:
    from sklearn.linear_model import LogisticRegression, Ridge

    if signature.is_classification:
        return [_spread(signature, scaled=True), LogisticRegression(max_iter=1000, random_state=seed)]
    return [_spread(signature, scaled=True), Ridge(random_state=seed)]


def _neighbours(signature: Signature, seed: int) -> list[Any]:
    from kervan.model.neighbours import NeighboursClassifier, NeighboursRegressor

    kind = NeighboursClassifier if signature.is_classification else NeighboursRegressor
    return [_spread(signature, scaled=False), kind(scaled=len(_places(signature)[0]), seed=seed)]


def _tree(signature: Signature, seed: int) -> list[Any]:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    kind = DecisionTreeClassifier if signature.is_classification else DecisionTreeRegressor
    return [_imputed(), kind(max_depth=10, min_samples_leaf=10, random_state=seed)]


def _forest(signature: Signature, seed: int) -> list[Any]:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    # Full-grown leaves hardly answer better, and make files of tens of megabytes.
    if signature.is_classification:
        return [_imputed(), RandomForestClassifier(min_samples_leaf=5, random_state=seed)]
    return [_imputed(), RandomForestRegressor(min_samples_leaf=2, max_features=0.5, random_state=seed)]


def _boosting(signature: Signature, seed: int) -> list[Any]:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if signature.is_classification else HistGradientBoostingRegressor
    return [kind(random_state=seed, early_stopping=False)]


def _baseline(signature: Signature, seed: int) -> list[Any]:
    from sklearn.dummy import DummyClassifier, DummyRegressor

    if signature.is_classification:
        return [DummyClassifier(strategy="prior", random_state=seed)]
    return [DummyRegressor()]


def _places(signature: Signature) -> tuple[list[int], list[int]]:
    """Return where the numbers and the categories are; a category without any known value says nothing."""
    numbers = [at for at, column in enumerate(signature.inputs) if column.type is not Type.CATEGORY]
    categories = [at for at, column in enumerate(signature.inputs) if column.allowed and at not in numbers]
    return numbers, categories


def _imputed() -> Any:
    from sklearn.impute import SimpleImputer

    return SimpleImputer(strategy="median", keep_empty_features=True)


def _spread(signature: Signature, *, scaled: bool) -> Any:
    """Impute numbers by their median, spread each category over columns of 0 and 1 (unseen: all 0)."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers, categories = _places(signature)
    columns = signature.inputs.columns
    codes = [list(range(len(columns[at].allowed))) for at in categories]
    numeric = make_pipeline(_imputed(), StandardScaler()) if scaled else _imputed()
    spread = OneHotEncoder(categories=codes, handle_unknown="ignore", sparse_output=False)
    blocks = [("numbers", numeric, numbers), ("categories", spread, categories)]
    return ColumnTransformer([block for block in blocks if block[2]])


FAMILIES: dict[str, Callable[[Signature, int], list[Any]]] = {
    "linear": _linear,
    "neighbours": _neighbours,
    "tree": _tree,
    "forest": _forest,
    "boosting": _boosting,
    BASELINE: _baseline,
}
