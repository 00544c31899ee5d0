"""Families that weigh columns, and what else needs them on one scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.model.families.family import Between, Family
from kervan.model.families.preparing import places, space_of_spread, spread

if TYPE_CHECKING:
    from kervan.core.schema import Signature
    from kervan.model.families.family import Parameters, Space

_MOST_ITERATIONS = 1000
_SLOW_FROM = 10_000  # rows: support vectors take the square of them


def _logistic(signature: Signature, seed: int, parameters: Parameters, l1_ratio: float = 0.0) -> list[Any]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(
        C=parameters.get("C", 1.0),
        l1_ratio=l1_ratio,
        solver="saga" if l1_ratio else "lbfgs",
        tol=1e-3 if l1_ratio else 1e-4,
        max_iter=_MOST_ITERATIONS,
        random_state=seed,
    )
    return [spread(signature, parameters, seed), model]


def _linear(signature: Signature, seed: int, parameters: Parameters) -> list[Any]:
    if signature.is_classification:
        return _logistic(signature, seed, parameters)
    from sklearn.linear_model import Ridge

    ridge = Ridge(alpha=parameters.get("alpha", 1.0), random_state=seed)
    return [spread(signature, parameters, seed), ridge]


def _lasso(signature: Signature, seed: int, parameters: Parameters) -> list[Any]:
    if signature.is_classification:
        return _logistic(signature, seed, parameters, l1_ratio=1.0)
    from sklearn.linear_model import LassoCV

    return [spread(signature, parameters, seed), LassoCV(eps=parameters.get("eps", 1e-3), random_state=seed)]


def _elastic_net(signature: Signature, seed: int, parameters: Parameters) -> list[Any]:
    ratio = parameters.get("l1_ratio", 0.5)
    if signature.is_classification:
        return _logistic(signature, seed, parameters, l1_ratio=ratio)
    from sklearn.linear_model import ElasticNetCV

    return [spread(signature, parameters, seed), ElasticNetCV(l1_ratio=ratio, random_state=seed)]


def _of_strength(signature: Signature) -> Space:
    strength = "C" if signature.is_classification else "alpha"
    return {strength: Between(1e-3, 1e3, log=True), **space_of_spread(signature)}


def _of_lasso(signature: Signature) -> Space:
    strength = {"C": Between(1e-3, 1e2, log=True)} if signature.is_classification else {}
    return {**strength, **space_of_spread(signature)}


def _of_net(signature: Signature) -> Space:
    return {"l1_ratio": Between(0.1, 0.9), **_of_lasso(signature)}


def _naive_bayes(signature: Signature, seed: int, parameters: Parameters) -> list[Any]:
    from sklearn.naive_bayes import GaussianNB

    smoothing = parameters.get("var_smoothing", 1e-3)  # columns of 0 and 1 need more than numbers do
    return [spread(signature, parameters, seed), GaussianNB(var_smoothing=smoothing)]


def _of_bayes(signature: Signature) -> Space:
    return {"var_smoothing": Between(1e-6, 1.0, log=True), **space_of_spread(signature)}


def _support_vectors(signature: Signature, seed: int, parameters: Parameters) -> list[Any]:
    from sklearn.svm import SVC, SVR

    given = {"C": parameters.get("C", 1.0), "gamma": parameters.get("gamma", "scale")}
    first = spread(signature, parameters, seed)
    if not signature.is_classification:
        return [first, _scaled_target(SVR(**given))]
    from sklearn.calibration import CalibratedClassifierCV

    # Support vectors know distances, no probabilities: these are Platt's, fitted over folds.
    return [first, CalibratedClassifierCV(SVC(**given), method="sigmoid", cv=3, ensemble=False)]


def _of_vectors(signature: Signature) -> Space:
    return {
        "C": Between(1e-2, 1e2, log=True),
        "gamma": Between(1e-4, 1.0, log=True),
        **space_of_spread(signature),
    }


def _perceptron(signature: Signature, seed: int, parameters: Parameters) -> list[Any]:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    given: dict[str, Any] = {
        "hidden_layer_sizes": (parameters.get("units", 64),) * parameters.get("layers", 1),
        "alpha": parameters.get("alpha", 1e-3),
        "learning_rate_init": parameters.get("learning_rate", 3e-3),
        "max_iter": 200,
        "early_stopping": True,
        "n_iter_no_change": 10,
        "random_state": seed,
    }
    first = spread(signature, parameters, seed)
    if signature.is_classification:
        return [first, MLPClassifier(**given)]
    return [first, _scaled_target(MLPRegressor(**given))]


def _of_perceptron(signature: Signature) -> Space:
    return {
        "units": Between(16, 256, log=True, whole=True),
        "layers": Between(1, 3, whole=True),
        "alpha": Between(1e-6, 1e-1, log=True),
        "learning_rate": Between(3e-4, 3e-2, log=True),
        **space_of_spread(signature),
    }


def _scaled_target(model: Any) -> Any:
    """Let a model that is at home near 0 and 1 predict numbers of any size."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.preprocessing import StandardScaler

    return TransformedTargetRegressor(model, transformer=StandardScaler())


def _neighbours(signature: Signature, seed: int, parameters: Parameters) -> list[Any]:
    from kervan.model.neighbours import NeighboursClassifier, NeighboursRegressor

    kind = NeighboursClassifier if signature.is_classification else NeighboursRegressor
    scaled = len(places(signature)[0])
    model = kind(neighbours=parameters.get("neighbours", 15), scaled=scaled, seed=seed)
    return [spread(signature, parameters, seed, scaled=False), model]


def _of_neighbours(signature: Signature) -> Space:
    space = {"neighbours": Between(3, 100, log=True, whole=True), **space_of_spread(signature)}
    space.pop("scale", None)  # it scales by itself
    return space


def _baseline(signature: Signature, seed: int, parameters: Parameters) -> list[Any]:
    from sklearn.dummy import DummyClassifier, DummyRegressor

    if signature.is_classification:
        return [DummyClassifier(strategy="prior", random_state=seed)]
    return [DummyRegressor()]


BASELINE = Family(name="baseline", build=_baseline, space=lambda _: {}, rank=0)
LINEAR = (
    Family(name="linear", build=_linear, space=_of_strength, rank=1),
    Family(name="logistic", build=_linear, space=_of_strength, rank=1, regresses=False),
    Family(name="ridge", build=_linear, space=_of_strength, rank=1),
    Family(name="lasso", build=_lasso, space=_of_lasso, rank=1),
    Family(name="elastic_net", build=_elastic_net, space=_of_net, rank=1),
    Family(name="naive_bayes", build=_naive_bayes, space=_of_bayes, rank=1, regresses=False),
)
OTHERS = (
    Family(name="neighbours", build=_neighbours, space=_of_neighbours, rank=4),
    Family(name="support_vectors", build=_support_vectors, space=_of_vectors, rank=4, most_rows=_SLOW_FROM),
    Family(name="perceptron", build=_perceptron, space=_of_perceptron, rank=4),
)
