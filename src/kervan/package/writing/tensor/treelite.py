"""A form that is an ensemble of trees as a model of treelite, in float64."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Refused
from kervan.core.plugins import extras_named
from kervan.package.writing.neutral.build import gives_both
from kervan.package.writing.neutral.form import Linear, Map, Softmax, Trees, Unary
from kervan.package.writing.neutral.merge import scale_trees
from kervan.package.writing.tensor.coding import signature_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from treelite import Model

    from kervan.package.writing.neutral.form import Form, Layer

SIGNATURE = "kervan_signature"  # among the attributes of a model


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensemble:
    """Trees, and what treelite calls the function after their sum.

    After `sigmoid` the answer is the probability of the second of two classes alone.
    """

    trees: Trees
    function: str


def ensemble_of(form: Form) -> Ensemble:
    """Return the ensemble that a form is, or raise `Refused` that names what treelite does not know."""
    trees, *rest = form.layers
    if not isinstance(trees, Trees):
        raise _refused(trees)
    while rest and (scaled := scale_trees(trees, rest[0])) is not None:
        trees, rest = scaled, rest[1:]
    return Ensemble(trees=trees, function=_function(rest, len(trees.base)))


def model_of(form: Form) -> Model:
    """Return the model of treelite, which carries the signature among its attributes."""
    ensemble = ensemble_of(form)
    with extras_named():
        from treelite.model_builder import Metadata, ModelBuilder, PostProcessorFunc, TreeAnnotation

    trees, outputs = ensemble.trees, len(ensemble.trees.base)
    task = "kMultiClf" if outputs > 1 else "kBinaryClf" if ensemble.function == "sigmoid" else "kRegressor"
    classes = np.full(len(trees.roots), 0 if outputs == 1 else -1) if trees.target is None else trees.target
    builder = ModelBuilder(
        threshold_type="float64",
        leaf_output_type="float64",
        metadata=Metadata(
            num_feature=form.widths[0],
            task_type=task,
            average_tree_output=False,
            num_target=1,
            num_class=[outputs],
            leaf_vector_shape=(1, trees.leaves.shape[1]),
        ),
        tree_annotation=TreeAnnotation(
            num_tree=len(trees.roots), target_id=[0] * len(trees.roots), class_id=classes.tolist()
        ),
        postprocessor=PostProcessorFunc(name=ensemble.function),
        base_scores=trees.base.tolist(),
        attributes={SIGNATURE: signature_text(form.signature)},
    )
    for root in trees.roots.tolist():
        _write_tree(builder, trees, root)
    return builder.commit()


def _write_tree(builder: Any, trees: Trees, root: int) -> None:
    """Write the nodes of one tree, called after their places."""
    builder.start_tree()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        builder.start_node(node)
        if trees.place[node] < 0:
            leaf = trees.leaves[trees.left[node]].tolist()
            builder.leaf(leaf if len(leaf) > 1 else leaf[0])
        else:
            _write_question(builder, trees, node)
            waiting += [int(trees.right[node]), int(trees.left[node])]
        builder.end_node()
    builder.end_tree()


def _write_question(builder: Any, trees: Trees, node: int) -> None:
    column, missing_left = int(trees.place[node]), bool(trees.missing_left[node])
    children = {"left_child_key": int(trees.left[node]), "right_child_key": int(trees.right[node])}
    if trees.members[node] < 0:
        threshold = float(trees.threshold[node])
        builder.numerical_test(column, threshold, default_left=missing_left, opname="<=", **children)
        return
    # The codes that go the other way than what is missing: treelite takes an unknown code for none of them.
    goes_left = trees.sets[trees.members[node]]
    builder.categorical_test(
        column,
        default_left=missing_left,
        category_list=np.flatnonzero(goes_left != missing_left).tolist(),
        category_list_right_child=missing_left,
        **children,
    )


def _function(rest: Sequence[Layer], outputs: int) -> str:
    match rest:
        case []:
            return "identity" if outputs == 1 else "identity_multiclass"
        case [Softmax()]:
            return "softmax"
        case [Map(function=Unary.EXP)]:
            return "exponential"
        case [Map(function=Unary.LOGISTIC), Linear() as last] if gives_both(last):
            return "sigmoid"
    raise _refused(rest[0])


def _refused(layer: Layer) -> Refused:
    return Refused(
        f"treelite knows trees over the columns and one function of their sum; this model does more "
        f"({type(layer).__name__})",
        hint="write the model as `onnx`",
    )
