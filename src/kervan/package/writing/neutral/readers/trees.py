"""Decision trees, forests and boosting of scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Refused
from kervan.package.writing.neutral.form import Operation, Trees, Unary
from kervan.package.writing.neutral.readers.registry import Ask, reads

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from kervan.package.writing.neutral.build import Builder
    from kervan.package.writing.neutral.form import Floats, Ints

_LEAF = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """One tree with its own node numbers, as `Trees` describes them; `leaves` holds a row for every node."""

    place: Ints
    threshold: Floats
    left: Ints
    right: Ints
    missing_left: NDArray[np.bool_]
    leaves: Floats
    members: Ints | None = None
    sets: tuple[NDArray[np.bool_], ...] = ()


def grow(value: int, trees: Iterable[Tree], base: Any, target: Any = None) -> Trees:
    """Lay trees one after another into one layer; nodes come out parents first, leaves in one table."""
    parts = [_in_order(tree) for tree in trees]
    nodes = np.cumsum([0, *(len(part.place) for part in parts)])
    leaves = np.cumsum([0, *(len(part.leaves) for part in parts)])
    members = np.cumsum([0, *(len(part.sets) for part in parts)])
    left = [
        np.where(part.place < 0, part.left + leaves[at], part.left + nodes[at])
        for at, part in enumerate(parts)
    ]
    joined = [
        np.where(part.members < 0, -1, part.members + members[at])  # type: ignore[operator]  # set in _in_order
        for at, part in enumerate(parts)
    ]
    return Trees(
        sources=(value,),
        roots=nodes[:-1].astype(np.int64),
        place=np.concatenate([part.place for part in parts]),
        threshold=np.concatenate([part.threshold for part in parts]),
        left=np.concatenate(left),
        right=np.concatenate([part.right + nodes[at] for at, part in enumerate(parts)]),
        missing_left=np.concatenate([part.missing_left for part in parts]),
        members=np.concatenate(joined),
        sets=tuple(chosen for part in parts for chosen in part.sets),
        leaves=np.concatenate([part.leaves for part in parts]),
        base=np.ravel(np.asarray(base, dtype=np.float64)),
        target=None if target is None else np.asarray(target, dtype=np.int64),
    )


def _in_order(tree: Tree) -> Tree:
    """Number the nodes depth first, the left child after its parent, and give each leaf a row of its own."""
    order: list[int] = []
    waiting = [0]
    while waiting:
        node = waiting.pop()
        order.append(node)
        if tree.place[node] >= 0:
            waiting += [int(tree.right[node]), int(tree.left[node])]
    chosen = np.array(order)
    number = np.zeros(len(tree.place), dtype=np.int64)
    number[chosen] = np.arange(len(chosen))
    is_leaf = tree.place[chosen] < 0
    rows = np.cumsum(is_leaf) - 1
    members = np.full(len(chosen), -1) if tree.members is None else tree.members[chosen]
    return Tree(
        place=np.where(is_leaf, _LEAF, tree.place[chosen]).astype(np.int64),
        threshold=np.where(is_leaf, 0.0, tree.threshold[chosen]),
        left=np.where(is_leaf, rows, number[tree.left[chosen]]),
        right=np.where(is_leaf, 0, number[tree.right[chosen]]),
        missing_left=tree.missing_left[chosen] & ~is_leaf,
        leaves=tree.leaves[chosen[is_leaf]],
        members=members,
        sets=tree.sets,
    )


def _sklearn_tree(tree: Any, leaves: Floats) -> Tree:
    has_missing = getattr(tree, "missing_go_to_left", None)
    missing_left = np.zeros(tree.node_count, bool) if has_missing is None else np.asarray(has_missing, bool)
    return Tree(
        place=np.where(tree.children_left < 0, _LEAF, tree.feature).astype(np.int64),
        threshold=np.asarray(tree.threshold, dtype=np.float64),
        left=np.maximum(tree.children_left, 0).astype(np.int64),
        right=np.maximum(tree.children_right, 0).astype(np.int64),
        missing_left=missing_left,
        leaves=leaves,
    )


def _one_output(model: Any) -> None:
    if model.n_outputs_ != 1:
        raise Refused("a tree over several outputs cannot be written", hint="train one model for each column")


@reads(Ask.PROBABILITIES, "sklearn.DecisionTreeClassifier", "sklearn.ExtraTreeClassifier")
def read_tree_classifier(builder: Builder, model: Any, value: int) -> int:
    """Read a tree's shares of the classes."""
    return _read_forest(builder, [model], value)


@reads(Ask.VALUE, "sklearn.DecisionTreeRegressor", "sklearn.ExtraTreeRegressor")
def read_tree_regressor(builder: Builder, model: Any, value: int) -> int:
    """Read a tree's values."""
    return _read_forest(builder, [model], value)


@reads(Ask.PROBABILITIES, "sklearn.RandomForestClassifier", "sklearn.ExtraTreesClassifier")
@reads(Ask.VALUE, "sklearn.RandomForestRegressor", "sklearn.ExtraTreesRegressor")
def read_forest(builder: Builder, model: Any, value: int) -> int:
    """Read the mean of many trees."""
    return _read_forest(builder, model.estimators_, value)


def _read_forest(builder: Builder, trees: list[Any], value: int) -> int:
    _one_output(trees[0])
    width = len(trees[0].classes_) if hasattr(trees[0], "classes_") else 1
    rounded = builder.map(value, Unary.ROUND32)  # the library's trees see float32
    grown = [_sklearn_tree(tree.tree_, tree.tree_.value[:, 0, :width].astype(np.float64)) for tree in trees]
    total = builder.add(grow(rounded, grown, np.zeros(width)))
    return total if len(trees) == 1 else builder.arithmetic(total, Operation.DIVIDE, float(len(trees)))


@reads(Ask.DECISION, "sklearn.GradientBoostingClassifier")
@reads(Ask.VALUE, "sklearn.GradientBoostingRegressor")
def read_gradient_boosting(builder: Builder, model: Any, value: int) -> int:
    """Read trees that add to a constant, one for each class in turn if there are several."""
    if not (model.init_ == "zero" or type(model.init_).__name__ in {"DummyClassifier", "DummyRegressor"}):
        raise Refused(
            "gradient boosting that starts from another estimator cannot be written", hint="leave out `init`"
        )
    start = model._raw_predict_init(np.zeros((1, model.n_features_in_)))[0]
    rounded = builder.map(value, Unary.ROUND32)
    trees, target = [], []
    for stage in model.estimators_:
        for place, estimator in enumerate(stage):
            values = model.learning_rate * np.asarray(estimator.tree_.value[:, 0, :], dtype=np.float64)
            trees.append(_sklearn_tree(estimator.tree_, values))
            target.append(place)
    return builder.add(grow(rounded, trees, start, target))


@reads(Ask.PROBABILITIES, "sklearn.GradientBoostingClassifier")
def read_gradient_boosting_probabilities(builder: Builder, model: Any, value: int) -> int:
    """Read the loss's inverse link over the trees."""
    raw = read_gradient_boosting(builder, model, value)
    if type(model._loss).__name__ == "ExponentialLoss":
        return builder.both(builder.map(builder.arithmetic(raw, Operation.MULTIPLY, 2.0), Unary.LOGISTIC))
    return probabilities_of(builder, raw)


@reads(Ask.DECISION, "sklearn.HistGradientBoostingClassifier")
def read_histogram_boosting(builder: Builder, model: Any, value: int) -> int:
    """Read trees over the raw numbers, with a direction for missing ones and choices of categories."""
    order = _columns(model, builder.widths[value])
    known = [] if model._preprocessor is None else _categories(model)
    value, known = _counted(builder, value, order, known)
    trees = [
        _histogram_tree(tree, known, order, builder.codes) for stage in model._predictors for tree in stage
    ]
    target = [place for stage in model._predictors for place in range(len(stage))]
    return builder.add(grow(value, trees, np.ravel(model._baseline_prediction), target))


@reads(Ask.PROBABILITIES, "sklearn.HistGradientBoostingClassifier")
def read_histogram_probabilities(builder: Builder, model: Any, value: int) -> int:
    """Read the logistic function or softmax of the trees' sum."""
    return probabilities_of(builder, read_histogram_boosting(builder, model, value))


@reads(Ask.VALUE, "sklearn.HistGradientBoostingRegressor")
def read_histogram_regressor(builder: Builder, model: Any, value: int) -> int:
    """Read the loss's inverse link over the trees' sum."""
    raw = read_histogram_boosting(builder, model, value)
    return builder.map(raw, Unary.EXP) if model.loss in {"poisson", "gamma"} else raw


def probabilities_of(builder: Builder, raw: int) -> int:
    """Turn the raw sum of a boosting classifier into probabilities."""
    if builder.widths[raw] == 1:
        return builder.both(builder.map(raw, Unary.LOGISTIC))
    return builder.softmax(raw)


def _counted(builder: Builder, value: int, order: Ints, known: list[Floats]) -> tuple[int, list[Floats]]:
    """Put 0, 1, … in the place of numbers below 0 that are known as categories, and -1 for those unknown.

    -1 alone may be known in a column of categories: whatever is missing or unseen there has that code.
    """
    counted = list(known)
    parts = [builder.take(value, [place]) for place in range(builder.widths[value])]
    for at, (place, codes) in enumerate(zip(order.tolist(), known, strict=False)):
        lowest = np.nanmin(codes, initial=0)
        if lowest < (-1 if builder.is_category(value, place) else 0):
            counted[at] = np.arange(np.count_nonzero(~np.isnan(codes)), dtype=np.float64)
            parts[place] = builder.looked_up(value, place, codes[~np.isnan(codes)], counted[at], -1.0)
    if all(one is other for one, other in zip(counted, known, strict=True)):
        return value, known
    return builder.join(parts), counted


def _histogram_tree(tree: Any, categories: list[Floats], order: Ints, codes: int) -> Tree:
    nodes = tree.nodes
    is_leaf = nodes["is_leaf"].astype(bool)
    missing_left = nodes["missing_go_to_left"].astype(bool)
    members = np.full(len(nodes), -1)
    sets: list[NDArray[np.bool_]] = []
    for node in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~is_leaf):
        members[node] = len(sets)
        known = categories[nodes["feature_idx"][node]]
        bits = tree.raw_left_cat_bitsets[nodes["bitset_idx"][node]]
        chosen, missing_left[node] = _choice(known, bits, codes, bool(missing_left[node]))
        sets.append(chosen)
    return Tree(
        place=np.where(is_leaf, _LEAF, order[np.where(is_leaf, 0, nodes["feature_idx"])]).astype(np.int64),
        threshold=nodes["num_threshold"].astype(np.float64),
        left=nodes["left"].astype(np.int64),
        right=nodes["right"].astype(np.int64),
        missing_left=missing_left,
        leaves=nodes["value"].astype(np.float64).reshape(-1, 1),
        members=members,
        sets=tuple(sets),
    )


def _columns(model: Any, width: int) -> Ints:
    """Return which input each column of the trees is: native categories come first, in their order."""
    if model._preprocessor is None:
        return np.arange(width)
    is_category = np.asarray(model.is_categorical_, dtype=bool)
    return np.concatenate([np.flatnonzero(is_category), np.flatnonzero(~is_category)])


def _categories(model: Any) -> list[Floats]:
    found = [
        np.asarray(known, dtype=object)
        for known in model._preprocessor.named_transformers_["encoder"].categories_
    ]
    for known in found:
        if not all(isinstance(code, int | float) and (np.isnan(code) or code == int(code)) for code in known):
            raise Refused(
                "categories that are no whole numbers cannot be written", hint="fit it on codes 0, 1, 2, …"
            )
    return [known.astype(np.float64) for known in found]


def _choice(known: Floats, bits: Any, codes: int, missing_left: bool) -> tuple[NDArray[np.bool_], bool]:
    """Return which codes go left, and whether missing ones do: the code -1 may be known from training."""
    chosen = np.full(max(codes, int(np.nanmax(known, initial=-1)) + 1), missing_left)
    for place, code in enumerate(known[~np.isnan(known)]):
        goes_left = bool(int(bits[place // 32]) >> (place % 32) & 1)
        if code >= 0:
            chosen[int(code)] = goes_left
        else:
            missing_left = goes_left
    return chosen, missing_left
