"""What a pickle may name, and what we put in its place: data that is checked later, never a call.

Estimators become empty objects of their class. For everything else that pickles of models make by a call
(arrays, trees, random states), a stand-in collects the arguments and the state that the pickle gives.
"""

from __future__ import annotations

import re
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING  # how protocols 0 to 2 name Python's own modules
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted
from kervan.core.plugins import extras_named
from kervan.package.writing.native.arrays import records
from kervan.package.writing.native.makers import Apart
from kervan.package.writing.native.names import class_named, function_named

if TYPE_CHECKING:
    from collections.abc import Callable

_SEARCHES = re.compile(r"(KDTree|BallTree)(32)?")
_METRIC = re.compile(r"[A-Z]\w+Distance(32|64)?")
_LOSS = re.compile(r"Cy[A-Z]\w+|EpsilonInsensitive|Hinge|ModifiedHuber|Squared(EpsilonInsensitive|Hinge)")
_SPARSE = re.compile(r"cs[rc]_(matrix|array)")
_LARGEST_RECORD = 1 << 12
_PLAIN_DTYPE = re.compile(r"[?biufcSUmM]\d{0,5}")
_CONTAINERS: dict[str, Callable[..., Any]] = {
    "builtins.bytearray": bytearray,
    "builtins.bytes": bytes,
    "builtins.dict": dict,
    "builtins.complex": complex,
    "builtins.frozenset": frozenset,
    "builtins.list": list,
    "builtins.set": set,
    "builtins.slice": slice,
    "builtins.tuple": tuple,
}


class StandIn:
    """Stands for one object: which callable the pickle names, with which arguments, and the state."""

    __slots__ = ("_found", "arguments", "name", "state")

    def __init__(self, name: str, arguments: tuple[Any, ...]) -> None:
        self.name = name
        self.arguments = arguments
        self.state: Any = None
        self._found: Any = None

    def meant(self) -> Any:
        """Return the object that is meant, always the same."""
        if self._found is None:
            try:
                self._found = _MEANINGS[self.name](self)
            except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError) as error:
                raise broken(f"{self.name}: {error}") from error
        return self._found


class Callee:
    """A callable that a pickle may name; calling it gives a stand-in, or an empty container."""

    __slots__ = ("_kind", "name")

    def __init__(self, kind: str, name: str) -> None:
        self._kind = kind
        self.name = name

    def call(self, arguments: tuple[Any, ...]) -> Any:
        """Return what stands for the result."""
        if self._kind == "container":
            return _CONTAINERS[self.name](*arguments)
        if self._kind == "rebuild":
            return _rebuilt(*arguments)
        if self._kind == "ordered":
            return OrderedDict(*arguments)
        if self._kind == "encode":
            text, coding = arguments
            if coding != "latin1":
                raise broken(f"a text in {coding}")
            return str(text).encode("latin-1")
        first = arguments[0].name if arguments and isinstance(arguments[0], Callee) else ""
        stand_in = StandIn(self._kind, arguments)
        if self._kind in {"made", "loss"}:
            stand_in.arguments = (first or self.name, *arguments)
        return stand_in


def find(module: str, name: str) -> Any:
    """Return what stands for a name of a pickle: a class, a harmless function, or a `Callee`.

    Raises `Refused` for every other name.
    """
    module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
    module = re.sub(r"^numpy\.core\b", "numpy._core", module)
    full = f"{module}.{name}"
    kind = _CALLEES.get(full, "") or _kind_of(module, name)
    if kind:
        return Callee(kind, full if kind == "container" else name)
    if module == "builtins":
        return function_named(name)
    if full == "sklearn.utils._bunch.Bunch":
        with extras_named():
            from sklearn.utils import Bunch

        return Bunch
    return function_named(f"numpy.{name}" if module.partition(".")[0] == "numpy" else full)


def new_object(kind: Any) -> Any:
    """Return an empty object of a class that a pickle names."""
    if isinstance(kind, Callee):
        return kind.call(())
    with extras_named():
        from sklearn.utils import Bunch

    if kind is Bunch:
        return Bunch()
    if isinstance(kind, type) and class_named(f"{kind.__module__}.{kind.__qualname__}") is kind:
        return object.__new__(kind)
    raise broken(f"an object of {kind!r}")


def _rebuilt(kind: Any, _: Any, content: Any) -> Any:
    """Return what protocols 0 and 1 make: a dictionary comes with its content."""
    made = new_object(kind)
    if isinstance(made, dict) and isinstance(content, dict):
        made.update(content)
    return made


def broken(what: str) -> Corrupted:
    """Return the error for a pickle that holds something impossible."""
    return Corrupted(
        f"the pickle is broken or crafted: {what[:200]}", hint="fetch it from a source that you trust"
    )


_CALLEES = {
    **dict.fromkeys(_CONTAINERS, "container"),
    "_codecs.encode": "encode",
    "collections.OrderedDict": "ordered",
    "copyreg._reconstructor": "rebuild",
    "functools.partial": "partial",
    "joblib.numpy_pickle.NumpyArrayWrapper": "wrapper",
    "numpy._core.multiarray._reconstruct": "array",
    "numpy._core.multiarray.scalar": "scalar",
    "numpy._core.numeric._frombuffer": "buffer",
    "numpy.dtype": "dtype",
    "numpy.ma.MaskedArray": "marker",
    "numpy.ma.core.MaskedArray": "marker",
    "numpy.ma.core._mareconstruct": "masked",
    "numpy.ndarray": "marker",
    "numpy.random._mt19937.MT19937": "marker",
    "numpy.random._pcg64.PCG64": "marker",
    "numpy.random._pcg64.PCG64DXSM": "marker",
    "numpy.random._pickle.__bit_generator_ctor": "bits",
    "numpy.random._pickle.__generator_ctor": "generator",
    "numpy.random._pickle.__randomstate_ctor": "random",
    "numpy.random.bit_generator.SeedSequence": "marker",
    "numpy.random.bit_generator.__pyx_unpickle_SeedSequence": "seeds",
    "re._compile": "pattern",
    "scipy.interpolate._bsplines.BSpline": "spline",
    "scipy._lib.array_api_compat.numpy._aliases.asarray": "marker",
    "sklearn.metrics._dist_metrics.newObj": "made",
    "sklearn.neighbors._ball_tree.newObj": "made",
    "sklearn.neighbors._kd_tree.newObj": "made",
    "sklearn.tree._tree.Tree": "tree",
}


def _kind_of(module: str, name: str) -> str:
    if module in {"sklearn.neighbors._kd_tree", "sklearn.neighbors._ball_tree"} and _SEARCHES.fullmatch(name):
        return "marker"
    if module == "sklearn.metrics._dist_metrics" and _METRIC.fullmatch(name):
        return "marker"
    if module in {"sklearn._loss._loss", "sklearn.linear_model._sgd_fast"}:
        plain = name.removeprefix("__pyx_unpickle_")
        return "loss" if _LOSS.fullmatch(plain) else ""
    if module in {"scipy.sparse._csr", "scipy.sparse._csc"} and _SPARSE.fullmatch(name):
        return "sparse " + name
    return ""


def _dtype(found: StandIn) -> np.dtype[Any]:
    text = found.arguments[0]
    state = found.state
    if not isinstance(text, str):
        raise broken("a dtype")
    if text in {"O", "O8"}:
        return np.dtype(object)
    if state is not None and state[3] is not None:
        return _record(state)
    if not _PLAIN_DTYPE.fullmatch(text):
        raise broken(f"the dtype {text}")
    order: Any = state[1] if state is not None and state[1] in ("<", ">", "=", "|") else "="
    dtype = np.dtype(text).newbyteorder(order)
    if dtype.kind in "mM" and state is not None and len(state) > 8:
        unit = state[8][-1][0]
        return np.dtype(f"{text}[{unit.decode() if isinstance(unit, bytes) else unit}]").newbyteorder(order)
    return dtype


def _record(state: Any) -> np.dtype[Any]:
    """Return the layout of scikit-learn's that has these fields at these places, or one without fields."""
    for layout in records().values():
        fields: Any = layout.fields
        same = tuple(state[3]) == layout.names and state[5] == layout.itemsize
        if same and all(
            meant(state[4][name][0]) == fields[name][0] and state[4][name][1] == fields[name][1]
            for name in state[3]
        ):
            return layout
    if type(state[5]) is not int or not 0 < state[5] < _LARGEST_RECORD:
        raise broken("the size of a record")
    return np.dtype(f"V{state[5]}")  # such as those of a search tree, which is built again without them


def meant(found: Any) -> Any:
    """Return the object that is meant where a stand-in is found."""
    return found.meant() if isinstance(found, StandIn) else found


def _array(found: StandIn) -> np.ndarray[Any, Any]:
    _, shape, dtype, fortran, content = found.state
    return make_array(shape, meant(dtype), content, fortran=bool(fortran))


def _buffer(found: StandIn) -> np.ndarray[Any, Any]:
    content, dtype, shape, order = found.arguments
    return make_array(shape, meant(dtype), bytes(meant(content)), fortran=order == "F")


def make_array(shape: Any, dtype: Any, content: Any, *, fortran: bool) -> np.ndarray[Any, Any]:
    """Make an array whose content has exactly the announced size."""
    if not isinstance(shape, tuple) or any(type(side) is not int or side < 0 for side in shape):
        raise broken("the shape of an array")
    count = 1
    for side in shape:
        count *= side
    order: Any = "F" if fortran else "C"
    if dtype == np.dtype(object):
        return _objects(shape, count, content, order)
    if not isinstance(dtype, np.dtype) or not isinstance(content, (bytes, bytearray)):
        raise broken("the content of an array")
    if len(content) != count * dtype.itemsize:
        raise broken(f"an array announces {count} items of {dtype} in {len(content)} bytes")
    return np.frombuffer(bytearray(content), dtype=dtype, count=count).reshape(shape, order=order)


def _objects(shape: Any, count: int, content: Any, order: Any) -> np.ndarray[Any, Any]:
    if not isinstance(content, list) or len(content) != count:
        raise broken("an array of objects")
    flat = np.empty(count, dtype=object)
    for place, item in enumerate(content):
        flat[place] = item
    return flat.reshape(shape, order=order)


def _scalar(found: StandIn) -> Any:
    dtype, content = meant(found.arguments[0]), found.arguments[1]
    return make_array((), dtype, content, fortran=False)[()]


def _masked(found: StandIn) -> Apart:
    _, shape, dtype, fortran, data, mask, _ = found.state
    values = make_array(shape, meant(dtype), data, fortran=bool(fortran))
    masked = make_array(shape, np.dtype(bool), mask, fortran=bool(fortran))
    return Apart(maker="masked", arguments=(values, masked))


def _tree(found: StandIn) -> Apart:
    inputs, classes, _ = found.arguments
    state = found.state
    return Apart(
        maker="Tree", arguments=(inputs, classes, state["max_depth"], state["nodes"], state["values"])
    )


def _made(found: StandIn) -> Apart:
    """Return a search tree or a metric, whose class is the first argument."""
    name, state = found.arguments[0], found.state
    if _SEARCHES.fullmatch(name):
        return Apart(maker=name, arguments=(state[0], state[4], state[11], state[12]))
    if name.startswith("Minkowski"):
        weights = meant(state[1])
        return Apart(maker=name, arguments=(state[0], weights) if np.size(weights) > 1 else (state[0],))
    return Apart(maker=name, arguments=())


def _loss(found: StandIn) -> Apart:
    name = found.arguments[0].removeprefix("__pyx_unpickle_")
    numbers = tuple(part for part in found.arguments[1:] if type(part) is float)
    return Apart(maker=name, arguments=numbers)


def _random(found: StandIn) -> Apart:
    state = found.state
    inner = state["state"]
    return Apart(maker="random", arguments=(inner["key"], inner["pos"], state["has_gauss"], state["gauss"]))


def _generator(found: StandIn) -> Apart:
    state = found.arguments[0].state[0]
    name, inner = state["bit_generator"], state["state"]
    if name == "MT19937":
        return Apart(maker="generator", arguments=(name, inner["key"], inner["pos"]))
    numbers = inner["state"], inner["inc"], state["has_uint32"], state["uinteger"]
    return Apart(maker="generator", arguments=(name, *numbers))


def _sparse(kind: str) -> Callable[[StandIn], Apart]:
    def make(found: StandIn) -> Apart:
        state = found.state
        rows, columns = state["_shape"]
        arguments = (state["data"], state["indices"], state["indptr"], rows, columns)
        return Apart(maker=kind, arguments=arguments)

    return make


def _spline(found: StandIn) -> Apart:
    state = found.state
    extrapolate = (
        state["extrapolate"] if state["extrapolate"] == "periodic" else bool(meant(state["extrapolate"]))
    )
    arguments = (state["_t"], state["_c"], int(state["k"]), extrapolate, int(state["axis"]))
    return Apart(maker="BSpline", arguments=arguments)


def _partial(found: StandIn) -> Any:
    function, arguments, names, _ = found.state
    return partial(function, *map(meant, arguments), **{name: meant(value) for name, value in names.items()})


def _pattern(found: StandIn) -> Apart:
    return Apart(maker="pattern", arguments=tuple(found.arguments))


_MEANINGS: dict[str, Callable[[StandIn], Any]] = {
    "array": _array,
    "buffer": _buffer,
    "dtype": _dtype,
    "generator": _generator,
    "loss": _loss,
    "made": _made,
    "masked": _masked,
    "partial": _partial,
    "pattern": _pattern,
    "random": _random,
    "scalar": _scalar,
    "spline": _spline,
    "tree": _tree,
    **{f"sparse {kind}": _sparse(kind) for kind in ("csr_matrix", "csc_matrix", "csr_array", "csc_array")},
}
