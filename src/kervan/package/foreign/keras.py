"""Models of Keras, read from their settings and weights: nothing in the file is run."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted, Refused
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.package.foreign.elsewhere import Elsewhere
from kervan.package.foreign.foreign import Foreign
from kervan.package.foreign.keras_files import read_keras
from kervan.package.foreign.keras_layers import Layer
from kervan.package.foreign.originals import KERAS
from kervan.package.writing.neutral.build import Builder
from kervan.package.writing.neutral.fold import fold
from kervan.package.writing.neutral.form import Form, Unary
from kervan.package.writing.neutral.rounding import FEW_ULPS
from kervan.package.writing.neutral.score import score

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from kervan.package.foreign.foreign import Scores
    from kervan.package.foreign.keras_files import KerasFile

_MODELS = {"Sequential", "Functional", "Model"}
_SINGLE = {"float32", "float64"}
_WIDEST = 1 << 20
_DEEPEST = 16

Place = tuple[str, int]  # a layer by its name, and which of its calls


def open_keras(path: Path) -> Foreign:
    """Read a Sequential or functional model of layers that are known here.

    Where Keras is installed, its own answers in another process are what the model is proved against; where
    it is not, `kind` says so. Raises `Refused` that names the first layer which is not known, `Corrupted`.
    """
    told = read_keras(path)
    try:
        network = Network(told)
        builder = Builder(_numbers(network.inputs))
        outputs = builder.widths[network.read(builder, 0)]
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError) as error:
        raise Corrupted(
            f"{path} is no model of Keras: {type(error).__name__} {error}", hint="save it again"
        ) from error
    is_compared = find_spec("keras") is not None
    scores: Scores = Elsewhere(KERAS, path) if is_compared else network.score
    return Foreign(
        kind=KERAS if is_compared else f"{KERAS}, not compared with Keras itself",
        inputs=network.inputs,
        classes=outputs,
        is_classification=None,
        names=network.names,
        scores=scores,
        reads=network.read,
    )


def _numbers(count: int) -> Signature:
    inputs = tuple(Column(name=str(place), type=Type.NUMBER) for place in range(count))
    return Signature(inputs=Schema(inputs), output=Column(name="y", type=Type.NUMBER))


class Network:
    """A model as its file tells it, that adds its layers to a form."""

    def __init__(self, told: KerasFile) -> None:
        self._told = told
        self._model = _Part(told.config, told.release)
        widths = [self._model.widths[place] for place in self._model.taken]
        self.inputs = sum(widths)
        if not 1 <= self.inputs <= _WIDEST:
            raise Refused(f"the model takes {self.inputs} columns", hint="export it over a table's columns")
        own = tuple(name for name, _ in self._model.taken)
        is_named = len(own) > 1 and set(widths) == {1}
        self.names = own if is_named and not any(name.startswith("input_") for name in own) else ()

    def read(self, builder: Builder, value: int) -> int:
        """Add all layers over the row, whose columns are those of the inputs one after another."""
        self._steps = 0
        value = builder.map(value, Unary.ROUND32)
        starts = np.cumsum([0, *(self._model.widths[place] for place in self._model.taken)])
        given = [
            builder.take(value, np.arange(start, start + self._model.widths[place]))
            for start, place in zip(starts, self._model.taken, strict=False)
        ]
        answer = self._over(builder, self._model, given, ())
        builder.in_single(self._steps)
        return answer

    def score(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Score rows by the form, where there is no Keras to do so."""
        signature = _numbers(self.inputs)
        builder = Builder(signature)
        answer = self.read(builder, 0)
        form = fold(Form(signature=signature, layers=tuple(builder.layers)), answer)
        return score(form, rows)

    def _over(self, builder: Builder, part: _Part, given: list[int], above: tuple[str, ...]) -> int:
        """Add a model, or one inside of others, over what it takes."""
        if len(above) > _DEEPEST:
            raise Refused("the model nests very many models", hint="export it to ONNX")
        if len(given) != len(part.taken):
            raise Corrupted("a model inside takes other tensors than it is given", hint="save it again")
        found: dict[Place, int] = dict(zip(part.taken, given, strict=True))
        for place, layer, sources in part.calls():
            values = [found[source] for source in sources]
            inner = (*above, layer.name)
            if layer.kind in _MODELS:
                told = _Part({"class_name": layer.kind, "config": layer.config}, layer.release)
                found[place] = self._over(builder, told, values, inner)
                continue
            names = layer.weight_names()
            weights = self._told.weights(inner, names) if names else {}
            found[place] = layer.over(builder, values, weights)
            self._steps += FEW_ULPS + (weights["kernel"].shape[0] if layer.kind == "Dense" else 0)
        return found[part.given]


class _Part:
    """A Sequential or functional model: the calls of its layers, and the places that it takes and gives."""

    def __init__(self, config: dict[str, Any], release: int) -> None:
        kind, own = config.get("class_name"), config.get("config")
        if kind not in _MODELS or not isinstance(own, dict):
            raise Refused(
                f"the model is a {str(kind)[:80]}, whose code is not in the file",
                hint="save a Sequential or functional model, or export it to ONNX",
            )
        self._layers = [_layer(entry, release) for entry in own["layers"]]
        self._entries = own["layers"]
        self._is_sequence = kind == "Sequential"
        self.widths = {(layer.name, 0): _width(layer) for layer in self._layers if layer.kind == "InputLayer"}
        if self._is_sequence:
            self._add_input(own)
            self.taken = list(self.widths)
            rest = [layer for layer in self._layers if layer.kind != "InputLayer"]
            self.given = (rest[-1].name, 0) if rest else self.taken[0]
            if len(self.taken) != 1:
                raise Corrupted("a Sequential model takes one tensor", hint="save it again")
        else:
            self.taken = [_place(entry) for entry in _listed(own["input_layers"])]
            outputs = [_place(entry) for entry in _listed(own["output_layers"])]
            if len(outputs) != 1:
                raise Refused(f"the model gives {len(outputs)} tensors", hint="save one with a single output")
            self.given = outputs[0]

    def _add_input(self, own: dict[str, Any]) -> None:
        """Take the width that a Sequential without an input layer was built with."""
        if self.widths or not self._layers:
            return
        first = self._layers[0].config
        shape = own.get("build_input_shape") or first.get("batch_input_shape") or first.get("batch_shape")
        if not shape:
            raise Refused("the model does not say how many columns it takes", hint="give it an Input layer")
        self.widths = {("", 0): _flat(shape)}

    def calls(self) -> Iterator[tuple[Place, Layer, list[Place]]]:
        """Give every call of a layer, after those that it reads."""
        if self._is_sequence:
            last = self.taken[0]
            for layer in self._layers:
                if layer.kind != "InputLayer":
                    yield (layer.name, 0), layer, [last]
                    last = (layer.name, 0)
            return
        waiting = [
            ((layer.name, number), layer, _sources(call))
            for layer, entry in zip(self._layers, self._entries, strict=True)
            for number, call in enumerate(entry.get("inbound_nodes", ()))
            if layer.kind != "InputLayer"
        ]
        known = set(self.taken)
        while waiting:
            ready = [call for call in waiting if known.issuperset(call[2])]
            if not ready:
                raise Corrupted("the layers of the model read each other in circles", hint="save it again")
            yield from ready
            known.update(call[0] for call in ready)
            waiting = [call for call in waiting if call[0] not in known]


def _layer(entry: dict[str, Any], release: int) -> Layer:
    config = dict(entry["config"])
    config.setdefault("name", entry.get("name", ""))
    if entry.get("registered_name") and entry["registered_name"] != entry["class_name"]:
        raise Refused(f"the layer {str(entry['registered_name'])[:80]!r} is no layer of Keras's own")
    layer = Layer(kind=str(entry["class_name"]), config=config, release=release)
    dtype = config.get("dtype", "float32")
    if isinstance(dtype, dict):
        dtype = dtype.get("config", {}).get("name")
    if layer.kind not in _MODELS and dtype not in _SINGLE and dtype is not None:
        raise layer.refused(f"it computes in {dtype}")
    return layer


def _width(layer: Layer) -> int:
    if layer.config.get("sparse") or layer.config.get("ragged"):
        raise layer.refused("it takes sparse or ragged tensors")
    return _flat(layer.config.get("batch_shape") or layer.config.get("batch_input_shape"))


def _flat(shape: Any) -> int:
    """Return the columns of a tensor [rows, columns]."""
    if not isinstance(shape, list) or len(shape) != 2 or not isinstance(shape[1], int) or shape[1] < 1:
        raise Refused(f"the model takes the shape {shape}, which is no table", hint="export it over columns")
    return shape[1]


def _listed(places: list[Any]) -> list[Any]:
    """Return a list of places; a single one is written without a list around it."""
    return [places] if places and isinstance(places[0], str) else places


def _place(entry: list[Any]) -> Place:
    name, call, tensor = entry[:3]
    if tensor != 0:
        raise Refused(f"the layer {name!r} gives several tensors", hint="export it to ONNX")
    return str(name), int(call)


def _sources(call: Any) -> list[Place]:
    """Return what a call of a layer reads, in the words of Keras 3 or Keras 2."""
    if isinstance(call, list):
        return [_place(entry) for entry in call]
    found: list[Place] = []
    waiting = [call.get("args", [])]
    while waiting:
        entry = waiting.pop(0)
        if isinstance(entry, list):
            waiting = entry + waiting
        elif isinstance(entry, dict) and entry.get("class_name") == "__keras_tensor__":
            found.append(_place(entry["config"]["keras_history"]))
        elif entry is not None:
            raise Refused("a layer is called with more than tensors", hint="export the model to ONNX")
    if any(value is not None and value is not False for value in call.get("kwargs", {}).values()):
        raise Refused("a layer is called with settings of its own", hint="export the model to ONNX")
    return found
