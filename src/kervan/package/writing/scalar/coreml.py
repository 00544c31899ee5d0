"""Models as specifications of Core ML: columns are coded and joined, then trees or one linear model answer.

The shapes that are known: an ensemble of trees over the inputs, divided by a constant or not, and a linear
model over imputed and scaled numbers and spread categories; both with a logistic, a softmax, or nothing on
top. That is what `kervan.model` trains; other forms are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Refused
from kervan.core.schema import Type
from kervan.package.writing.coreml.protos import new_model
from kervan.package.writing.neutral.build import gives_both
from kervan.package.writing.neutral.fold import chains_of
from kervan.package.writing.neutral.form import (
    Arithmetic,
    Equal,
    Impute,
    Linear,
    Map,
    Operation,
    Softmax,
    Trees,
    Unary,
)
from kervan.package.writing.scalar.expressions import Among, Input
from kervan.package.writing.scalar.questions import ask

if TYPE_CHECKING:
    from kervan.core.schema import Column, Signature
    from kervan.package.writing.neutral.fold import Chain
    from kervan.package.writing.neutral.form import Floats, Form

_NO_TRANSFORM, _SOFTMAX, _SOFTMAX_WITH_ZERO = 0, 1, 3  # of trees
_BELOW, _EQUAL, _LEAF = 0, 4, 6  # what nodes do
_REFERENCE, _LOGIT = 0, 0  # of linear classifiers
_IGNORE = 1  # unknown categories
_DOUBLES = 65_600  # the type of an array


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """A form's core, the value that it reads, and what comes after: "", "logistic" or "softmax"."""

    core: Trees | Linear
    source: int
    scale: Floats
    link: str


def write_model(form: Form) -> Any:
    """Write a specification. Raises `Refused` for a form of another shape."""
    shape = _shape(form)
    writer = _Writer(form.signature)
    if isinstance(shape.core, Linear):
        writer.linear(shape, chains_of(form)[shape.source])
    else:
        writer.trees(shape)
    return writer.model


def _shape(form: Form) -> _Shape:
    layers = list(form.layers)
    link = ""
    if len(layers) > 1 and isinstance(layers[-1], Softmax):
        link = "softmax"
        layers.pop()
    elif len(layers) > 2 and gives_both(layers[-1]) and _is(layers[-2], Unary.LOGISTIC):
        link = "logistic"
        del layers[-2:]
    core, scale = layers[-1], np.ones(form.widths[len(layers)])
    if (
        isinstance(core, Arithmetic)
        and core.operation in {Operation.DIVIDE, Operation.MULTIPLY}
        and len(layers) > 1
    ):
        scale = core.constant if core.operation is Operation.MULTIPLY else 1 / core.constant
        core = layers[-2]
    if isinstance(core, Trees) and core.sources == (0,):
        return _Shape(core=core, source=0, scale=scale, link=link)
    if isinstance(core, Linear) and core is layers[-1] and (link or not form.signature.is_classification):
        return _Shape(core=core, source=core.sources[0], scale=scale, link=link)
    raise _unsaid()


def _is(layer: object, function: Unary) -> bool:
    return isinstance(layer, Map) and layer.function is function


class _Writer:
    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self.model = new_model()
        self.model.specificationVersion = 1
        self._own = "kervan"  # what the names of all steps between begin with, and no column's
        while any(name.startswith(self._own) for name in signature.inputs.names):
            self._own = f"_{self._own}"
        for column in signature.inputs:
            _describe(self.model.description.input.add(), column.name, _kind(column))
        self._answer(self.model)
        kind = "pipelineClassifier" if signature.is_classification else "pipelineRegressor"
        self._steps = getattr(self.model, kind).pipeline.models

    def _answer(self, model: Any) -> None:
        """Describe the answer: a value, or a label and a dictionary of probabilities."""
        name, description = self._signature.output.name, model.description
        taken = self._signature.inputs.names
        while name in taken:
            name = f"_{name}"
        description.predictedFeatureName = name
        output = description.output.add()
        _describe(output, name, "string" if self._signature.is_classification else "double")
        if self._signature.threshold is not None:
            output.shortDescription = (
                f"The most probable class. The model names {self._signature.output.allowed[1]} from a "
                f"probability of {self._signature.threshold:g} on: ask `probabilities`."
            )
        if self._signature.costs:
            output.shortDescription = (
                "The most probable class. The model names the one that is expected to cost least: weigh "
                "`probabilities` by the costs."
            )
        if self._signature.is_classification:
            chances = "probabilities"
            while chances in taken or chances == name:
                chances = f"_{chances}"
            description.predictedProbabilitiesName = chances
            _describe(description.output.add(), chances, "dictionary")

    def _step(self, inputs: list[tuple[str, Any]], output: tuple[str, Any] | None) -> Any:
        """Add a step to the pipeline; the last one, without an output, gives the answer."""
        step = self._steps.add()
        step.specificationVersion = 1
        for name, kind in inputs:
            _describe(step.description.input.add(), name, kind)
        if output is None:
            self._answer(step)
        else:
            _describe(step.description.output.add(), *output)
        return step

    def _join(self, inputs: list[tuple[str, Any]], name: str) -> int:
        """Lay numbers and arrays one after another."""
        widths = [kind if isinstance(kind, int) else 1 for _, kind in inputs]
        step = self._step(inputs, (name, sum(widths)))
        for (entry, _), width in zip(inputs, widths, strict=True):
            step.featureVectorizer.inputList.add(inputColumn=entry, inputDimensions=width)
        return sum(widths)

    def trees(self, shape: _Shape) -> None:
        """Join codes and numbers to the encoded row, and let trees answer."""
        parts: list[tuple[str, Any]] = []
        for place, column in enumerate(self._signature.inputs):
            if column.type is not Type.CATEGORY:
                parts.append((column.name, "double"))
                continue
            code = f"{self._own}_code_{place}"
            step = self._step([(column.name, "string")], (code, "int64"))
            step.categoricalMapping.int64Value = -1
            for at, text in enumerate(column.allowed):
                step.categoricalMapping.stringToInt64Map.map[text] = at
            parts.append((code, "int64"))
        width = self._join(parts, f"{self._own}_row")
        step = self._step([(f"{self._own}_row", width)], None)
        kinds = {"": _NO_TRANSFORM, "softmax": _SOFTMAX, "logistic": _SOFTMAX_WITH_ZERO}
        kind = (
            step.treeEnsembleClassifier if self._signature.is_classification else step.treeEnsembleRegressor
        )
        kind.postEvaluationTransform = kinds[shape.link]
        if self._signature.is_classification:
            kind.stringClassLabels.vector.extend(self._signature.output.allowed)
        self._ensemble(kind.treeEnsemble, shape)

    def _ensemble(self, ensemble: Any, shape: _Shape) -> None:
        layer = shape.core
        if not isinstance(layer, Trees):
            raise TypeError("only trees are written as trees")
        ensemble.numPredictionDimensions = len(layer.base)
        ensemble.basePredictionValue.extend((layer.base * shape.scale).tolist())
        for tree, root in enumerate(layer.roots):
            waiting = [int(root)]
            while waiting:
                node = waiting.pop()
                written = ensemble.nodes.add(treeId=tree, nodeId=node - int(root))
                if layer.place[node] < 0:
                    written.nodeBehavior = _LEAF
                    outputs = range(len(layer.base)) if layer.target is None else [int(layer.target[tree])]
                    for column, output in enumerate(outputs):
                        value = float(layer.leaves[layer.left[node], column] * shape.scale[output])
                        written.evaluationInfo.add(evaluationIndex=output, evaluationValue=value)
                    continue
                self._branch(written, layer, node, int(root))
                waiting += [int(layer.left[node]), int(layer.right[node])]

    def _branch(self, written: Any, layer: Trees, node: int, root: int) -> None:
        place = int(layer.place[node])
        written.branchFeatureIndex = place
        children = [int(layer.left[node]) - root, int(layer.right[node]) - root]
        if layer.members[node] < 0:
            written.nodeBehavior = _BELOW
            written.branchFeatureValue = float(layer.threshold[node])
            written.missingValueTracksTrueChild = bool(layer.missing_left[node])
        else:
            question = ask(layer, node, Input(place), self._signature)
            if not isinstance(question.test, Among) or len(question.test.codes) != 1:
                raise Refused(
                    "a node of Core ML's trees cannot ask whether a category is one of several",
                    hint="choose the format `onnx`, or train without native categories",
                )
            written.nodeBehavior = _EQUAL
            written.branchFeatureValue = float(question.test.codes[0])
            if not question.goes_left:
                children.reverse()
        written.trueChildNodeId, written.falseChildNodeId = children

    def linear(self, shape: _Shape, chains: tuple[Chain | None, ...]) -> None:
        """Impute and scale numbers, spread categories, and weigh both."""
        if not isinstance(shape.core, Linear):
            raise TypeError("only a linear layer is written as weights")
        elements = [_element(chain, self._signature) for chain in chains]
        numbers = [at for at, element in enumerate(elements) if element.code < 0]
        parts: list[tuple[str, Any]] = []
        if numbers:
            parts.append((f"{self._own}_scaled", len(numbers)))
            self._scaled([elements[at] for at in numbers])
        columns = [shape.core.weights[:, numbers]]
        for place in sorted({element.place for element in elements if element.code >= 0}):
            column = self._signature.inputs.columns[place]
            parts.append((f"{self._own}_spread_{place}", len(column.allowed)))
            step = self._step([(column.name, "string")], parts[-1])
            step.oneHotEncoder.stringCategories.vector.extend(column.allowed)
            step.oneHotEncoder.handleUnknown = _IGNORE
            block = np.zeros((len(shape.core.bias), len(column.allowed)))
            for at, element in enumerate(elements):
                if element.code >= 0 and element.place == place:
                    block[:, element.code] += shape.core.weights[:, at]
            columns.append(block)
        width = self._join(parts, f"{self._own}_row")
        weights, bias = np.hstack(columns), shape.core.bias
        if shape.link == "softmax":  # the first class is what the others are compared with
            weights, bias = weights[1:] - weights[0], bias[1:] - bias[0]
        step = self._step([(f"{self._own}_row", width)], None)
        kind = step.glmClassifier if self._signature.is_classification else step.glmRegressor
        if self._signature.is_classification:
            kind.classEncoding, kind.postEvaluationTransform = _REFERENCE, _LOGIT
            kind.stringClassLabels.vector.extend(self._signature.output.allowed)
        for row in weights:
            kind.weights.add().value.extend(row.tolist())
        kind.offset.extend(bias.tolist())

    def _scaled(self, elements: list[_Element]) -> None:
        width = len(elements)
        names = [self._signature.inputs.columns[element.place].name for element in elements]
        self._join([(name, "double") for name in names], f"{self._own}_raw")
        step = self._step([(f"{self._own}_raw", width)], (f"{self._own}_filled", width))
        step.imputer.replaceDoubleValue = float("nan")
        step.imputer.imputedDoubleArray.vector.extend(element.fill for element in elements)
        step = self._step([(f"{self._own}_filled", width)], (f"{self._own}_scaled", width))
        step.scaler.shiftValue.extend(element.shift for element in elements)
        step.scaler.scaleValue.extend(element.scale for element in elements)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Element:
    """What the linear model weighs: (number + shift) * scale, or with a `code` whether a category has it."""

    place: int
    code: int = -1
    fill: float = float("nan")
    shift: float = 0.0
    scale: float = 1.0


def _element(chain: Chain | None, signature: Signature) -> _Element:
    if chain is None:
        raise _unsaid()
    is_category = signature.inputs.columns[chain.place].type is Type.CATEGORY
    steps = [step for step in chain.steps if not _is(step, Unary.ROUND32)]
    if is_category and len(steps) == 1 and isinstance(steps[0], Equal) and steps[0].values[0] >= 0:
        return _Element(place=chain.place, code=int(steps[0].values[0]))
    fill, shift, scale = float("nan"), 0.0, 1.0
    for step in steps:
        if isinstance(step, Impute) and (shift, scale) == (0.0, 1.0):
            fill = float(step.fill[0])
        elif isinstance(step, Arithmetic) and step.operation is Operation.SUBTRACT and scale == 1.0:
            shift -= float(step.constant[0])
        elif isinstance(step, Arithmetic) and step.operation is Operation.DIVIDE:
            scale /= float(step.constant[0])
        else:
            raise _unsaid()
    if is_category:
        raise _unsaid()
    return _Element(place=chain.place, fill=fill, shift=shift, scale=scale)


def _unsaid() -> Refused:
    return Refused(
        "Core ML cannot say this model as trees over its columns or as one linear model of imputed and "
        "scaled numbers and spread categories",
        hint="choose the format `onnx`, or the family linear, tree, forest or boosting",
    )


def _kind(column: Column) -> str:
    return "string" if column.type is Type.CATEGORY else "double"


def _describe(feature: Any, name: str, kind: Any) -> None:
    """Say what a feature is; a number as its kind is the width of an array."""
    feature.name = name
    if isinstance(kind, int):
        feature.type.multiArrayType.shape.append(kind)
        feature.type.multiArrayType.dataType = _DOUBLES
    elif kind == "dictionary":
        feature.type.dictionaryType.stringKeyType.SetInParent()
    else:
        getattr(feature.type, f"{kind}Type").SetInParent()
