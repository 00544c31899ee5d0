"""Writing a model: every object that can be reached becomes a node, in an order without recursion."""

from __future__ import annotations

import types
from collections import OrderedDict, deque
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from kervan.core.errors import Refused
from kervan.core.plugins import extras_named
from kervan.package.writing.native.arrays import describe, write_arrays
from kervan.package.writing.native.graph import (
    FORMAT,
    AnyNode,
    ArrayNode,
    Description,
    DictNode,
    Entry,
    ListNode,
    MadeNode,
    NameNode,
    NumberNode,
    ObjectNode,
    ObjectsNode,
    ScalarNode,
    SetNode,
    TupleNode,
    Value,
)
from kervan.package.writing.native.makers import Apart, makers
from kervan.package.writing.native.names import class_name, function_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

MODEL_FILE = "model.json"
ARRAYS_FILE = "arrays.bin"
DISTRIBUTIONS = ("numpy", "scikit-learn", "scipy")

_DEEPEST = 100  # of tuples in tuples
_NAMED = (type, types.FunctionType, types.BuiltinFunctionType, np.ufunc, type(np.mean))
_LARGEST = 1 << 53


def write_model(model: Any, folder: Path) -> None:
    """Write a fitted model as `model.json` and `arrays.bin`.

    Raises `Refused` that names what cannot be stored: an object of the user's own, a lambda.
    """
    description, arrays = take_apart(model)
    content = msgspec.json.encode(description)
    write_arrays(folder / ARRAYS_FILE, arrays)
    (folder / MODEL_FILE).write_bytes(content)


def take_apart(
    model: Any, meant: Callable[[Any], Any] = lambda found: found
) -> tuple[Description, list[NDArray[Any]]]:
    """Return the description of a model and the arrays that it names.

    `meant` is asked for each object whether another, or an `Apart`, is to be stored in its place.
    """
    writer = _Writer(meant)
    root = writer.value(model)
    writer.finish()
    description = Description(
        format=FORMAT,
        versions={name: version(name) for name in DISTRIBUTIONS},
        root=root,
        nodes=[node for node in writer.nodes if node is not None],
        arrays=writer.entries,
    )
    return description, writer.arrays


class _Writer:
    """Gives each object its place once. What may be circular gets its place first, and its content later."""

    def __init__(self, meant: Callable[[Any], Any]) -> None:
        self._meant = meant
        self.nodes: list[AnyNode | None] = []
        self.entries: list[Entry] = []
        self.arrays: list[NDArray[Any]] = []
        self._places: dict[int, int] = {}
        self._kept: list[Any] = []  # so that no id is used twice
        self._open: deque[tuple[int, Any]] = deque()
        self._depth = 0

    def value(self, found: Any) -> Value:
        """Return what stands for an object in the description."""
        found = self._meant(found)
        kind = type(found)
        if found is None or kind is bool or kind is str:
            return found  # type: ignore[no-any-return]
        if kind is int and -_LARGEST <= found <= _LARGEST:
            return found  # type: ignore[no-any-return]
        if kind is float and np.isfinite(found):
            return found  # type: ignore[no-any-return]
        if id(found) not in self._places:
            self._kept.append(found)
            self._places[id(found)] = self._add(found)
        return (self._places[id(found)],)

    def finish(self) -> None:
        """Write the contents that were put off."""
        while self._open:
            place, found = self._open.popleft()
            self.nodes[place] = self._filled(found)

    def _add(self, found: Any) -> int:
        if self._is_filled_later(found):
            self.nodes.append(None)
            self._open.append((len(self.nodes) - 1, found))
            return len(self.nodes) - 1
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Refused(f"the model nests more than {_DEEPEST} tuples", hint="choose a portable format")
        node = self._closed(found)
        self._depth -= 1
        self.nodes.append(node)
        return len(self.nodes) - 1

    def _is_filled_later(self, found: Any) -> bool:
        kind = type(found)
        if kind in (list, set, dict, OrderedDict):
            return True
        if isinstance(found, np.ndarray):
            return found.dtype == object and kind not in makers()[0]
        if kind in (int, float, tuple, Apart) or isinstance(found, (np.generic, *_NAMED)):
            return False
        return kind not in makers()[0]

    def _closed(self, found: Any) -> AnyNode:
        """Return the node of an object that is made at once from what comes before it."""
        kind = type(found)
        if kind is tuple:
            return TupleNode(items=[self.value(item) for item in found])
        if kind in (int, float):
            return NumberNode(text=str(found))
        if isinstance(found, np.generic):
            return ScalarNode(array=self._array(np.asarray(found)))
        if kind in makers()[0]:
            maker = makers()[0][kind]
            found = Apart(maker=maker.name, arguments=maker.take(found))
        if isinstance(found, Apart):
            return MadeNode(type=found.maker, arguments=[self.value(part) for part in found.arguments])
        is_array = isinstance(found, np.ndarray)
        return ArrayNode(array=self._array(found)) if is_array else NameNode(name=function_name(found))

    def _filled(self, found: Any) -> AnyNode:
        """Return the node of an object that may name any other, itself too."""
        kind = type(found)
        if kind is list:
            return ListNode(items=[self.value(item) for item in found])
        if kind is set:
            return SetNode(items=[self.value(item) for item in sorted(found, key=repr)])
        if isinstance(found, np.ndarray):
            fortran = found.flags.f_contiguous and not found.flags.c_contiguous
            items = [self.value(item) for item in found.ravel(order="C").tolist()]
            return ObjectsNode(shape=list(found.shape), items=items, fortran=fortran)
        if isinstance(found, dict):
            return DictNode(
                keys=[self.value(key) for key in found],
                values=[self.value(item) for item in found.values()],
                type=_dictionary(kind),
            )
        name = class_name(kind)
        state = attributes(found)
        return ObjectNode(type=name, names=list(state), values=[self.value(part) for part in state.values()])

    def _array(self, found: NDArray[Any]) -> int:
        entry, plain = describe(found)
        self.entries.append(entry)
        self.arrays.append(plain)
        return len(self.arrays) - 1


def attributes(found: Any) -> dict[str, Any]:
    """Return the attributes that an object is stored with, or raise `Refused`."""
    with extras_named():
        from sklearn.base import BaseEstimator

    if isinstance(found, BaseEstimator):
        state = dict(found.__getstate__())
        state.pop("_sklearn_version", None)
        return state
    if not hasattr(found, "__dict__"):
        raise Refused(
            f"the model holds an object of {type(found)}", hint="choose a portable format, such as onnx"
        )
    return dict(vars(found))


def _dictionary(kind: type) -> str:
    with extras_named():
        from sklearn.utils import Bunch

    names = {dict: "", OrderedDict: "ordered", Bunch: "bunch"}
    if kind not in names:
        raise Refused(
            f"the model holds a dictionary of {kind}", hint="choose a portable format, such as onnx"
        )
    return names[kind]
