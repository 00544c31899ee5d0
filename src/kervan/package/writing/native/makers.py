"""Objects without plain attributes: compiled ones, random states, sparse matrices.

Each is taken apart into arguments, and made again by its own constructor, after the arguments are checked.
Search trees are built again from their rows, so that no file can give them a wrong shape.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Corrupted, Refused
from kervan.core.plugins import extras_named
from kervan.package.writing.native.trees import make_tree, take_tree

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_PATTERN = 1000
_METRICS = frozenset(
    {
        "BrayCurtisDistance",
        "CanberraDistance",
        "ChebyshevDistance",
        "DiceDistance",
        "EuclideanDistance",
        "HammingDistance",
        "HaversineDistance",
        "JaccardDistance",
        "ManhattanDistance",
        "RogersTanimotoDistance",
        "RussellRaoDistance",
        "SokalSneathDistance",
    }
)
_LOSSES = {
    "sklearn._loss._loss": (
        "CyAbsoluteError",
        "CyExponentialLoss",
        "CyHalfBinomialLoss",
        "CyHalfGammaLoss",
        "CyHalfMultinomialLoss",
        "CyHalfPoissonLoss",
        "CyHalfSquaredError",
        "CyHalfTweedieLoss",
        "CyHalfTweedieLossIdentity",
        "CyHuberLoss",
        "CyPinballLoss",
    ),
    "sklearn.linear_model._sgd_fast": (
        "EpsilonInsensitive",
        "Hinge",
        "ModifiedHuber",
        "SquaredEpsilonInsensitive",
        "SquaredHinge",
    ),
}
_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM")


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """How objects of one class are taken apart into arguments, and made again from them."""

    name: str
    type: type
    take: Callable[[Any], tuple[Any, ...]]
    make: Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Apart:
    """An object that is taken apart already: the name of its maker, and the arguments."""

    maker: str
    arguments: tuple[Any, ...]


@cache
def makers() -> tuple[dict[type, Maker], dict[str, Maker]]:
    """Return all makers, by class and by name."""
    found = [
        Maker(name="slice", type=slice, take=lambda it: (it.start, it.stop, it.step), make=slice),
        Maker(name="complex", type=complex, take=lambda it: (it.real, it.imag), make=complex),
        Maker(name="bytes", type=bytes, take=_take_bytes, make=_make_bytes),
        Maker(name="range", type=range, take=lambda it: (it.start, it.stop, it.step), make=range),
        Maker(name="frozenset", type=frozenset, take=tuple, make=lambda *items: frozenset(items)),
        Maker(name="partial", type=partial, take=_take_partial, make=_make_partial),
        Maker(name="pattern", type=re.Pattern, take=lambda it: (it.pattern, it.flags), make=_make_pattern),
        Maker(name="masked", type=np.ma.MaskedArray, take=_take_masked, make=_make_masked),
        Maker(name="random", type=np.random.RandomState, take=_take_random, make=_make_random),
        Maker(name="generator", type=np.random.Generator, take=_take_generator, make=_make_generator),
        *_dtypes(),
        *_sparse(),
        *_losses(),
        *_searches(),
        *_metrics(),
        _tree(),
        _spline(),
    ]
    return {maker.type: maker for maker in found}, {maker.name: maker for maker in found}


def _take_bytes(found: bytes) -> tuple[Any, ...]:
    return (np.frombuffer(found, dtype=np.uint8),)


def _make_bytes(array: Any) -> bytes:
    _expect(isinstance(array, np.ndarray) and array.dtype == np.uint8, "bytes")
    return bytes(array.tobytes())


def _take_partial(found: partial[Any]) -> tuple[Any, ...]:
    return found.func, found.args, tuple(found.keywords), tuple(found.keywords.values())


def _make_partial(function: Any, arguments: Any, names: Any, values: Any) -> partial[Any]:
    _expect(callable(function) and type(arguments) is type(names) is type(values) is tuple, "partial")
    return partial(function, *arguments, **dict(zip(names, values, strict=True)))


def _make_pattern(text: str, flags: int) -> re.Pattern[str]:
    _expect(type(text) is str and len(text) <= _LONGEST_PATTERN, "pattern")
    return re.compile(text, flags)


def _dtypes() -> list[Maker]:
    kinds = {type(np.dtype(kind)) for kind in "?bBhHiIlLqQefdFDOUSmM"}
    return [
        Maker(name=f"dtype {kind.__name__}", type=kind, take=_take_dtype, make=_make_dtype)
        for kind in sorted(kinds, key=lambda kind: kind.__name__)
    ]


def _take_dtype(found: np.dtype[Any]) -> tuple[Any, ...]:
    return (found.str,)


def _make_dtype(text: str) -> np.dtype[Any]:
    _expect(type(text) is str and bool(re.fullmatch(r"[<>|=][?a-zA-Z]\d{0,4}(\[\w{1,2}\])?", text)), "dtype")
    return np.dtype(text)


def _take_masked(found: np.ma.MaskedArray[Any, Any]) -> tuple[Any, ...]:
    return np.asarray(found.data), np.ma.getmaskarray(found)


def _make_masked(data: Any, mask: Any) -> Any:
    _expect(isinstance(data, np.ndarray) and isinstance(mask, np.ndarray), "masked array")
    _expect(mask.dtype == np.bool_ and mask.shape == data.shape, "masked array")
    return np.ma.MaskedArray(data, mask=mask)


def _take_random(found: np.random.RandomState) -> tuple[Any, ...]:
    state: Any = found.get_state(legacy=False)
    if state["bit_generator"] != "MT19937":
        raise Refused("the model holds an unusual random state", hint="seed it with a whole number")
    inner = state["state"]
    return inner["key"], int(inner["pos"]), int(state["has_gauss"]), float(state["gauss"])


def _make_random(key: Any, place: int, has_gauss: int, gauss: float) -> np.random.RandomState:
    _check_twister(key, place)
    _expect(type(has_gauss) is int and has_gauss in (0, 1) and type(gauss) is float, "random state")
    made = np.random.RandomState(0)
    made.set_state(("MT19937", key, place, has_gauss, gauss))
    return made


def _check_twister(key: Any, place: Any) -> None:
    _expect(isinstance(key, np.ndarray) and key.shape == (624,) and key.dtype == np.uint32, "random state")
    _expect(type(place) is int and 0 <= place <= 624, "random state")


def _take_generator(found: np.random.Generator) -> tuple[Any, ...]:
    state: Any = found.bit_generator.state
    name = state["bit_generator"]
    if name not in _GENERATORS:
        raise Refused(f"the model holds a random state of {name}", hint="seed it with a whole number")
    inner = state["state"]
    if name == "MT19937":
        return name, inner["key"], int(inner["pos"])
    return (
        name,
        int(inner["state"]),
        int(inner["inc"]),
        int(state["has_uint32"]),
        int(state["uinteger"]),
    )


def _make_generator(name: str, *state: Any) -> np.random.Generator:
    _expect(name in _GENERATORS, "random state")
    inner = getattr(np.random, name)(0)
    if name == "MT19937":
        _expect(len(state) == 2, "random state")
        _check_twister(*state)
        inner.state = {"bit_generator": name, "state": {"key": state[0], "pos": state[1]}}
        return np.random.Generator(inner)
    _expect(
        len(state) == 4 and all(type(part) is int and 0 <= part < 1 << 128 for part in state), "random state"
    )
    _expect(state[2] in (0, 1) and state[3] < 1 << 32, "random state")
    inner.state = {
        "bit_generator": name,
        "state": {"state": state[0], "inc": state[1]},
        "has_uint32": state[2],
        "uinteger": state[3],
    }
    return np.random.Generator(inner)


def _sparse() -> list[Maker]:
    with extras_named():
        from scipy import sparse

    def maker(kind: Any) -> Maker:
        def make(data: Any, indices: Any, pointers: Any, rows: int, columns: int) -> Any:
            _expect(
                all(isinstance(part, np.ndarray) and part.ndim == 1 for part in (data, indices, pointers)),
                kind.__name__,
            )
            _expect(all(part.dtype in (np.int32, np.int64) for part in (indices, pointers)), kind.__name__)
            _expect(type(rows) is int and type(columns) is int and rows >= 0 and columns >= 0, kind.__name__)
            across, along = (rows, columns) if kind.__name__.startswith("csr") else (columns, rows)
            _expect(pointers.size == across + 1 and data.size == indices.size, kind.__name__)
            _expect(pointers[0] == 0 and pointers[-1] == indices.size, kind.__name__)
            _expect(bool(np.all(np.diff(pointers) >= 0)), kind.__name__)
            _expect(not indices.size or (indices.min() >= 0 and indices.max() < along), kind.__name__)
            return kind((data, indices, pointers), shape=(rows, columns))

        def take(found: Any) -> tuple[Any, ...]:
            return found.data, found.indices, found.indptr, *map(int, found.shape)

        return Maker(name=kind.__name__, type=kind, take=take, make=make)

    return [
        maker(kind) for kind in (sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array, sparse.csc_array)
    ]


def _losses() -> list[Maker]:
    with extras_named():
        from sklearn._loss import _loss as loss
        from sklearn.linear_model import _sgd_fast

    modules = {"sklearn._loss._loss": loss, "sklearn.linear_model._sgd_fast": _sgd_fast}
    found = []
    for module, names in _LOSSES.items():
        kinds = [getattr(modules[module], name, None) for name in names]
        found += [_loss_maker(kind) for kind in kinds if kind is not None]
    return found


def _loss_maker(kind: Any) -> Maker:
    def take(loss: Any) -> tuple[Any, ...]:
        arguments = loss.__reduce__()[1]
        return tuple(arguments) if all(type(part) is float for part in arguments) else ()

    def make(*arguments: Any) -> Any:
        _expect(len(arguments) <= 2 and all(type(part) is float for part in arguments), kind.__name__)
        return kind(*arguments)

    return Maker(name=kind.__name__, type=kind, take=take, make=make)


def _searches() -> list[Maker]:
    with extras_named():
        from sklearn.neighbors import _ball_tree, _kd_tree

    kinds = [getattr(_kd_tree, f"KDTree{size}") for size in ("", "32") if hasattr(_kd_tree, f"KDTree{size}")]
    kinds += [
        getattr(_ball_tree, f"BallTree{size}")
        for size in ("", "32")
        if hasattr(_ball_tree, f"BallTree{size}")
    ]
    return [_search(kind) for kind in kinds]


def _search(kind: Any) -> Maker:
    def take(tree: Any) -> tuple[Any, ...]:
        state = tree.__getstate__()
        return np.asarray(state[0]), state[4], state[11], None if state[12] is None else np.asarray(state[12])

    def make(rows: Any, leaf_size: int, metric: Any, weights: Any) -> Any:
        _expect(isinstance(rows, np.ndarray) and rows.ndim == 2 and rows.size > 0, kind.__name__)
        _expect(rows.dtype in (np.float64, np.float32) and bool(np.isfinite(rows).all()), kind.__name__)
        _expect(type(leaf_size) is int and leaf_size >= 1, kind.__name__)
        _expect(type(metric).__module__ == "sklearn.metrics._dist_metrics", kind.__name__)
        if weights is not None:
            _expect(isinstance(weights, np.ndarray) and weights.shape == (len(rows),), kind.__name__)
            _expect(weights.dtype == rows.dtype, kind.__name__)
        return kind(rows, leaf_size=leaf_size, metric=metric, sample_weight=weights)

    return Maker(name=kind.__name__, type=kind, take=take, make=make)


def _metrics() -> list[Maker]:
    with extras_named():
        from sklearn.metrics import _dist_metrics

    plain = [
        _metric(getattr(_dist_metrics, f"{name}{size}"))
        for name in sorted(_METRICS)
        for size in ("", "32", "64")
        if hasattr(_dist_metrics, f"{name}{size}")
    ]
    return [
        *plain,
        *(_minkowski(getattr(_dist_metrics, f"MinkowskiDistance{size}")) for size in ("32", "64")),
    ]


def _metric(kind: Any) -> Maker:
    return Maker(name=kind.__name__, type=kind, take=lambda _: (), make=kind)


def _minkowski(kind: Any) -> Maker:
    def take(metric: Any) -> tuple[Any, ...]:
        power, weights = metric.__getstate__()[:2]
        if np.asarray(weights).size > 1:
            return float(power), np.asarray(weights)
        return (float(power),)

    def make(power: float, weights: Any = None) -> Any:
        _expect(type(power) is float and power > 0, kind.__name__)
        if weights is None:
            return kind(power)
        _expect(isinstance(weights, np.ndarray) and weights.ndim == 1, kind.__name__)
        return kind(power, weights)

    return Maker(name=kind.__name__, type=kind, take=take, make=make)


def _tree() -> Maker:
    with extras_named():
        from sklearn.tree._tree import Tree

    return Maker(name="Tree", type=Tree, take=take_tree, make=make_tree)


def _spline() -> Maker:
    with extras_named():
        from scipy.interpolate import BSpline

    def make(knots: Any, weights: Any, degree: int, extrapolate: Any, axis: int) -> Any:
        _expect(isinstance(knots, np.ndarray) and isinstance(weights, np.ndarray), "BSpline")
        _expect(type(degree) is int and 0 <= degree < 100 and type(axis) is int, "BSpline")
        _expect(type(extrapolate) is bool or extrapolate == "periodic", "BSpline")
        _expect(knots.dtype == np.float64 and weights.dtype == np.float64, "BSpline")
        return BSpline(knots, weights, degree, extrapolate=extrapolate, axis=axis)

    def take(found: Any) -> tuple[Any, ...]:
        extrapolate = found.extrapolate if found.extrapolate == "periodic" else bool(found.extrapolate)
        return np.asarray(found.t), np.asarray(found.c), int(found.k), extrapolate, int(found.axis)

    return Maker(name="BSpline", type=BSpline, take=take, make=make)


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise Corrupted(f"the model holds a broken {what}", hint="fetch the package again")
