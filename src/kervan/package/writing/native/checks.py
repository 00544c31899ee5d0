"""What scikit-learn's compiled code takes for granted about fitted estimators, checked before they answer.

That code reads arrays without looking at their bounds. So every index, count and shape that reaches it is
checked here. Where wrong attributes only make numpy raise an error, nothing is checked.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings

import numpy as np

from kervan.core.errors import Corrupted
from kervan.core.plugins import extras_named
from kervan.package.writing.native.trees import check_boosted

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_JOBS = 256
_MOST_THREADS = 1024


def check_object(found: Any) -> None:
    """Check one object of a model, or raise `Corrupted` that names its class and what is wrong."""
    attributes = vars(found)
    jobs = attributes.get("n_jobs")
    _expect(jobs is None or (_is_whole(jobs) and abs(jobs) <= _MOST_JOBS), found, "n_jobs")
    threads = attributes.get("_n_threads", 1)
    _expect(_is_whole(threads) and 1 <= threads <= _MOST_THREADS, found, "_n_threads")
    if "n_features_in_" in attributes:
        _expect(_is_whole(found.n_features_in_) and found.n_features_in_ >= 0, found, "n_features_in_")
    for kind, mark, check in _checks():
        if isinstance(found, kind) and mark in attributes:
            check(found)


@cache
def _checks() -> tuple[tuple[type, str, Callable[[Any], None]], ...]:
    """Return class, the attribute that a fitted one has, and the check."""
    with extras_named():
        from sklearn import cluster, feature_extraction, neighbors, preprocessing, tree
        from sklearn.cluster._kmeans import _BaseKMeans
        from sklearn.ensemble._gb import BaseGradientBoosting
        from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
        from sklearn.ensemble._iforest import IsolationForest
        from sklearn.neighbors._base import NeighborsBase
        from sklearn.svm._base import BaseLibSVM

    return (
        (tree.BaseDecisionTree, "tree_", _check_decision_tree),
        (BaseGradientBoosting, "estimators_", _check_gradient_boosting),
        (BaseHistGradientBoosting, "_predictors", _check_histogram_boosting),
        (IsolationForest, "estimators_", _check_isolation_forest),
        (NeighborsBase, "_fit_X", _check_neighbours),
        (neighbors.KernelDensity, "tree_", _check_density),
        (BaseLibSVM, "support_", _check_support_vectors),
        (_BaseKMeans, "cluster_centers_", _check_centres),
        (cluster.Birch, "subcluster_centers_", _check_birch),
        (cluster.FeatureAgglomeration, "labels_", _check_agglomeration),
        (preprocessing.OneHotEncoder, "categories_", _check_one_hot),
        (preprocessing.MultiLabelBinarizer, "classes_", _check_labels),
        (preprocessing.PolynomialFeatures, "n_output_features_", _check_polynomials),
        (feature_extraction.text.CountVectorizer, "vocabulary_", _check_vocabulary),
        (feature_extraction.DictVectorizer, "vocabulary_", _check_vocabulary),
    )


def _check_decision_tree(found: Any) -> None:
    from sklearn.tree._tree import Tree

    _expect(type(found.tree_) is Tree, found, "tree_")
    _expect(vars(found).get("n_features_in_") == found.tree_.n_features, found, "n_features_in_")
    _expect(vars(found).get("n_outputs_") == found.tree_.n_outputs, found, "n_outputs_")


def _check_gradient_boosting(found: Any) -> None:
    """Its trees are read without asking them: each must take the inputs and give one value."""
    rounds = found.estimators_
    _expect(
        isinstance(rounds, np.ndarray) and rounds.ndim == 2 and rounds.dtype == object, found, "estimators_"
    )
    _expect(_is_whole(vars(found).get("n_features_in_")), found, "n_features_in_")
    for tree in rounds.ravel():
        _check_decision_tree(tree)
        _expect(tree.tree_.n_features == found.n_features_in_, found, "estimators_")
        _expect(tree.tree_.n_outputs == 1 and tree.tree_.value.shape[2] == 1, found, "estimators_")
    start = found._raw_predict_init(np.zeros((1, found.n_features_in_), dtype=np.float32))
    _expect(isinstance(start, np.ndarray) and start.shape == (1, rounds.shape[1]), found, "init_")


def _check_histogram_boosting(found: Any) -> None:
    width = vars(found).get("n_features_in_")
    _expect(_is_whole(width), found, "n_features_in_")
    mapper = found._bin_mapper
    chosen = np.asarray(mapper.is_categorical_).astype(bool)
    _expect(chosen.shape == (width,), found, "is_categorical_")
    _expect(
        isinstance(mapper.bin_thresholds_, list) and len(mapper.bin_thresholds_) == width,
        found,
        "_bin_mapper",
    )
    for place in np.flatnonzero(chosen):
        known = np.asarray(mapper.bin_thresholds_[place])
        _expect(not known.size or (known.min() >= 0 and known.max() < 256), found, "bin_thresholds_")
    _expect(isinstance(found._predictors, list), found, "_predictors")
    for predictor in (predictor for rounds in found._predictors for predictor in rounds):
        check_boosted(predictor, chosen)
    preprocessor = getattr(found, "_preprocessor", None)
    if preprocessor is not None:
        with catch_warnings(action="ignore"):  # the row has no names
            seen = preprocessor.transform(_row_for(found, width))
        _expect(seen.shape == (1, width), found, "_preprocessor")


def _row_for(found: Any, width: int) -> Any:
    """Return a row of zeros, or of the first text in columns of texts."""
    row: Any = np.zeros((1, width))
    categories = found._preprocessor.named_transformers_["encoder"].categories_
    for place, known in zip(np.flatnonzero(found.is_categorical_), categories, strict=True):
        if len(known) and isinstance(known[0], str):
            row = row.astype(object)
            row[0, place] = known[0]
    return row


def _check_isolation_forest(found: Any) -> None:
    width = vars(found).get("n_features_in_")
    _expect(_is_whole(width), found, "n_features_in_")
    _expect(len(found.estimators_features_) == len(found.estimators_), found, "estimators_features_")
    for tree, features in zip(found.estimators_, found.estimators_features_, strict=True):
        _check_decision_tree(tree)
        _expect(len(features) == tree.tree_.n_features, found, "estimators_features_")


def _check_neighbours(found: Any) -> None:
    rows = found._fit_X
    count, width = vars(found).get("n_samples_fit_"), vars(found).get("n_features_in_")
    _expect(hasattr(rows, "shape") and rows.shape == (count, width), found, "_fit_X")
    for name in ("metric_params", "effective_metric_params_"):
        given = vars(found).get(name)
        _expect(
            given is None or (type(given) is dict and not set(given) - {"p", "w", "V", "VI"}), found, name
        )
    asked = vars(found).get("n_neighbors")
    _expect(asked is None or (_is_whole(asked) and 0 < asked <= max(count, 1)), found, "n_neighbors")
    if found._tree is not None:
        _expect(np.asarray(found._tree.data).shape == (count, width), found, "_tree")
    if getattr(found, "classes_", None) is not None and vars(found).get("_y") is not None:
        _check_known(found, count)


def _check_known(found: Any, count: int) -> None:
    """The classes of the known rows are places in `classes_`."""
    places = found._y
    _expect(isinstance(places, np.ndarray) and places.dtype == np.intp, found, "_y")
    _expect(places.shape[:1] == (count,), found, "_y")
    several = vars(found).get("outputs_2d_", False)
    classes = found.classes_ if several else [found.classes_]
    columns = places.reshape(count, -1)
    _expect(columns.shape[1] == len(classes), found, "_y")
    for column, known in zip(columns.T, classes, strict=True):
        _expect(not column.size or (column.min() >= 0 and column.max() < len(known)), found, "_y")


def _check_density(found: Any) -> None:
    width = vars(found).get("n_features_in_")
    _expect(np.asarray(found.tree_.data).shape[1:] == (width,), found, "tree_")


def _check_support_vectors(found: Any) -> None:
    from scipy.sparse import issparse
    from sklearn.svm._base import BaseSVC

    support, vectors, counts = found.support_, found.support_vectors_, found._n_support
    _expect(
        isinstance(support, np.ndarray) and support.dtype == np.int32 and support.ndim == 1, found, "support_"
    )
    _expect(
        isinstance(counts, np.ndarray) and counts.dtype == np.int32 and counts.ndim == 1, found, "_n_support"
    )
    rows = found.shape_fit_[0]
    _expect(not support.size or (support.min() >= 0 and support.max() < rows), found, "support_")
    width = vars(found).get("n_features_in_")
    _expect(callable(found.kernel) or width == found.shape_fit_[1], found, "shape_fit_")
    own = callable(found.kernel) or found.kernel == "precomputed"
    _expect(own or vectors.shape == (support.size, width), found, "support_vectors_")
    _expect(bool(found._sparse) == issparse(vectors), found, "_sparse")
    if callable(found.kernel):
        _expect(vars(found)["_BaseLibSVM__Xfit"].shape[0] == rows, found, "kernel")
    _expect(found.kernel != "precomputed" or rows == width, found, "shape_fit_")
    sides = len(found.classes_) if isinstance(found, BaseSVC) else 2
    pairs = sides * (sides - 1) // 2
    _expect(counts.size == sides and counts.min() >= 0, found, "_n_support")
    total = counts.sum() if isinstance(found, BaseSVC) else counts[0]
    _expect(total == support.size, found, "_n_support")
    dual = found._dual_coef_
    _expect(dual.shape == (sides - 1, support.size), found, "_dual_coef_")
    _expect(not issparse(dual) or dual.data.size == (sides - 1) * support.size, found, "_dual_coef_")
    _expect(np.shape(found._intercept_) == (pairs,), found, "_intercept_")
    _expect({np.size(found._probA), np.size(found._probB)} <= {0, pairs}, found, "_probA")
    _expect(np.size(found._probA) == np.size(found._probB), found, "_probA")


def _check_centres(found: Any) -> None:
    from sklearn.cluster import BisectingKMeans

    width, centres = vars(found).get("n_features_in_"), found.cluster_centers_
    _expect(isinstance(centres, np.ndarray) and centres.ndim == 2, found, "cluster_centers_")
    _expect(centres.shape[0] > 0 and centres.shape[1] == width, found, "cluster_centers_")
    if isinstance(found, BisectingKMeans):
        _check_bisections(found, width)


def _check_bisections(found: Any, width: int) -> None:
    """Its clusters are a tree of nodes: each has a centre, and none is its own ancestor."""
    seen: set[int] = set()
    waiting = [found._bisecting_tree]
    while waiting:
        node = waiting.pop()
        _expect(id(node) not in seen and np.shape(node.center) == (width,), found, "_bisecting_tree")
        seen.add(id(node))
        children = [node.left, node.right]
        _expect((children[0] is None) == (children[1] is None), found, "_bisecting_tree")
        waiting += [child for child in children if child is not None]


def _check_birch(found: Any) -> None:
    centres = found.subcluster_centers_
    shape = (len(centres), vars(found).get("n_features_in_"))
    _expect(isinstance(centres, np.ndarray) and centres.shape == shape, found, "subcluster_centers_")
    _expect(np.shape(found._subcluster_norms) == shape[:1], found, "_subcluster_norms")


def _check_agglomeration(found: Any) -> None:
    labels = found.labels_
    _expect(isinstance(labels, np.ndarray) and labels.dtype.kind == "i", found, "labels_")
    _expect(labels.size > 0 and labels.min() >= 0 and labels.max() < labels.size, found, "labels_")


def _check_one_hot(found: Any) -> None:
    """Each category leads to a column that is there."""
    categories = found.categories_
    _expect(isinstance(categories, list), found, "categories_")
    _expect(
        all(isinstance(known, np.ndarray) and known.ndim == 1 for known in categories), found, "categories_"
    )
    counts = [len(known) for known in categories]
    frequent = _frequent(found, counts)
    dropped = found._drop_idx_after_grouping
    if dropped is not None:
        _expect(isinstance(dropped, np.ndarray) and dropped.shape == (len(counts),), found, "drop_idx_")
        for place, count in zip(dropped, frequent, strict=True):
            _expect(place is None or (_is_whole(place) and 0 <= place < count), found, "drop_idx_")
    _expect(found._n_features_outs == found._compute_n_features_outs(), found, "_n_features_outs")


def _frequent(found: Any, counts: list[int]) -> list[int]:
    """Check how rare categories are mapped, and return how many are left of each column."""
    if not found._infrequent_enabled:
        return counts
    mappings = found._default_to_infrequent_mappings
    _expect(len(mappings) == len(counts) == len(found._infrequent_indices), found, "_infrequent_indices")
    left = []
    for mapping, rare, count in zip(mappings, found._infrequent_indices, counts, strict=True):
        _expect((mapping is None) == (rare is None), found, "_infrequent_indices")
        if mapping is None:
            left.append(count)
            continue
        left.append(count - len(rare) + 1)
        _expect(np.shape(mapping) == (count,) and 0 < len(rare) <= count, found, "_infrequent_indices")
        _expect(mapping.min() >= 0 and mapping.max() < left[-1], found, "_default_to_infrequent_mappings")
        _expect(rare.min() >= 0 and rare.max() < count, found, "_infrequent_indices")
    return left


def _check_labels(found: Any) -> None:
    cached = vars(found).get("_cached_dict")
    known = dict(zip(found.classes_, range(len(found.classes_)), strict=True))
    _expect(cached is None or cached == known, found, "_cached_dict")


def _check_polynomials(found: Any) -> None:
    from numbers import Integral

    lowest, highest = (0, found.degree) if isinstance(found.degree, Integral) else found.degree
    wanted = found._num_combinations(
        n_features=found.n_features_in_,
        min_degree=lowest,
        max_degree=highest,
        interaction_only=found.interaction_only,
        include_bias=found.include_bias,
    )
    _expect(found.n_output_features_ == wanted, found, "n_output_features_")
    _expect(found._n_out_full >= wanted, found, "_n_out_full")


def _check_vocabulary(found: Any) -> None:
    places = list(found.vocabulary_.values())
    _expect(all(_is_whole(place) for place in places), found, "vocabulary_")
    _expect(sorted(places) == list(range(len(places))), found, "vocabulary_")


def _is_whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _expect(holds: Any, found: Any, name: str) -> None:
    if not holds:
        raise Corrupted(
            f"the model's {type(found).__name__} has a {name} that does not fit the rest",
            hint="fetch the package again",
        )
