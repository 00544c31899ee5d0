"""Operators that move elements: other sides, picked, joined, and the sides themselves as numbers."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.package.writing.neutral.form import Equal
from kervan.package.writing.neutral.readers.onnx.tensors import (
    LARGEST,
    ROWS,
    Constant,
    Kind,
    Node,
    Rows,
    Smallest,
    Tensor,
    Texts,
    check_plain,
    operator,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_ANSWERS = 1 << 14


@operator("Identity", "Dropout")
def _(node: Node) -> Tensor:
    if node.kind == "Dropout" and node.given(2) is not None and np.any(node.constant(2)):
        raise node.refused("it is set to train")
    found = node.given(0)
    if found is None:
        raise node.refused("it reads nothing")
    return found


@operator("Constant")
def _(node: Node) -> Constant:
    told = node.settings
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if name in told:
            kind = np.float32 if "float" in name else np.int64
            return np.asarray(told[name], dtype=None if name == "value" else kind)
    for name in ("value_string", "value_strings"):
        if name in told:
            return np.asarray(told[name], dtype=object)
    raise node.refused("it holds no plain numbers")


@operator("Shape")
def _(node: Node) -> Constant:
    found = node.given(0)
    if isinstance(found, np.ndarray):
        sides: tuple[int, ...] = found.shape
    elif isinstance(found, (Rows, Texts)):
        sides = (ROWS, *found.sides)
    else:
        raise node.refused("it asks for the sides of what has none")
    return np.array(sides, dtype=np.int64)[node.settings.get("start", 0) : node.settings.get("end")]


@operator("Reshape")
def _(node: Node) -> Tensor:
    wanted = node.settings.get("shape", node.constant(1))
    sides = [int(side) for side in np.ravel(wanted)]
    found = node.given(0)
    if isinstance(found, (Rows, Texts)):
        return replace(found, sides=_reshaped(node, sides, found.sides))
    constant = _small(node, found)
    return constant.reshape([constant.shape[at] if side == 0 else side for at, side in enumerate(sides)])


def _reshaped(node: Node, wanted: list[int], sides: tuple[int, ...]) -> tuple[int, ...]:
    """Return the sides behind that of the rows, which has to stay the first."""
    width = prod(sides)
    rest = list(wanted[1:])
    if wanted[0] not in {-1, 0, ROWS}:
        raise node.refused("it mixes rows")
    for at, side in enumerate(rest):
        if side == 0 and not node.settings.get("allowzero"):
            rest[at] = sides[at]
    if rest.count(-1) == 1 and wanted[0] != -1:
        known = -prod(rest)
        rest[rest.index(-1)] = width // known if known else 0
    if any(side < 0 for side in rest) or prod(rest) != width:
        raise node.refused("it mixes rows")
    return tuple(rest)


@operator("Flatten")
def _(node: Node) -> Tensor:
    found = node.given(0)
    if not isinstance(found, (Rows, Texts)) or node.settings.get("axis", 1) != 1:
        raise node.refused("it mixes rows")
    return replace(found, sides=(prod(found.sides),))


@operator("Squeeze", "Unsqueeze")
def _(node: Node) -> Tensor:
    axes = node.numbers("axes", 1)
    found = node.given(0)
    if isinstance(found, np.ndarray):
        if node.kind == "Unsqueeze":
            return np.expand_dims(found, axes or ())
        return np.squeeze(found, axes)
    if not isinstance(found, (Rows, Texts)):
        raise node.refused("it reads no tensor")
    if node.kind == "Squeeze":
        return replace(found, sides=_squeezed(node, found.sides, axes))
    rank = len(found.sides) + 1 + len(axes or ())
    places = sorted(axis % rank for axis in axes or ())
    if 0 in places:
        raise node.refused("it puts a side before the rows")
    sides = list(found.sides)
    for place in places:
        sides.insert(place - 1, 1)
    return replace(found, sides=tuple(sides))


def _squeezed(node: Node, sides: tuple[int, ...], axes: tuple[int, ...] | None) -> tuple[int, ...]:
    rank = len(sides) + 1
    if axes is None:
        return tuple(side for side in sides if side != 1)
    gone = {axis % rank for axis in axes}
    if 0 in gone or any(sides[place - 1] != 1 for place in gone):
        raise node.refused("it takes away the side of the rows")
    return tuple(side for place, side in enumerate(sides, start=1) if place not in gone)


@operator("Transpose")
def _(node: Node) -> Rows | Constant:
    found = node.tensor()
    if not isinstance(found, Rows):
        return np.transpose(found, node.settings.get("perm"))
    order = node.settings.get("perm") or list(range(len(found.sides), -1, -1))
    if sorted(order) != list(range(len(found.sides) + 1)) or order[0] != 0:
        raise node.refused("it puts another side before the rows")
    places = np.arange(found.width).reshape(found.sides)
    return node.pick(found, places.transpose([place - 1 for place in order[1:]]))


@operator("Gather")
def _(node: Node) -> Tensor:
    found, wanted = node.given(0), node.given(1)
    axis = node.settings.get("axis", 0)
    if isinstance(found, np.ndarray):
        if isinstance(wanted, np.ndarray):
            return np.take(found, wanted, axis=axis)
        return _answers(node, found, wanted, axis)
    places = node.constant(1)
    if isinstance(found, Texts):
        return _texts_at(node, found, places)
    rows = node.rows()
    at = node.axis(axis, rows)
    grid = np.arange(rows.width).reshape(rows.sides)
    node.check_width(grid.size * places.size)
    return node.pick(rows, np.take(grid, places, axis=at))


def _answers(node: Node, table: Constant, wanted: Tensor | None, axis: int) -> Tensor:
    """Return the rows of a table that are told by numbers which hang on the row."""
    if axis % max(table.ndim, 1) != 0:
        raise node.refused("it picks from a table, but not whole rows of it")
    flat = check_plain(table, node).astype(np.float64).reshape(len(table), -1)
    if isinstance(wanted, Smallest):
        if table.ndim != 2:
            raise node.refused("its table has not two sides")
        return replace(wanted, answers=flat)
    if not isinstance(wanted, Rows) or wanted.width != 1 or len(flat) > _MOST_ANSWERS:
        raise node.refused("it picks several rows of a table at once, or the table is large")
    node.check_width(flat.size)
    counts = np.arange(len(flat))
    values = np.concatenate([counts, counts - len(flat)]).astype(np.float64)  # -1 is the last row
    builder = node.builder

    def build(value: int) -> int:
        known = builder.add(Equal(sources=(value,), places=np.zeros(len(values), np.int64), values=values))
        return builder.linear(known, np.concatenate([flat, flat]).T, np.zeros(flat.shape[1]))

    kind = Kind.FLOAT if table.dtype == np.float32 else Kind.DOUBLE
    sides = (*wanted.sides, *table.shape[1:])
    return node.make([wanted.sharp], build, sides=sides, kind=kind, exact=True)


def _texts_at(node: Node, texts: Texts, places: NDArray[Any]) -> Texts:
    """Pick columns of a matrix of texts."""
    if len(texts.sides) != 1 or node.settings.get("axis", 0) not in {1, -1}:
        raise node.refused("it picks texts, but not columns")
    chosen = [int(place) for place in np.ravel(places)]
    return Texts(
        codes=node.builder.take(texts.codes, chosen),
        known=tuple(texts.known[place] for place in chosen),
        other=tuple(texts.other[place] for place in chosen),
        sides=places.shape,
    )


@operator("ArrayFeatureExtractor", ml=True)
def _(node: Node) -> Tensor:
    found = node.given(0)
    places = np.ravel(node.constant(1))
    if isinstance(found, Texts):
        node.settings["axis"] = -1
        return _texts_at(node, found, places)
    rows = node.rows()
    grid = np.arange(rows.width).reshape(rows.sides)
    return node.pick(rows, grid[..., places])


@operator("Slice")
def _(node: Node) -> Rows | Constant:
    starts, ends = node.numbers("starts", 1), node.numbers("ends", 2)
    axes = node.numbers("axes", 3) or tuple(range(len(starts or ())))
    steps = node.numbers("steps", 4) or (1,) * len(axes)
    found = node.tensor()
    grid = np.arange(found.width).reshape(1, *found.sides) if isinstance(found, Rows) else found
    cuts = [slice(None)] * grid.ndim
    for axis, start, end, step in zip(axes, starts or (), ends or (), steps, strict=True):
        if isinstance(found, Rows) and axis % grid.ndim == 0:
            if (start, step) != (0, 1) or end < 1 << 30:
                raise node.refused("it leaves rows out")
            continue
        # An end before the first element has no negative number of its own in Python.
        last = None if step < 0 and end < -grid.shape[axis] else end
        cuts[axis] = slice(start, last, step)
    picked = grid[tuple(cuts)]
    return node.pick(found, picked[0]) if isinstance(found, Rows) else picked


@operator("Split")
def _(node: Node) -> tuple[Rows, ...]:
    rows = node.rows()
    axis = node.axis(node.settings.get("axis", 0), rows)
    lengths = node.numbers("split", 1)
    if lengths is None:
        count = node.settings.get("num_outputs")
        if count is None or rows.sides[axis] % count:
            raise node.refused("it does not say how long its parts are")
        lengths = (rows.sides[axis] // count,) * count
    if sum(lengths) != rows.sides[axis] or min(lengths) < 0:
        raise node.refused("its parts are not the whole")
    grid = np.arange(rows.width).reshape(rows.sides)
    parts = np.split(grid, np.cumsum(lengths)[:-1], axis=axis)
    return tuple(node.pick(rows, part) for part in parts)


@operator("Concat")
def _(node: Node) -> Tensor:
    parts = list(node.inputs)
    if all(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate([_small(node, part) for part in parts], axis=node.settings["axis"])
    if all(isinstance(part, Texts) for part in parts):
        return _joined_texts(node, [part for part in parts if isinstance(part, Texts)])
    rows = [node.rows(place) for place in range(len(parts))]
    axis = node.axis(node.settings["axis"], rows[0])
    joined = node.join(rows)
    starts = np.cumsum([0, *(part.width for part in rows)])
    grids = [
        start + np.arange(part.width).reshape(part.sides) for start, part in zip(starts, rows, strict=False)
    ]
    found = node.pick(joined, np.concatenate(grids, axis=axis))
    return replace(found, kind=rows[0].kind)


def _joined_texts(node: Node, parts: list[Texts]) -> Texts:
    if any(len(part.sides) != 1 for part in parts) or node.settings["axis"] not in {1, -1}:
        raise node.refused("it joins texts, but not columns")
    return Texts(
        codes=node.builder.join(part.codes for part in parts),
        known=tuple(known for part in parts for known in part.known),
        other=tuple(other for part in parts for other in part.other),
        sides=(sum(part.sides[0] for part in parts),),
    )


@operator("FeatureVectorizer", ml=True)
def _(node: Node) -> Rows:
    joined = node.join([node.rows(place) for place in range(len(node.inputs))])
    return replace(joined, kind=Kind.FLOAT)


@operator("ConstantOfShape", "Expand")
def _(node: Node) -> Rows | Constant:
    """Repeat a number or a tensor along sides; the rows are the first of them."""
    is_filling = node.kind == "ConstantOfShape"
    sides = [int(side) for side in np.ravel(node.constant(0 if is_filling else 1))]
    found = node.settings.get("value", np.zeros(1, np.float32)) if is_filling else node.tensor(0)
    if isinstance(found, Rows):
        if sides and sides[0] in {ROWS, 1}:
            return node.spread(found, np.broadcast_shapes(found.sides, tuple(sides[1:])))
        raise node.refused("it repeats rows")
    if ROWS not in sides:
        if prod(sides) > LARGEST:
            raise node.refused(f"it makes {prod(sides)} numbers")
        if is_filling:
            return np.full(sides, found.item(), dtype=found.dtype)
        return np.broadcast_to(found, np.broadcast_shapes(found.shape, tuple(sides)))
    if sides[0] != ROWS or ROWS in sides[1:]:
        raise node.refused("it mixes rows")
    inner = tuple(sides[1:])
    if not is_filling:
        inner = np.broadcast_shapes(found.shape[max(0, found.ndim - len(inner)) :], inner)
    kinds = {"f4": Kind.FLOAT, "f8": Kind.DOUBLE}
    kind = kinds.get(found.dtype.str[1:], Kind.WHOLE)
    node.check_width(prod(inner))
    return node.same(
        node.flat(np.asarray(found if found.size > 1 else found.item()), inner).reshape(inner), inner, kind
    )


@operator("Range")
def _(node: Node) -> Constant:
    start, limit, step = (check_plain(node.constant(place), node).item() for place in range(3))
    if not step or abs((limit - start) / step) > LARGEST:
        raise node.refused("it counts too far")
    return np.arange(start, limit, step, dtype=node.constant(0).dtype)


def _small(node: Node, constant: Any) -> Constant:
    if not isinstance(constant, np.ndarray) or constant.size > LARGEST:
        raise node.refused("it makes a constant of its rows, or a very large one")
    return constant
