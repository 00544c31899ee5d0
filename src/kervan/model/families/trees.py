"""Families of decision trees. They read categories by their codes, never as native categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.core.plugins import extras_named
from kervan.model.families.family import Between, Family
from kervan.model.families.preparing import imputed, space_of_codes, targeted

if TYPE_CHECKING:
    from kervan.core.schema import Signature
    from kervan.model.families.family import Parameters, Space


_SMALLEST_LEAF = 1e-4  # of the rows


def _tree(signature: Signature, seed: int, parameters: Parameters) -> list[Any]:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    kind = DecisionTreeClassifier if signature.is_classification else DecisionTreeRegressor
    model = kind(
        max_depth=parameters.get("max_depth", 10),
        min_samples_leaf=parameters.get("min_samples_leaf", 10),
        random_state=seed,
    )
    return [*targeted(signature, parameters, seed), imputed(parameters), model]


def _of_tree(signature: Signature) -> Space:
    return {
        "max_depth": Between(2, 20, whole=True),
        "min_samples_leaf": Between(1, 100, log=True, whole=True),
        **space_of_codes(signature),
    }


def _forest(signature: Signature, seed: int, parameters: Parameters) -> list[Any]:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    kind = RandomForestClassifier if signature.is_classification else RandomForestRegressor
    return _grown(kind, signature, seed, parameters)


def _extra_trees(signature: Signature, seed: int, parameters: Parameters) -> list[Any]:
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    kind = ExtraTreesClassifier if signature.is_classification else ExtraTreesRegressor
    return _grown(kind, signature, seed, parameters)


def _grown(kind: Any, signature: Signature, seed: int, parameters: Parameters) -> list[Any]:
    usual = "sqrt" if signature.is_classification else 0.5
    # Trees of classes grow whole up to 10,000 rows; of more, files would have tens of megabytes.
    leaf = _SMALLEST_LEAF if signature.is_classification else 2
    model = kind(
        n_estimators=parameters.get("trees", 100),
        min_samples_leaf=parameters.get("min_samples_leaf", leaf),
        max_features=parameters.get("max_features", usual),
        random_state=seed,
    )
    return [*targeted(signature, parameters, seed), imputed(parameters), model]


def _of_forest(signature: Signature) -> Space:
    return {
        "min_samples_leaf": Between(1, 20, log=True, whole=True),
        "max_features": Between(0.1, 1.0),
        **space_of_codes(signature),
    }


def _boosting(signature: Signature, seed: int, parameters: Parameters) -> list[Any]:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if signature.is_classification else HistGradientBoostingRegressor
    model = kind(
        learning_rate=parameters.get("learning_rate", 0.1),
        max_iter=parameters.get("rounds", 100),
        max_leaf_nodes=parameters.get("leaves", 31),
        min_samples_leaf=parameters.get("min_samples_leaf", 20),
        # Without it the logits of rare classes run away (covertype: accuracy 0.69 without, 0.79 with it).
        l2_regularization=parameters.get("l2", 1.0 if signature.is_classification else 0.0),
        max_features=parameters.get("max_features", 1.0),
        early_stopping=False,
        random_state=seed,
    )
    return [*targeted(signature, parameters, seed), model]


def _of_boosting(signature: Signature) -> Space:
    return {
        "learning_rate": Between(0.02, 0.3, log=True),
        "rounds": Between(50, 500, log=True, whole=True),
        "leaves": Between(4, 127, log=True, whole=True),
        "min_samples_leaf": Between(2, 100, log=True, whole=True),
        "l2": Between(1e-6, 10.0, log=True),
        "max_features": Between(0.2, 1.0),
        **space_of_codes(signature),
    }


def _lightgbm(signature: Signature, seed: int, parameters: Parameters) -> list[Any]:
    with extras_named():
        from lightgbm import LGBMClassifier, LGBMRegressor

    kind = LGBMClassifier if signature.is_classification else LGBMRegressor
    model = kind(
        learning_rate=parameters.get("learning_rate", 0.1),
        n_estimators=parameters.get("rounds", 100),
        num_leaves=parameters.get("leaves", 31),
        min_child_samples=parameters.get("min_samples_leaf", 20),
        reg_lambda=parameters.get("l2", 0.0),
        colsample_bytree=parameters.get("max_features", 1.0),
        deterministic=True,
        force_row_wise=True,
        random_state=seed,
        verbose=-1,
    )
    return [*targeted(signature, parameters, seed), model]


def _xgboost(signature: Signature, seed: int, parameters: Parameters) -> list[Any]:
    with extras_named():
        from xgboost import XGBClassifier, XGBRegressor

    kind = XGBClassifier if signature.is_classification else XGBRegressor
    model = kind(
        learning_rate=parameters.get("learning_rate", 0.1),
        n_estimators=parameters.get("rounds", 100),
        max_leaves=parameters.get("leaves", 31),
        max_depth=0,
        grow_policy="lossguide",
        min_child_weight=parameters.get("weight", 1.0),
        reg_lambda=parameters.get("l2", 1.0),
        colsample_bytree=parameters.get("max_features", 1.0),
        tree_method="hist",
        random_state=seed,
    )
    return [*targeted(signature, parameters, seed), model]


def _of_xgboost(signature: Signature) -> Space:
    space = dict(_of_boosting(signature))
    del space["min_samples_leaf"]
    return {**space, "weight": Between(0.1, 30.0, log=True)}


def _catboost(signature: Signature, seed: int, parameters: Parameters) -> list[Any]:
    with extras_named():
        from catboost import CatBoostClassifier, CatBoostRegressor

    kind = CatBoostClassifier if signature.is_classification else CatBoostRegressor
    model = kind(
        learning_rate=parameters.get("learning_rate", 0.1),
        iterations=parameters.get("rounds", 200),
        depth=parameters.get("depth", 6),
        l2_leaf_reg=parameters.get("l2", 3.0),
        random_seed=seed,
        allow_writing_files=False,
        verbose=False,
    )
    return [*targeted(signature, parameters, seed), model]


def _of_catboost(signature: Signature) -> Space:
    return {
        "learning_rate": Between(0.02, 0.3, log=True),
        "rounds": Between(50, 500, log=True, whole=True),
        "depth": Between(3, 9, whole=True),
        "l2": Between(0.1, 30.0, log=True),
        **space_of_codes(signature),
    }


# Slow and flat, slow and deep, and fast: each with fewer columns a tree than its defaults.
_STARTS = (
    {"learning_rate": 0.05, "rounds": 300, "leaves": 15, "l2": 1.0, "max_features": 0.6},
    {"learning_rate": 0.04, "rounds": 450, "leaves": 48, "l2": 1.0, "max_features": 0.4},
    {"learning_rate": 0.1, "rounds": 120, "leaves": 8, "l2": 3.0, "max_features": 0.8},
)
_OF_LEAVES = tuple({**each, "min_samples_leaf": 15} for each in _STARTS)
_OF_WEIGHTS = tuple({**each, "weight": 3.0} for each in _STARTS)
_OF_CATBOOST = (
    {"learning_rate": 0.08, "rounds": 350, "depth": 6, "l2": 3.0},
    {"learning_rate": 0.05, "rounds": 500, "depth": 7, "l2": 6.0},
    {"learning_rate": 0.1, "rounds": 150, "depth": 4, "l2": 3.0},
)

TREES = (
    Family(name="tree", build=_tree, space=_of_tree, rank=2, rounds=True),
    Family(name="forest", build=_forest, space=_of_forest, rank=3, rounds=True),
    Family(name="extra_trees", build=_extra_trees, space=_of_forest, rank=3, rounds=True),
    Family(name="boosting", build=_boosting, space=_of_boosting, rank=3, starts=_OF_LEAVES),
    Family(
        name="lightgbm",
        build=_lightgbm,
        space=_of_boosting,
        rank=3,
        needs="lightgbm",
        starts=_OF_LEAVES,
    ),
    Family(
        name="xgboost",
        build=_xgboost,
        space=_of_xgboost,
        rank=3,
        rounds=True,
        needs="xgboost",
        starts=_OF_WEIGHTS,
    ),
    Family(
        name="catboost",
        build=_catboost,
        space=_of_catboost,
        rank=3,
        rounds=True,
        needs="catboost",
        starts=_OF_CATBOOST,
    ),
)
