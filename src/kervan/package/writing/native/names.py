"""Which classes and functions a model may name: scikit-learn's own, and few others. All else is refused."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from kervan.core.errors import Refused
from kervan.core.plugins import extras_named

if TYPE_CHECKING:
    from collections.abc import Mapping

_MODULE = re.compile(r"sklearn(\.[a-z][a-z0-9_]*|\._[a-z][a-z0-9_]*)+", re.ASCII)
_CLOSED = {
    "tests",
    "conftest",
    "externals",
    "datasets",
    "_build_utils",
    "__check_build",
    "_testing",
    "callback",
}
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)

OWN = frozenset(
    {
        "kervan.model.dates",
        "kervan.model.features.calls",
        "kervan.model.features.columns",
        "kervan.model.features.ready",
        "kervan.model.neighbours",
        "kervan.model.prepare",
    }
)

# Classes that are no estimators, but objects with plain attributes.
_PLAIN: Mapping[str, frozenset[str]] = {
    "sklearn._loss.link": frozenset(
        {"IdentityLink", "Interval", "LogLink", "LogitLink", "HalfLogitLink", "MultinomialLogit"}
    ),
    "sklearn._loss.loss": frozenset(
        {
            "AbsoluteError",
            "ExponentialLoss",
            "HalfBinomialLoss",
            "HalfGammaLoss",
            "HalfMultinomialLoss",
            "HalfPoissonLoss",
            "HalfSquaredError",
            "HalfTweedieLoss",
            "HalfTweedieLossIdentity",
            "HuberLoss",
            "PinballLoss",
        }
    ),
    "sklearn.calibration": frozenset({"_CalibratedClassifier"}),
    "sklearn.cluster._birch": frozenset({"_CFNode", "_CFSubcluster"}),
    "sklearn.cluster._bisect_k_means": frozenset({"_BisectingTree"}),
    "sklearn.compose._column_transformer": frozenset({"make_column_selector"}),
    "sklearn.ensemble._hist_gradient_boosting.predictor": frozenset({"TreePredictor"}),
    "sklearn.gaussian_process.kernels": frozenset(
        {
            "CompoundKernel",
            "ConstantKernel",
            "DotProduct",
            "Exponentiation",
            "ExpSineSquared",
            "Matern",
            "PairwiseKernel",
            "Product",
            "RBF",
            "RationalQuadratic",
            "Sum",
            "WhiteKernel",
        }
    ),
    "sklearn.metrics._scorer": frozenset(
        {"_CurveScorer", "_MultimetricScorer", "_PassthroughScorer", "_Scorer"}
    ),
    "sklearn.model_selection._split": frozenset(
        {
            "GroupKFold",
            "GroupShuffleSplit",
            "KFold",
            "LeaveOneOut",
            "PredefinedSplit",
            "RepeatedKFold",
            "RepeatedStratifiedKFold",
            "ShuffleSplit",
            "StratifiedGroupKFold",
            "StratifiedKFold",
            "StratifiedShuffleSplit",
            "TimeSeriesSplit",
        }
    ),
    "sklearn.neural_network._stochastic_optimizers": frozenset({"AdamOptimizer", "SGDOptimizer"}),
    "sklearn.utils._metadata_requests": frozenset({"MetadataRequest", "MethodMetadataRequest"}),
}

# Functions that compute from their arguments, and nothing more.
_FUNCTIONS: Mapping[str, frozenset[str]] = {
    "numpy": frozenset(
        {
            "abs",
            "absolute",
            "add",
            "all",
            "any",
            "arcsinh",
            "arctan",
            "around",
            "average",
            "cbrt",
            "ceil",
            "clip",
            "cos",
            "divide",
            "exp",
            "exp2",
            "expm1",
            "fabs",
            "floor",
            "hypot",
            "isfinite",
            "isnan",
            "log",
            "log10",
            "log1p",
            "log2",
            "max",
            "maximum",
            "mean",
            "median",
            "min",
            "minimum",
            "multiply",
            "nan_to_num",
            "nanmax",
            "nanmean",
            "nanmedian",
            "nanmin",
            "nanstd",
            "nansum",
            "negative",
            "power",
            "prod",
            "reciprocal",
            "rint",
            "round",
            "sign",
            "sin",
            "sqrt",
            "square",
            "std",
            "subtract",
            "sum",
            "tanh",
            "var",
        }
    ),
    "scipy.special": frozenset({"expit", "log1p", "logit", "softmax"}),
    "sklearn.cluster._kmeans": frozenset({"_kmeans_single_elkan", "_kmeans_single_lloyd"}),
    "sklearn.decomposition._fastica": frozenset({"_cube", "_exp", "_logcosh"}),
    "sklearn.feature_selection._mutual_info": frozenset({"mutual_info_classif", "mutual_info_regression"}),
    "sklearn.feature_selection._univariate_selection": frozenset(
        {"chi2", "f_classif", "f_oneway", "f_regression", "r_regression"}
    ),
    "sklearn.metrics._classification": frozenset(
        {"accuracy_score", "balanced_accuracy_score", "brier_score_loss", "f1_score", "log_loss"}
    ),
    "sklearn.metrics._ranking": frozenset({"average_precision_score", "roc_auc_score"}),
    "sklearn.metrics._regression": frozenset(
        {"mean_absolute_error", "mean_squared_error", "r2_score", "root_mean_squared_error"}
    ),
    "sklearn.metrics.pairwise": frozenset(
        {
            "chi2_kernel",
            "cosine_distances",
            "cosine_similarity",
            "euclidean_distances",
            "laplacian_kernel",
            "linear_kernel",
            "manhattan_distances",
            "nan_euclidean_distances",
            "polynomial_kernel",
            "rbf_kernel",
            "sigmoid_kernel",
        }
    ),
    "sklearn.utils.validation": frozenset({"check_array"}),
}

_NUMBERS = frozenset(
    {"bool", "object_", "str_", "float16", "float32", "float64"}
    | {f"{sign}int{size}" for sign in ("", "u") for size in (8, 16, 32, 64)}
)
_BUILT_IN = {"bool": bool, "float": float, "int": int, "object": object, "str": str}


def class_name(found: type) -> str:
    """Return the name under which objects of a class are stored, or raise `Refused`."""
    name = f"{found.__module__}.{found.__qualname__}"
    if _is_open(found.__module__, found.__qualname__) and class_named(name) is found:
        return name
    raise Refused(
        f"the model holds an object of {name}, which only its own program knows",
        hint="use scikit-learn's own estimators and transformers, or a portable format such as onnx",
    )


@cache
def class_named(name: str) -> type:
    """Return the class that a description names, or raise `Refused`: it is an estimator, or in our table."""
    module, _, last = name.rpartition(".")
    if not _is_open(module, last):
        raise _unknown(name)
    found = _member(module, last)
    if not isinstance(found, type) or found.__module__ != module or found.__qualname__ != last:
        raise _unknown(name)
    if last in _PLAIN.get(module, ()) or _is_estimator(found):
        return found
    raise _unknown(name)


def function_name(found: Any) -> str:
    """Return the name of a class or function that is an argument of the model, or raise `Refused`."""
    for name, built_in in _BUILT_IN.items():
        if found is built_in:
            return name
    last = getattr(found, "__qualname__", "") or getattr(found, "__name__", "")
    module = getattr(found, "__module__", None) or "numpy"
    if isinstance(found, type) and module.startswith("sklearn."):
        return class_name(found)
    modules = ["numpy"] if module.partition(".")[0] == "numpy" else [module, "scipy.special"]
    for place in modules:
        if _may_be_named(place, last) and _member(place, last) is found:
            return f"{place}.{last}"
    raise Refused(
        f"the model holds {module}.{last or found!r}, a function or class that only its own program knows",
        hint="use a transformer of scikit-learn instead, or a portable format such as onnx",
    )


@cache
def function_named(name: str) -> Any:
    """Return the class or function that a description names, or raise `Refused`."""
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    module, _, last = name.rpartition(".")
    if _may_be_named(module, last):
        return _member(module, last)
    return class_named(name)


def _may_be_named(module: str, last: str) -> bool:
    return last in _FUNCTIONS.get(module, ()) or (module == "numpy" and last in _NUMBERS)


def _is_open(module: str, last: str) -> bool:
    if not _WORD.fullmatch(last):
        return False
    if module in OWN:
        return True
    return bool(_MODULE.fullmatch(module)) and not _CLOSED & set(module.split("."))


def _is_estimator(found: type) -> bool:
    with extras_named():
        from sklearn.base import BaseEstimator

    return issubclass(found, BaseEstimator)


def _member(module: str, last: str) -> Any:
    with extras_named():
        import sklearn  # noqa: F401  says which extra is missing, where the next import could not
    try:
        return getattr(import_module(module), last, None)
    except ImportError as error:
        raise _unknown(f"{module}.{last}") from error


def _unknown(name: str) -> Refused:
    return Refused(
        f"the model names {name[:120]!r}, which is not among what may be loaded",
        hint="write it again with the versions that are installed here, or export it to ONNX there",
    )
