"""Reading a model: nothing but what the allow-list knows is made, and everything is checked before use."""

from __future__ import annotations

from collections import OrderedDict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from kervan.core.errors import Corrupted, KervanError, Refused
from kervan.core.plugins import extras_named
from kervan.package.writing.native.arrays import read_arrays
from kervan.package.writing.native.checks import check_object
from kervan.package.writing.native.graph import (
    FORMAT,
    AnyNode,
    ArrayNode,
    Description,
    DictNode,
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
from kervan.package.writing.native.makers import makers
from kervan.package.writing.native.names import class_named, function_named
from kervan.package.writing.native.nesting import check_nesting
from kervan.package.writing.native.write import ARRAYS_FILE, DISTRIBUTIONS, MODEL_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

LARGEST_DESCRIPTION = 32 << 20
_LONGEST_NUMBER = 60


def read_model(folder: Path) -> Any:
    """Read what `write_model` wrote.

    Raises `Corrupted` for a broken description or arrays that do not fit it, `Refused` for a model of
    other versions, or one that names what may not be loaded.
    """
    path = folder / MODEL_FILE
    try:
        if path.stat().st_size > LARGEST_DESCRIPTION:
            raise Refused(f"{path} is larger than {LARGEST_DESCRIPTION >> 20} MiB", hint="use another format")
        description = msgspec.json.decode(path.read_bytes(), type=Description)
    except FileNotFoundError as error:
        raise Corrupted(f"{path} is missing", hint="fetch the package again") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Corrupted(f"{path}: {error}", hint="fetch the package again") from error
    _check_versions(description, path)
    arrays = read_arrays(folder / ARRAYS_FILE, description.arrays)
    return put_together(description, arrays)


def put_together(description: Description, arrays: list[NDArray[Any]]) -> Any:
    """Make the model that a description and its arrays stand for. Raises `Corrupted` or `Refused`."""
    try:
        check_nesting(description.nodes)
        reader = _Reader(description.nodes, arrays)
        reader.make()
        reader.fill()
        reader.check()
        return reader.object(description.root)
    except KervanError:
        raise
    except Exception as error:  # whatever scikit-learn or numpy say about arguments that are none
        raise Corrupted(
            f"the model cannot be put together: {error}", hint="fetch the package again"
        ) from error


class _Reader:
    """Makes all nodes: first shells and what stands alone, then the contents of the shells."""

    def __init__(self, nodes: list[AnyNode], arrays: list[NDArray[Any]]) -> None:
        self._nodes = nodes
        self._arrays = arrays
        self._made: list[Any] = [_shell(node) for node in nodes]
        self._ready = len(nodes)

    def object(self, value: Value) -> Any:
        """Return the object that a value stands for."""
        if not isinstance(value, tuple):
            return value
        place = value[0]
        if not 0 <= place < len(self._nodes):
            raise Corrupted(
                f"the model names a node {place} that is not there", hint="fetch the package again"
            )
        if place >= self._ready and self._made[place] is _LATER:
            raise Corrupted("a node of the model names a later one", hint="fetch the package again")
        return self._made[place]

    def make(self) -> None:
        """Make what is made at once; it may name shells, and what was made before."""
        for place, node in enumerate(self._nodes):
            self._ready = place
            if self._made[place] is _LATER:
                self._made[place] = self._closed(node)
        self._ready = len(self._nodes)

    def fill(self) -> None:
        """Fill the shells."""
        for node, shell in zip(self._nodes, self._made, strict=True):
            if isinstance(node, ListNode):
                shell.extend(map(self.object, node.items))
            elif isinstance(node, SetNode):
                shell.update(map(self.object, node.items))
            elif isinstance(node, DictNode):
                keys = map(self.object, node.keys)
                shell.update(zip(keys, map(self.object, node.values), strict=True))
            elif isinstance(node, ObjectsNode):
                _fill_objects(shell, node, [self.object(item) for item in node.items])
            elif isinstance(node, ObjectNode):
                self._set_attributes(shell, node)

    def check(self) -> None:
        """Check every object: first what it is made of, then those that have to answer to be checked."""
        found = [
            made for node, made in zip(self._nodes, self._made, strict=True) if isinstance(node, ObjectNode)
        ]
        for made in found:
            _finish(made)
        for made in found:
            check_object(made)

    def _closed(self, node: AnyNode) -> Any:
        if isinstance(node, TupleNode):
            return tuple(map(self.object, node.items))
        if isinstance(node, NumberNode):
            return _number(node.text)
        if isinstance(node, ArrayNode):
            return self._array(node.array)
        if isinstance(node, ScalarNode):
            return self._array(node.array)[()]
        if isinstance(node, NameNode):
            return function_named(node.name)
        if isinstance(node, MadeNode):
            maker = makers()[1].get(node.type)
            if maker is None:
                raise Refused(
                    f"the model holds an unknown {node.type[:80]!r}", hint="package the model again"
                )
            return maker.make(*map(self.object, node.arguments))
        raise Corrupted("the model holds an unknown node", hint="fetch the package again")

    def _array(self, place: int) -> NDArray[Any]:
        if not 0 <= place < len(self._arrays):
            raise Corrupted(
                f"the model names an array {place} that is not there", hint="fetch the package again"
            )
        return self._arrays[place]

    def _set_attributes(self, shell: Any, node: ObjectNode) -> None:
        wrong = [name for name in node.names if not _may_be_set(type(shell), name)]
        if wrong:
            raise Corrupted(f"the model sets {node.type}.{wrong[0][:80]}", hint="fetch the package again")
        vars(shell).update(zip(node.names, map(self.object, node.values), strict=True))


def _may_be_set(kind: Any, name: str) -> bool:
    """Say whether an attribute may be set: none may take the place of a method or of the class's own."""
    if not name.isidentifier() or name.startswith("__"):
        return False
    return not hasattr(kind, name) or name in getattr(kind, "_get_param_names", tuple)()


_LATER = object()


def _shell(node: AnyNode) -> Any:
    """Return the empty object of a node that is filled later."""
    if isinstance(node, ListNode):
        return []
    if isinstance(node, SetNode):
        return set()
    if isinstance(node, DictNode):
        return _dictionary(node.type)
    if isinstance(node, ObjectsNode):
        return _objects(node)
    if isinstance(node, ObjectNode):
        kind = class_named(node.type)
        return object.__new__(kind)
    return _LATER


def _objects(node: ObjectsNode) -> NDArray[Any]:
    count = 1
    for side in node.shape:
        count *= max(side, -1)
    if len(node.shape) > 4 or count != len(node.items) or min(node.shape, default=0) < 0:
        raise Corrupted("an array of objects has another shape than it says", hint="fetch the package again")
    return np.empty(node.shape, dtype=object, order="F" if node.fortran else "C")


def _fill_objects(shell: NDArray[Any], node: ObjectsNode, items: list[Any]) -> None:
    for place, item in zip(np.ndindex(*node.shape), items, strict=True):
        shell[place] = item


def _dictionary(name: str) -> Any:
    with extras_named():
        from sklearn.utils import Bunch

    kinds: dict[str, Any] = {"": dict, "ordered": OrderedDict, "bunch": Bunch}
    if name not in kinds:
        raise Refused(f"the model holds an unknown dictionary {name[:80]!r}", hint="package the model again")
    return kinds[name]()


def _finish(made: Any) -> None:
    """Give an object back what it does not store: isotonic regression makes its function again."""
    with extras_named():
        from sklearn.isotonic import IsotonicRegression

    if isinstance(made, IsotonicRegression):
        made.__setstate__({**vars(made), "_sklearn_version": version("scikit-learn")})


def _number(text: str) -> float | int:
    special = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf}
    if text in special:
        return special[text]
    if len(text) > _LONGEST_NUMBER or not text.removeprefix("-").isdecimal():
        raise Corrupted(f"{text[:40]!r} is no number", hint="fetch the package again")
    return int(text)


def _check_versions(description: Description, path: Path) -> None:
    if description.format != FORMAT:
        raise Refused(
            f"{path} has format {description.format}, this version reads {FORMAT}", hint="upgrade Kervan"
        )
    if set(description.versions) != set(DISTRIBUTIONS):
        raise Corrupted(f"{path} does not say what wrote it", hint="fetch the package again")
    wanted, found = description.versions["scikit-learn"], version("scikit-learn")
    if wanted != found:
        raise Refused(
            f"{path} was written with scikit-learn {wanted[:40]}, and {found} is installed",
            hint=f"pip install scikit-learn=={wanted[:40]}, or package the model again",
        )
