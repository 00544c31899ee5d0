"""Ensembles of trees of `ai.onnx.ml`, up to its version 3."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.package.writing.neutral.form import Equal, Operation, Unary
from kervan.package.writing.neutral.readers.onnx.learners import transformed
from kervan.package.writing.neutral.readers.onnx.tensors import LARGEST, Kind, Node, Rows, operator
from kervan.package.writing.neutral.readers.trees import Tree, grow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.package.writing.neutral.form import Floats

_MODES = ("LEAF", "BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """The nodes of all trees by place: which tree each is of, and its children's places."""

    tree: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: Floats
    mode: NDArray[np.str_]
    yes: NDArray[np.int64]
    no: NDArray[np.int64]
    missing_yes: NDArray[np.bool_]
    places: dict[tuple[int, int], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Whether a column has one of some values, and whether a missing one counts as such."""

    place: int
    values: tuple[float, ...]
    missing: bool


@operator("TreeEnsembleRegressor", ml=True)
def _(node: Node) -> Rows:
    settings = node.settings
    outputs = int(settings.get("n_targets", 1))
    aggregate = settings.get("aggregate_function", "SUM")
    if aggregate not in {"SUM", "AVERAGE"}:
        raise node.refused(f"it takes the {aggregate} of trees")
    total, trees = _grown(node, "target", outputs)
    if aggregate == "AVERAGE":
        total = node.make(
            [total], lambda value: node.builder.arithmetic(value, Operation.DIVIDE, float(trees))
        )
    base = _told(settings, "base_values", np.zeros(outputs))
    if len(base):
        total = node.make([total], lambda value: node.builder.arithmetic(value, Operation.ADD, base))
    return transformed(node, total, False) if outputs > 1 else total  # ONNX Runtime leaves a single one alone


@operator("TreeEnsembleClassifier", ml=True)
def _(node: Node) -> tuple[None, Rows]:
    settings = node.settings
    labels = settings.get("classlabels_strings") or settings.get("classlabels_int64s") or ()
    ids = np.unique(settings["class_ids"])
    weights = _told(settings, "class_weights", np.zeros(0))
    base = _told(settings, "base_values", np.zeros(0))
    total, _ = _grown(node, "class", len(labels))
    builder = node.builder
    if len(labels) != 2:
        if len(base) not in {0, len(labels)}:
            raise node.refused("it has other numbers of classes and of base values")
        if len(base):
            total = node.make([total], lambda value: builder.arithmetic(value, Operation.ADD, base))
        return None, transformed(node, total, True)
    if len(base) > 1 or ids.tolist() not in ([0], [0, 1]):
        raise node.refused("readers do not agree about its two classes")
    if ids.tolist() == [0]:
        total = node.pick(total, np.zeros(1, np.int64))
    elif not _names_both(settings):
        raise node.refused("it has rows for which only one of two classes is told")
    if len(base):
        added = np.array([base[0], 0.0])[: total.width]  # ONNX Runtime adds a single one to the first class
        total = node.make([total], lambda value: builder.arithmetic(value, Operation.ADD, added))
    return None, transformed(node, total, bool((weights >= 0).all()))


def _names_both(settings: dict[str, Any]) -> bool:
    """Whether some tree tells both classes in each of its leaves: then every row has both."""
    ids = np.array(settings["class_ids"])
    tree, node = np.array(settings["class_treeids"]), np.array(settings["class_nodeids"])
    both = set(zip(tree[ids == 0], node[ids == 0], strict=True)) & set(
        zip(tree[ids == 1], node[ids == 1], strict=True)
    )
    is_leaf = np.array(settings["nodes_modes"]) == "LEAF"
    trees, own = np.array(settings["nodes_treeids"])[is_leaf], np.array(settings["nodes_nodeids"])[is_leaf]
    leaves = zip(trees, own, strict=True)
    lacking = {int(leaf[0]) for leaf in leaves if leaf not in both}
    return bool(set(settings["nodes_treeids"]) - lacking)


def _told(settings: dict[str, Any], name: str, default: Any) -> Floats:
    """Return numbers from a list, or from the tensor that has more bits."""
    found = settings.get(f"{name}_as_tensor", settings.get(name, default))
    return np.ravel(found).astype(np.float64)


def _grown(node: Node, side: str, outputs: int) -> tuple[Rows, int]:
    """Return the sums of the leaves, and how many trees there are."""
    source = node.rows()
    kind = Kind.DOUBLE if source.kind is Kind.DOUBLE else Kind.FLOAT
    if len(source.sides) != 1:
        raise node.refused("it reads more than one side")
    nodes = _nodes(node, kind)
    if nodes.feature.max(initial=0) >= source.width or nodes.feature.min(initial=0) < 0:
        raise node.refused(f"it asks for a column beyond {source.width}")
    roots = _roots(node, nodes)
    joined, nodes = _with_equals(node, source.sharp, nodes)
    leaves = _leaves(node, side, nodes, outputs)
    trees = [_tree(nodes, leaves, members, kind) for members in _members(node, nodes, roots)]
    found = node.make(
        [joined],
        lambda value: node.builder.add(grow(value, trees, np.zeros(outputs))),
        sides=(outputs,),
        kind=kind if side == "target" else Kind.FLOAT,
        steps=len(trees),
    )
    return found, len(trees)


def _nodes(node: Node, kind: Kind) -> Nodes:
    settings = node.settings
    tree = np.array(settings["nodes_treeids"], dtype=np.int64)
    own = np.array(settings["nodes_nodeids"], dtype=np.int64)
    places = {key: place for place, key in enumerate(zip(tree.tolist(), own.tolist(), strict=True))}
    mode = np.array(settings["nodes_modes"])
    if len(places) != len(tree) or not set(mode.tolist()) <= set(_MODES):
        raise node.refused("its nodes occur twice, or ask what is not known here")
    yes, no = (
        np.array(
            [
                -1 if kind_ == "LEAF" else places[one, child]
                for one, child, kind_ in zip(tree.tolist(), settings[name], mode.tolist(), strict=True)
            ],
            dtype=np.int64,
        )
        for name in ("nodes_truenodeids", "nodes_falsenodeids")
    )
    threshold = _told(settings, "nodes_values", np.zeros(len(tree)))
    missing = np.array(settings.get("nodes_missing_value_tracks_true") or [0] * len(tree), dtype=bool)
    feature = np.array(settings["nodes_featureids"], dtype=np.int64)
    if {len(threshold), len(missing), len(feature)} != {len(tree)}:
        raise node.refused("its nodes have other numbers of settings")
    if kind is Kind.FLOAT:
        threshold = threshold.astype(np.float32).astype(np.float64)
    return Nodes(
        tree=tree,
        feature=np.where(mode == "LEAF", 0, feature),
        threshold=threshold,
        mode=mode,
        yes=yes,
        no=no,
        missing_yes=missing,
        places=places,
    )


def _with_equals(node: Node, source: Rows, nodes: Nodes) -> tuple[Rows, Nodes]:
    """Put an indicator behind the columns for every question whether one has a certain value.

    The question becomes whether the indicator, 1 - [x = t], is at most 0.5. Questions about a column that
    follow each other with the same yes, as for a set of categories, become one.
    """
    asking = np.flatnonzero(np.isin(nodes.mode, ["BRANCH_EQ", "BRANCH_NEQ"]))
    if not asking.size:
        return source, nodes
    questions: dict[Question, int] = {}
    feature, threshold, mode = nodes.feature.copy(), nodes.threshold.copy(), nodes.mode.copy()
    yes, no, missing = nodes.yes.copy(), nodes.no.copy(), nodes.missing_yes.copy()
    for at in asking.tolist():
        question, yes[at], no[at] = _question(nodes, at)
        feature[at] = source.width + questions.setdefault(question, len(questions))
        threshold[at], mode[at], missing[at] = 0.5, "BRANCH_LEQ", False
    found = _indicators(node, source, list(questions))
    return node.join([source, found]), replace(
        nodes, feature=feature, threshold=threshold, mode=mode, yes=yes, no=no, missing_yes=missing
    )


def _question(nodes: Nodes, at: int) -> tuple[Question, int, int]:
    """Return what a node asks, and its children for yes and no.

    What is missing differs from every number, unless a node says that it goes to the yes.
    """
    place, values = int(nodes.feature[at]), [float(nodes.threshold[at])]
    if nodes.mode[at] == "BRANCH_NEQ":
        return Question(place=place, values=tuple(values), missing=False), nodes.no[at], nodes.yes[at]
    following = nodes.no[at]
    while (
        nodes.mode[following] == "BRANCH_EQ"
        and nodes.feature[following] == place
        and nodes.yes[following] == nodes.yes[at]
        and nodes.missing_yes[following] == nodes.missing_yes[at]
        and len(values) <= len(nodes.tree)
    ):
        values.append(float(nodes.threshold[following]))
        following = nodes.no[following]
    asked = Question(place=place, values=tuple(sorted(set(values))), missing=bool(nodes.missing_yes[at]))
    return asked, nodes.yes[at], following


def _indicators(node: Node, source: Rows, questions: list[Question]) -> Rows:
    """Return 0 where a question's column has one of its values, or is missing and that counts, else 1."""
    builder = node.builder
    lengths = [len(question.values) for question in questions]
    node.check_width(sum(lengths))
    columns = np.array([question.place for question in questions], dtype=np.int64)
    values = np.array([value for question in questions for value in question.values])
    counts = np.array([float(question.missing) for question in questions])
    if sum(lengths) * len(questions) > LARGEST:
        raise node.refused("it has very many sets of categories")
    groups = np.repeat(np.arange(len(questions)), lengths)
    members = (groups == np.arange(len(questions))[:, None]).astype(np.float64)

    def build(value: int) -> int:
        equal = builder.add(Equal(sources=(value,), places=np.repeat(columns, lengths), values=values))
        found = builder.linear(equal, -members, np.ones(len(questions)))
        if counts.any():
            missing = builder.map(builder.take(value, columns), Unary.MISSING)
            missing = builder.arithmetic(missing, Operation.MULTIPLY, counts)
            found = builder.combine(found, Operation.SUBTRACT, missing)
        return found

    return node.make([source], build, sides=(len(questions),), exact=True)


def _leaves(node: Node, side: str, nodes: Nodes, outputs: int) -> Floats:
    """Return what each node adds to each output: weights of one node and output add up."""
    settings = node.settings
    if len(nodes.tree) * outputs > 1 << 26:
        raise node.refused("it has very many leaves and outputs")
    keys = zip(settings[f"{side}_treeids"], settings[f"{side}_nodeids"], strict=True)
    rows = np.array([nodes.places[key] for key in keys], dtype=np.int64)
    ids = np.array(settings[f"{side}_ids"], dtype=np.int64)
    if ids.min(initial=0) < 0 or (nodes.mode[rows] != "LEAF").any():
        raise node.refused("it has weights that belong to no leaf")
    found = np.zeros((len(nodes.tree), outputs))
    np.add.at(found, (rows, ids), _told(settings, f"{side}_weights", np.zeros(0)))
    return found


def _roots(node: Node, nodes: Nodes) -> list[int]:
    """Return the places of the roots: one of each tree."""
    is_root = np.ones(len(nodes.tree), dtype=bool)
    is_root[np.concatenate([nodes.yes[nodes.yes >= 0], nodes.no[nodes.no >= 0]])] = False
    roots = np.flatnonzero(is_root)
    if len(np.unique(nodes.tree[roots])) != len(roots) or set(nodes.tree[roots]) != set(nodes.tree):
        raise node.refused("its trees have several roots, or none")
    return [int(root) for root in roots]


def _members(node: Node, nodes: Nodes, roots: list[int]) -> list[NDArray[np.int64]]:
    """Return the places of each tree's nodes, its root first. A node is the child of one other node."""
    seen = np.zeros(len(nodes.tree), dtype=bool)
    found = []
    for root in roots:
        waiting, members = [root], []
        while waiting:
            at = waiting.pop()
            if seen[at]:
                raise node.refused("its trees join again, or go in circles")
            seen[at] = True
            members.append(at)
            waiting += [int(child) for child in (nodes.no[at], nodes.yes[at]) if child >= 0]
        found.append(np.array(members, dtype=np.int64))
    return found


def _tree(nodes: Nodes, leaves: Floats, members: NDArray[np.int64], kind: Kind) -> Tree:
    """Return one tree. Every question is turned into whether x <= t, its answer yes to the left."""
    number = np.zeros(len(nodes.tree), dtype=np.int64)
    number[members] = np.arange(len(members))
    mode, threshold = nodes.mode[members], nodes.threshold[members]
    is_leaf = mode == "LEAF"
    is_turned = np.isin(mode, ["BRANCH_GTE", "BRANCH_GT"])
    is_open = np.isin(mode, ["BRANCH_LT", "BRANCH_GTE"])
    with np.errstate(over="ignore"):  # nothing is below the smallest number but infinity
        before = np.nextafter(threshold, -np.inf)
        if kind is Kind.FLOAT:
            before = np.nextafter(threshold.astype(np.float32), np.float32(-np.inf)).astype(np.float64)
    yes, no = nodes.yes[members], nodes.no[members]
    missing = nodes.missing_yes[members]
    return Tree(
        place=np.where(is_leaf, -1, nodes.feature[members]),
        threshold=np.where(is_open, before, threshold),
        left=np.where(is_leaf, 0, number[np.where(is_turned, no, yes)]),
        right=np.where(is_leaf, 0, number[np.where(is_turned, yes, no)]),
        missing_left=np.where(is_turned, ~missing, missing),
        leaves=leaves[members],
    )
