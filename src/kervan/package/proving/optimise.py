"""Smaller and faster forms of a model's ONNX graph, each measured beside the original: they seldom pay."""

from __future__ import annotations

import pickle
import tempfile
import time
import warnings
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.plugins import extras_named
from kervan.package.proving.parity import compare
from kervan.package.writing.formats.onnx import MatrixPredictor
from kervan.package.writing.formats.onnx_graph import matrix_graph
from kervan.package.writing.neutral.merge import merge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from kervan.core.ports import Matrix, Predictor
    from kervan.package.writing.fitted import Fitted
    from kervan.package.writing.neutral.form import Form

FILE = "model.onnx"
_MANY = 1_000  # rows of the larger batch
_FEWEST_WEIGHTS = 1_000
_ROUNDS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One way of computing a model: bytes, quality, differences, and seconds for 1 and for 1,000 rows.

    The original's bytes are those of its pickle. Differences are measured as in a proof of parity;
    `speedup_one` and `speedup_many` say how many times faster than the original it is. `reason` says why it
    was not made, or why it does not pay; `content` is the graph. What was not measured is NaN.
    """

    name: str
    reason: str = ""
    size: int = 0
    score: float = float("nan")
    largest: float = 0.0
    label_changes: int = 0
    one: float = float("nan")
    many: float = float("nan")
    speedup_one: float = float("nan")
    speedup_many: float = float("nan")
    content: bytes = b""

    @property
    def pays(self) -> bool:
        """Whether it is worth having."""
        return not self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked: real rows, how a predictor is scored on them, and how much of that may be lost."""

    rows: Matrix
    score: Callable[[Predictor], float]
    loss: float = 1e-3


def optimise(fitted: Fitted, question: Question) -> list[Measured]:
    """Measure the original, its exact graph, that with its constants folded, and then narrowed.

    Folded means that weights have taken up the scaling in front of them, narrowed that numbers are float32,
    float16 or int8. A graph pays if it is a fifth smaller or a tenth faster than the exact one, loses no more
    of the score than was allowed, and changes the label of no more than one row in a thousand.
    """
    with tempfile.TemporaryDirectory(prefix="kervan-") as scratch:
        folder = Path(scratch)
        graph = matrix_graph(fitted.form).SerializeToString(deterministic=True)
        exact = _load(graph, fitted, folder / "float64.onnx")
        predictors: dict[str, tuple[Predictor, bytes]] = {"float64": (exact, graph)}
        refused: dict[str, str] = {}
        for name, content in _smaller(fitted.form, folder):
            if isinstance(content, str):
                refused[name] = content
            else:
                predictors[name] = (_load(content, fitted, folder / f"{name}.onnx"), content)
        asked = {"original": fitted, **{name: each for name, (each, _) in predictors.items()}}
        times = _times(asked, question)
        wanted = fitted.predict(question.rows)
        first = Measured(
            name="original",
            size=len(pickle.dumps(fitted.model)),
            score=question.score(fitted),
            one=times["original"][0],
            many=times["original"][1],
        )
        found = [first]
        for name, (predictor, content) in predictors.items():
            measured = _beside(first, _measured(name, predictor, content, wanted, question, times[name]))
            found.append(measured if name == "float64" else _judged(measured, found[1], question))
        return [*found, *(Measured(name=name, reason=reason) for name, reason in refused.items())]


def _smaller(form: Form, folder: Path) -> Iterator[tuple[str, bytes | str]]:
    """Yield graphs with their constants folded, and in narrower numbers, or why there is none."""
    with extras_named():
        from onnxruntime.quantization import quantize_dynamic
        from onnxruntime.transformers.float16 import convert_float_to_float16

    merged = merge(form)
    if len(merged.layers) < len(form.layers):
        yield "folded", matrix_graph(merged).SerializeToString(deterministic=True)
    else:
        yield "folded", "nothing in front of its weights can be folded into them"
    single = matrix_graph(merged, exact=False)
    yield "float32", single.SerializeToString(deterministic=True)
    if reason := _why_not(single):
        yield "float16", reason
        yield "int8", reason
        return
    copy = type(single)()
    copy.CopyFrom(single)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells of every number that float16 rounds
        half = convert_float_to_float16(copy, keep_io_types=True)
    yield "float16", half.SerializeToString(deterministic=True)
    place = folder / "quantised.onnx"
    quantize_dynamic(single, place)
    yield "int8", place.read_bytes()


def _why_not(single: Any) -> str:
    """Say why a graph cannot be narrowed below float32, if it cannot."""
    if any(node.domain == "ai.onnx.ml" for node in single.graph.node):
        return "trees have no weights to narrow"
    weights = sum(int(np.prod(each.dims)) for each in single.graph.initializer if len(each.dims) == 2)
    return "" if weights >= _FEWEST_WEIGHTS else f"there are fewer than {_FEWEST_WEIGHTS:,} weights to narrow"


def _load(content: bytes, fitted: Fitted, path: Path) -> MatrixPredictor:
    path.write_bytes(content)
    return MatrixPredictor(path, fitted.signature)


def _measured(
    name: str,
    predictor: Predictor,
    content: bytes,
    wanted: NDArray[np.float64],
    question: Question,
    times: tuple[float, float],
) -> Measured:
    given = predictor.predict(question.rows)
    compared = compare(
        lambda _: wanted, predictor, question.rows, np.inf, name=name, scorer=""
    )  # so that it is measured as every format is
    return Measured(
        name=name,
        size=len(content),
        score=question.score(predictor),
        largest=compared.parity.largest,
        label_changes=int((given.argmax(axis=1) != wanted.argmax(axis=1)).sum()),
        one=times[0],
        many=times[1],
        content=content,
    )


def _beside(original: Measured, measured: Measured) -> Measured:
    return replace(
        measured, speedup_one=original.one / measured.one, speedup_many=original.many / measured.many
    )


def _judged(measured: Measured, exact: Measured, question: Question) -> Measured:
    """Say why a narrowed graph does not pay, if it does not."""
    if not (isfinite(measured.largest) and isfinite(measured.score)):
        return replace(measured, reason="it leaves the range of its numbers: some answers are none")
    lost = abs(measured.score - exact.score) / max(1.0, abs(exact.score))
    if lost > question.loss:
        return replace(measured, reason=f"it changes the score by {lost:.2g}")
    if measured.label_changes > len(question.rows) / _MANY:
        return replace(measured, reason=f"it changes {measured.label_changes} labels")
    is_faster = measured.one <= 0.9 * exact.one or measured.many <= 0.9 * exact.many
    if measured.size > 0.8 * exact.size and not is_faster:
        return replace(measured, reason="it is hardly smaller or faster")
    return measured


def _times(predictors: dict[str, Predictor], question: Question) -> dict[str, tuple[float, float]]:
    """Return the least seconds for 1 and 1,000 rows, measured in turns: none has a better moment."""
    one, many = question.rows[:1], np.resize(question.rows, (_MANY, question.rows.shape[1]))
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in predictors}
    for _ in range(_ROUNDS):
        for name, predictor in predictors.items():
            taken[name].append((_seconds(predictor, one, 20), _seconds(predictor, many, 1)))
    return {name: (min(a for a, _ in each), min(b for _, b in each)) for name, each in taken.items()}


def _seconds(predictor: Predictor, rows: Matrix, times: int) -> float:
    started = time.perf_counter()
    for _ in range(times):
        predictor.predict(rows)
    return (time.perf_counter() - started) / times
