"""Ensembles of trees as H2O's: GBM adds up trees and applies a function, DRF averages probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.package.writing.h2o.model import Model, refused
from kervan.package.writing.h2o.trees import MOST_COLUMNS, Packer, leaf

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kervan.core.schema import Signature
    from kervan.package.writing.h2o.model import Value
    from kervan.package.writing.neutral.form import Floats, Trees

    Grown = tuple[int, Floats]  # where a tree starts, and what each row of leaves gives

_DISTRIBUTIONS = {
    "identity": ("gaussian", "identity"),
    "exp": ("poisson", "log"),
    "logistic": ("bernoulli", "logit"),
    "softmax": ("multinomial", "identity"),
}
_EXACT = 1e-9  # how far a sum of probabilities may be from 1


def ensemble(trees: Trees, link: str, signature: Signature, columns: Sequence[int]) -> Model:
    """Return the model for trees and a function of their sum; `columns` says where each input is in the file.

    Raises `Refused` where H2O would make something else of it.
    """
    if trees.sources != (0,):
        raise refused("trees that ask about what hangs on several columns at once")
    if len(columns) >= MOST_COLUMNS:
        raise refused(f"trees over {len(columns):,} columns, more than {MOST_COLUMNS - 1:,}")
    packer, outputs = Packer(trees, signature, columns), len(trees.base)
    if link == "shares":
        return _averaged(trees, packer)
    start, constants = float(trees.base[0]), np.zeros(0)
    if link == "softmax" and outputs == 2:
        groups, link = [_difference(trees)], "logistic"
        start = float(trees.base[1] - trees.base[0])
    else:
        groups = [_for_output(trees, output) for output in range(outputs)]
    if link == "softmax":
        start, constants = 0.0, trees.base
    distribution, function = _DISTRIBUTIONS[link]
    return _model(
        packer,
        groups,
        constants,
        algo="gbm",
        algorithm="Gradient Boosting Machine",
        settings={"distribution": distribution, "link_function": function, "init_f": start},
    )


def _averaged(trees: Trees, packer: Packer) -> Model:
    """Return a model that averages, for whose trees the probabilities of a row add up to the same number."""
    if trees.target is not None:
        raise refused("probabilities out of trees that answer for one class each")
    total = float(trees.base.sum())
    for root in trees.roots.tolist():
        nodes = np.array(packer.nodes(root))
        sums = trees.leaves[trees.left[nodes[trees.place[nodes] < 0]]].sum(axis=1)
        if not np.ptp(sums) <= _EXACT:
            raise refused("trees whose answers do not add up to the same for all rows")
        total += float(sums[0])
    if not abs(total - 1) <= _EXACT:
        raise refused(f"probabilities that add up to {total:g}")
    leaves = trees.leaves * len(trees.roots) + trees.base
    classes = [0] if len(trees.base) == 2 else range(len(trees.base))
    return _model(
        packer,
        [[(root, leaves[:, each]) for root in trees.roots.tolist()] for each in classes],
        np.zeros(0),
        algo="drf",
        algorithm="Distributed Random Forest",
        settings={"binomial_double_trees": False},
    )


def _for_output(trees: Trees, output: int) -> list[Grown]:
    """Return the trees that add to an output."""
    if trees.target is None:
        return [(root, trees.leaves[:, output]) for root in trees.roots.tolist()]
    return [(root, trees.leaves[:, 0]) for root in trees.roots[trees.target == output].tolist()]


def _difference(trees: Trees) -> list[Grown]:
    """Return trees for what the second of two outputs has more than the first."""
    if trees.target is None:
        return [(root, trees.leaves[:, 1] - trees.leaves[:, 0]) for root in trees.roots.tolist()]
    return [*_for_output(trees, 1), *((root, -values) for root, values in _for_output(trees, 0))]


def _model(
    packer: Packer,
    groups: Sequence[Sequence[Grown]],
    constants: Floats,
    *,
    algo: str,
    algorithm: str,
    settings: Mapping[str, Value],
) -> Model:
    """Return a model of trees in groups, one for each class; constants are trees too, one for each group."""
    files: dict[str, bytes] = {}
    for group, grown in enumerate(groups):
        packed = [packer.tree(root, values) for root, values in grown]
        packed += [(leaf(value), b"") for value in constants[group : group + 1].tolist()]
        for at, (tree, known) in enumerate(packed):
            files[f"trees/t{group:02d}_{at:03d}.bin"] = tree
            files[f"trees/t{group:02d}_{at:03d}_aux.bin"] = known
    return Model(
        algo=algo,
        algorithm=algorithm,
        version="1.40",
        settings={
            "n_trees": max(map(len, groups)) + bool(constants.size),
            "n_trees_per_class": len(groups),
            "_genmodel_encoding": "AUTO",
            **settings,
        },
        files=files,
    )
