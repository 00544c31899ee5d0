"""Reading the pickle of a model without running anything that it names.

The opcodes build lists, dictionaries, empty objects and stand-ins; names are looked up in our table alone,
and nothing but the table's stand-ins is ever called. What comes out is described and put together like a
model in the native format, with all of its checks.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kervan.core.errors import Corrupted, KervanError, Refused
from kervan.package.writing.native.read import put_together
from kervan.package.writing.native.standins import (
    Callee,
    StandIn,
    broken,
    find,
    make_array,
    meant,
    new_object,
)
from kervan.package.writing.native.write import take_apart

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_NESTED = 50


def unpickle_model(content: bytes, place: str) -> Any:
    """Read a model from a pickle, or from what joblib wrote without compression.

    Raises `Refused` for a pickle that names anything but scikit-learn's own estimators and their parts,
    `Corrupted` for a broken one.
    """
    try:
        found = _Machine(io.BytesIO(content)).load()
        description, arrays = take_apart(found, meant)
    except KervanError as error:
        raise type(error)(f"{place}: {error}", hint=error.hint) from error
    except Exception as error:  # broken opcodes fail in any way
        why = str(error) or "it ends early"
        raise Corrupted(f"{place} is no pickle of a model: {why}", hint="fetch it again") from error
    return put_together(description, arrays)


class _Machine(pickle._Unpickler):  # the one that is written in Python
    """Python's own machine, with every opcode that could call or set something replaced."""

    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)
    stack: list[Any]
    metastack: list[list[Any]]
    pop_mark: Callable[[], list[Any]]

    def __init__(self, file: io.BytesIO, depth: int = 0) -> None:
        super().__init__(file, encoding="latin1")
        self._file = file
        self._depth = depth

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a name. A private one that is refused is told by whose it is."""
        try:
            return find(module, name)
        except Refused as error:
            if module.partition(".")[0] == "pandas":
                why = f"the model keeps {module}.{name}, and objects of pandas are not read"
                raise Refused(why, hint="train it with lists of names: list(table.columns)") from error
            owner = self._owner()
            if not owner or not name.startswith("_"):
                raise
            why = f"{owner} cannot be read: it keeps objects of the private class {module}.{name}"
            raise Refused(why, hint=f"leave out the {owner}, or export the model to ONNX") from error

    def _owner(self) -> str:
        """Return the class of the innermost estimator that is being read, or ""."""
        from sklearn.base import BaseEstimator

        found = [found for stack in [*self.metastack, self.stack] for found in stack]
        unfilled = [each for each in found if isinstance(each, BaseEstimator) and not vars(each)]
        return type(unfilled[-1]).__name__ if unfilled else ""

    def get_extension(self, code: int) -> None:
        """Refuse names by number."""
        raise Refused(f"the pickle names something by the number {code}", hint="do not load it")

    def load_reduce(self) -> None:
        """Call a stand-in; nothing else."""
        arguments = self.stack.pop()
        self.stack[-1] = _called(self.stack[-1], arguments)

    def load_newobj(self) -> None:
        """Make an empty object."""
        arguments = self.stack.pop()
        if isinstance(self.stack[-1], Callee):
            self.stack[-1] = _called(self.stack[-1], arguments)
            return
        if arguments:
            raise broken("an object with arguments")
        self.stack[-1] = new_object(self.stack[-1])

    def load_refused(self) -> None:
        """Refuse an opcode that no pickle of a model has."""
        raise Refused("the pickle calls something in an unusual way", hint="do not load it")

    def load_build(self) -> None:
        """Give an object its state: attributes are set without asking it."""
        state = self.stack.pop()
        target = self.stack[-1]
        if isinstance(target, StandIn):
            target.state = state
            if target.name == "wrapper":
                self.stack[-1] = self._read_array(state)
            return
        if (
            type(target) is OrderedDict
            or isinstance(target, (dict, list, set, Callee, type))
            or not isinstance(state, dict)
        ):
            if isinstance(target, dict) and type(target) is not dict:
                return  # a Bunch leaves its state out too
            raise broken("a state for something without attributes")
        if any(type(name) is not str for name in state):
            raise broken("an attribute without a name")
        vars(target).update(state)

    def load_append(self) -> None:
        """Add to a list."""
        item = self.stack.pop()
        self._list().append(item)

    def load_appends(self) -> None:
        """Add many to a list."""
        items = self.pop_mark()
        self._list().extend(items)

    def load_additems(self) -> None:
        """Add many to a set."""
        items = self.pop_mark()
        if type(self.stack[-1]) is not set:
            raise broken("items for something that is no set")
        self.stack[-1].update(map(meant, items))

    def load_setitem(self) -> None:
        """Set one entry of a dictionary."""
        value = self.stack.pop()
        key = self.stack.pop()
        self._dictionary()[meant(key)] = value

    def load_setitems(self) -> None:
        """Set many entries of a dictionary."""
        items = self.pop_mark()
        self._dictionary().update(zip(map(meant, items[::2]), items[1::2], strict=True))

    def _list(self) -> list[Any]:
        if type(self.stack[-1]) is not list:
            raise broken("items for something that is no list")
        found: list[Any] = self.stack[-1]
        return found

    def _dictionary(self) -> dict[Any, Any]:
        if not isinstance(self.stack[-1], dict):
            raise broken("entries for something that is no dictionary")
        found: dict[Any, Any] = self.stack[-1]
        return found

    def _read_array(self, state: Any) -> Any:
        """Read an array that joblib put between the opcodes."""
        dtype = meant(state["dtype"])
        if dtype == np.dtype(object):
            if self._depth >= _MOST_NESTED:
                raise broken("arrays in arrays")
            return _Machine(self._file, self._depth + 1).load()
        shape, fortran = state["shape"], state["order"] == "F"
        if state.get("numpy_array_alignment_bytes") is not None:
            self._file.read(self._file.read(1)[0])
        make_array((0,), dtype, b"", fortran=False)  # the dtype is one that has a size
        count = 1
        for side in shape:
            count *= side
        return make_array(shape, dtype, self._file.read(count * dtype.itemsize), fortran=fortran)


def _called(function: Any, arguments: Any) -> Any:
    if not isinstance(function, Callee) or not isinstance(arguments, tuple):
        raise Refused(f"the pickle calls {str(function)[:100]}", hint="do not load it")
    return function.call(arguments)


def _replace(opcodes: dict[str, Callable[[_Machine], None]]) -> None:
    for name, method in opcodes.items():
        _Machine.dispatch[getattr(pickle, name)[0]] = method


_replace(
    {
        "ADDITEMS": _Machine.load_additems,
        "APPEND": _Machine.load_append,
        "APPENDS": _Machine.load_appends,
        "BUILD": _Machine.load_build,
        "INST": _Machine.load_refused,
        "NEWOBJ": _Machine.load_newobj,
        "NEWOBJ_EX": _Machine.load_refused,
        "OBJ": _Machine.load_refused,
        "REDUCE": _Machine.load_reduce,
        "SETITEM": _Machine.load_setitem,
        "SETITEMS": _Machine.load_setitems,
    }
)
