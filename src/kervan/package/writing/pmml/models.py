"""The models of a document over its fields: regressions, trees, networks, and models made of models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.core.errors import Corrupted, Refused
from kervan.package.writing.neutral.form import Map, Operation, Unary
from kervan.package.writing.neutral.rounding import FEW_ULPS
from kervan.package.writing.pmml.document import MODELS
from kervan.package.writing.pmml.fields import EXPORT, Category, Field, Number, to_number
from kervan.package.writing.pmml.formulas import Fields
from kervan.package.writing.pmml.networks import read_network
from kervan.package.writing.pmml.regression import read_regression
from kervan.package.writing.pmml.trees import Columns, Reader, grown

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from kervan.package.writing.neutral.build import Builder
    from kervan.package.writing.pmml.document import Document

_SUMS = {"sum", "average", "weightedAverage", "weightedSum", "majorityVote"}
_PREDICATES = {"True", "False", "SimplePredicate", "SimpleSetPredicate", "CompoundPredicate"}


def read_model(builder: Builder, document: Document, value: int) -> int:
    """Add the model of a document over the encoded row, its inputs in their order; return its answer.

    Raises `Refused` that names what the form cannot express.
    """
    known: dict[str, Field] = {}
    for place, taken in enumerate(document.inputs):
        own = builder.take(value, [place])
        known[taken.name] = Category(value=own, known=taken.known) if taken.is_text else Number(value=own)
    fields = Fields(builder, known, document.derived)
    answer = _Models(builder, document.labels).read(document.model, fields)
    if not isinstance(builder.layers[-1], Map) and answer != len(builder.layers):
        answer = builder.take(answer, np.arange(builder.widths[answer]))
    return answer


class _Models:
    """Reads models: each answers one number, or one for each label of a classification."""

    def __init__(self, builder: Builder, labels: tuple[str, ...]) -> None:
        self._builder = builder
        self._labels = labels

    def read(self, model: Element, above: Fields) -> int:
        """Read any model."""
        if model.get("x-mathContext") == "float":
            steps = sum(1 for _ in model.iter("TreeModel")) + FEW_ULPS
            self._builder.in_single(steps)
        fields = self._own_fields(model, above)
        labels = self._labels if model.get("functionName") == "classification" else ()
        if model.tag == "RegressionModel":
            answer = read_regression(model, fields, labels)
        elif model.tag == "NeuralNetwork":
            answer = read_network(model, fields, labels)
        elif model.tag == "TreeModel":
            answer = self._trees([(model, fields)], [1.0], labels, votes=False)
        elif model.tag == "MiningModel":
            answer = self._mining(model, fields, labels)
        else:
            raise Refused(f"the document holds a {model.tag}, which is not read here", hint=EXPORT)
        return self._targeted(model, answer, labels)

    def _own_fields(self, model: Element, above: Fields) -> Fields:
        """Return the fields inside of a model: some of those above, with what its schema says of them."""
        derived = {told.get("name", ""): told for told in model.iterfind("LocalTransformations/DerivedField")}
        fields = Fields(self._builder, {}, derived, above)
        for told in model.iterfind("MiningSchema/MiningField"):
            if told.get("usageType", "active") != "active":
                continue
            name = told.get("name", "")
            text, outliers = told.get("missingValueReplacement"), told.get("outliers", "asIs")
            if outliers == "asMissingValues":
                raise Refused(f"the field {name!r} hides what lies outside", hint=EXPORT)
            if outliers == "asExtremeValues":
                fields.add(name, self._clipped(fields.number(name), told))
            if text is not None and told.get("missingValueTreatment") != "returnInvalid":
                fields.add(name, fields.replaced(fields.field(name), text))
        return fields

    def _clipped(self, value: int, told: Element) -> Number:
        for name, operation in (("lowValue", Operation.MAXIMUM), ("highValue", Operation.MINIMUM)):
            if told.get(name) is not None:
                value = self._builder.arithmetic(value, operation, to_number(told.get(name)))
        return Number(value=value)

    def _trees(
        self,
        models: list[tuple[Element, Fields]],
        weights: list[float],
        labels: tuple[str, ...],
        *,
        votes: bool,
    ) -> int:
        """Add the weighted sum of trees."""
        columns = Columns(models[0][1])
        reader = Reader(columns, labels, votes=votes)
        trees = [
            reader.tree(model, fields, weight)
            for (model, fields), weight in zip(models, weights, strict=True)
        ]
        return self._builder.add(grown(self._builder, columns, trees, max(len(labels), 1)))

    def _mining(self, model: Element, fields: Fields, labels: tuple[str, ...]) -> int:
        told = model.find("Segmentation")
        if told is None:
            raise Refused("a MiningModel has no segments", hint=EXPORT)
        method = told.get("multipleModelMethod", "")
        segments = [(_inner(segment), _asked(segment), segment) for segment in told.iterfind("Segment")]
        if not segments:
            raise Corrupted("a MiningModel has no segments", hint="fetch the document again")
        if method == "modelChain":
            return self._chain([(inner, asked) for inner, asked, _ in segments], fields)
        if method == "selectFirst":
            return self._first([(inner, asked) for inner, asked, _ in segments], fields, labels)
        if method not in _SUMS or any(asked.tag != "True" for _, asked, _ in segments):
            raise Refused(f"a MiningModel joins its segments by {method}", hint=EXPORT)
        weights = [to_number(segment.get("weight", "1")) for _, _, segment in segments]
        shares = weights if method.startswith("weighted") else [1.0] * len(weights)
        if method not in {"sum", "weightedSum"}:
            shares = [share / sum(shares) for share in shares]
        return self._sum([inner for inner, _, _ in segments], shares, fields, labels, votes="Vote" in method)

    def _sum(
        self,
        models: list[Element],
        shares: list[float],
        fields: Fields,
        labels: tuple[str, ...],
        *,
        votes: bool,
    ) -> int:
        if all(model.tag == "TreeModel" and model.find("Targets") is None for model in models):
            scopes = [(model, self._own_fields(model, fields)) for model in models]
            return self._trees(scopes, shares, labels, votes=votes)
        builder = self._builder
        values = [self.read(model, fields) for model in models]
        if votes:
            values = [builder.choose(value) for value in values]
        total = -1
        for value, share in zip(values, shares, strict=True):
            part = builder.arithmetic(value, Operation.MULTIPLY, share)
            total = part if total < 0 else builder.combine(total, Operation.ADD, part)
        return total

    def _first(self, segments: list[tuple[Element, Element]], fields: Fields, labels: tuple[str, ...]) -> int:
        """Answer by the first segment whose question is answered yes."""
        builder = self._builder
        reader = Reader(Columns(fields), labels)
        width = max(len(labels), 1)
        found = -1
        for model, asked in reversed(segments):
            answer = self.read(model, fields)
            if asked.tag == "True":
                found = answer
                continue
            if found < 0:
                found = builder.map(builder.constant([-1.0] * width), Unary.LOG)  # nothing
            condition = reader.indicator(asked)
            parts = [
                fields.chosen(condition, builder.take(answer, [place]), builder.take(found, [place]))
                for place in range(width)
            ]
            found = builder.join(parts)
        return found

    def _chain(self, segments: list[tuple[Element, Element]], fields: Fields) -> int:
        """Answer by the last model; the outputs of those before are fields for it."""
        answer = -1
        for model, asked in segments:
            if asked.tag != "True":
                raise Refused("a chain of models asks which of them is used", hint=EXPORT)
            answer = self.read(model, fields)
            labels = self._labels if model.get("functionName") == "classification" else ()
            for told in model.iterfind("Output/OutputField"):
                fields.add(told.get("name", ""), self._output(told, answer, labels, fields))
        return answer

    def _output(self, told: Element, answer: int, labels: tuple[str, ...], fields: Fields) -> Field:
        feature, builder = told.get("feature", "predictedValue"), self._builder
        if feature == "transformedValue":
            formula = next((part for part in told if part.tag != "Extension"), None)
            if formula is None:
                raise Corrupted(f"the output {told.get('name')!r} has no formula", hint="fetch it again")
            return fields.formula(formula)
        if feature == "predictedValue" and not labels:
            value = builder.map(answer, Unary.ROUND32) if told.get("dataType") == "float" else answer
            return Number(value=value)
        if feature == "predictedValue":
            return Category(
                value=builder.linear(builder.choose(answer), np.arange(len(labels)), 0.0), known=labels
            )
        if feature == "probability" and told.get("value") in labels:
            return Number(value=builder.take(answer, [labels.index(told.get("value", ""))]))
        raise Refused(f"the output {told.get('name')!r} is a {feature}", hint=EXPORT)

    def _targeted(self, model: Element, answer: int, labels: tuple[str, ...]) -> int:
        """Scale the answer of a regression as its target says."""
        told = model.find("Targets/Target")
        if told is None or labels:
            return answer
        if told.get("castInteger") or told.get("min") or told.get("max"):
            raise Refused("the target is rounded or cut", hint=EXPORT)
        factor, offset = (
            to_number(told.get("rescaleFactor", "1")),
            to_number(told.get("rescaleConstant", "0")),
        )
        if (factor, offset) == (1, 0):
            return answer
        scaled = self._builder.arithmetic(answer, Operation.MULTIPLY, factor)
        return self._builder.arithmetic(scaled, Operation.ADD, offset)


def _inner(segment: Element) -> Element:
    for part in segment:
        if part.tag in MODELS:
            return part
    names = [part.tag for part in segment if part.tag.endswith("Model")]
    raise Refused(f"a segment holds {', '.join(names) or 'no model'}, which is not read here", hint=EXPORT)


def _asked(segment: Element) -> Element:
    for part in segment:
        if part.tag in _PREDICATES:
            return part
    raise Corrupted("a segment has no question", hint="fetch the document again")
