"""NeuralNetwork: inputs, layers of neurons, and outputs that are read back through their formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.core.errors import Corrupted, Refused
from kervan.package.writing.neutral.form import Operation, Unary
from kervan.package.writing.neutral.readers.activations import positive_part
from kervan.package.writing.pmml.fields import EXPORT, to_number

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from kervan.package.writing.neutral.build import Builder
    from kervan.package.writing.pmml.formulas import Fields

_MAPS = {"logistic": Unary.LOGISTIC, "tanh": Unary.TANH, "exponential": Unary.EXP}


def read_network(model: Element, fields: Fields, labels: tuple[str, ...]) -> int:
    """Read a network: its outputs are the probabilities of labels, or one value that is scaled back."""
    builder = fields.builder
    found: dict[str, int] = {}
    for told in model.iterfind("NeuralInputs/NeuralInput"):
        derived = told.find("DerivedField")
        formula = (
            None if derived is None else next((part for part in derived if part.tag != "Extension"), None)
        )
        if formula is None:
            raise Corrupted("an input of a network has no formula", hint="fetch the document again")
        found[told.get("id", "")] = fields.formula(formula).value
    for told in model.iterfind("NeuralLayer"):
        _layer(builder, model, told, found)
    outputs = model.findall("NeuralOutputs/NeuralOutput")
    if labels:
        return _classes(builder, outputs, found, labels)
    if len(outputs) != 1:
        raise Refused(f"a network gives {len(outputs)} numbers", hint=EXPORT)
    return _back(builder, outputs[0], found[outputs[0].get("outputNeuron", "")])


def _layer(builder: Builder, model: Element, told: Element, found: dict[str, int]) -> None:
    """Add the neurons of a layer, each by its id."""
    neurons = told.findall("Neuron")
    sources = list(dict.fromkeys(con.get("from", "") for neuron in neurons for con in neuron.iterfind("Con")))
    weights = np.zeros((len(neurons), len(sources)))
    for row, neuron in enumerate(neurons):
        for con in neuron.iterfind("Con"):
            weights[row, sources.index(con.get("from", ""))] += to_number(con.get("weight"))
    bias = [to_number(neuron.get("bias", "0")) for neuron in neurons]
    missing = [source for source in sources if source not in found]
    if missing or not neurons:
        raise Corrupted(f"a network has no neuron {missing}", hint="fetch the document again")
    value = builder.linear(builder.join([found[source] for source in sources]), weights, bias)
    value = _activated(
        builder, value, told.get("activationFunction") or model.get("activationFunction") or ""
    )
    method = told.get("normalizationMethod") or model.get("normalizationMethod", "none")
    if method == "softmax":
        value = builder.softmax(value)
    elif method == "simplemax":
        value = builder.normalise(value)
    elif method != "none":
        raise Refused(f"a network is normalised by {method}", hint=EXPORT)
    for place, neuron in enumerate(neurons):
        found[neuron.get("id", "")] = builder.take(value, [place])


def _activated(builder: Builder, value: int, name: str) -> int:
    if name in _MAPS:
        return builder.map(value, _MAPS[name])
    if name == "identity":
        return value
    if name == "rectifier":
        return positive_part(builder, value)
    if name == "square":
        return builder.combine(value, Operation.MULTIPLY, value)
    if name == "Gauss":  # exp(-x^2)
        squares = builder.combine(value, Operation.MULTIPLY, value)
        return builder.map(builder.arithmetic(squares, Operation.MULTIPLY, -1.0), Unary.EXP)
    raise Refused(f"a network has the activation {name!r}", hint=EXPORT)


def _formula(output: Element) -> Element:
    derived = output.find("DerivedField")
    formula = None if derived is None else next((part for part in derived if part.tag != "Extension"), None)
    if formula is None:
        raise Corrupted("an output of a network has no formula", hint="fetch the document again")
    return formula


def _classes(builder: Builder, outputs: list[Element], found: dict[str, int], labels: tuple[str, ...]) -> int:
    by_label = {
        _formula(output).get("value", ""): found[output.get("outputNeuron", "")]
        for output in outputs
        if _formula(output).tag == "NormDiscrete"
    }
    if set(by_label) != set(labels):
        raise Refused(f"a network knows the classes {sorted(by_label)}, not {sorted(labels)}", hint=EXPORT)
    return builder.join([by_label[label] for label in labels])


def _back(builder: Builder, output: Element, value: int) -> int:
    """Turn the scaled value of a network into the target: the formula says how the target was scaled."""
    formula = _formula(output)
    if formula.tag == "FieldRef":
        return value
    points = [
        (to_number(point.get("norm")), to_number(point.get("orig"))) for point in formula.iter("LinearNorm")
    ]
    if formula.tag != "NormContinuous" or len(points) != 2 or points[0][0] == points[1][0]:
        raise Refused("a network's output is scaled by more than one line", hint=EXPORT)
    (low, first), (high, last) = points
    slope = (last - first) / (high - low)
    moved = builder.arithmetic(value, Operation.SUBTRACT, low)
    return builder.arithmetic(builder.arithmetic(moved, Operation.MULTIPLY, slope), Operation.ADD, first)
