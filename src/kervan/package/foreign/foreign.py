"""A model from elsewhere: what it answers, and what it tells of its columns and classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kervan.core.schema import number_text

if TYPE_CHECKING:
    import onnx

    from kervan.core.ports import Matrix
    from kervan.core.schema import Signature
    from kervan.package.writing.neutral.build import Builder

Scores = Callable[[NDArray[np.float64]], NDArray[np.float64]]
Reads = Callable[["Builder", int], int]


class Graph(Protocol):
    """An ONNX graph that was made elsewhere."""

    def check(self, signature: Signature) -> None:
        """Raise `Refused` for a column of the signature that the graph cannot take."""

    def predict(self, matrix: Matrix, signature: Signature) -> NDArray[np.float64]:
        """Score an encoded matrix through the graph's own inputs."""

    def reads(self, builder: Builder, value: int, signature: Signature) -> int:
        """Add the graph's layers over the encoded row and return its answer."""

    def over_matrix(self, signature: Signature, order: tuple[int, ...]) -> onnx.ModelProto:
        """Return the graph with the encoded matrix as its one input, and its classes in this order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """A model as its own library reads it.

    `inputs` counts the columns that it takes and `classes` those of a classification, or the numbers that
    it gives; 0 where it does not say, or for a regression. `is_classification` is None where it does not
    say. `names` are those of its columns and `labels` those of its classes, in its own order, empty where it
    does not know them.
    `categories` are by place the columns that it takes as categories, each with the texts behind the codes
    0, 1, …, or () where it does not know these. Where `closed` is
    given, the model takes texts itself: these columns refuse unknown ones, and the others take them.

    `scores` gives (rows, classes) probabilities or (rows, 1) values, `reads` adds its layers to a form;
    `estimator` is what formats of Python store, if there is one. A `graph` needs none of
    these three; with `scores` it is proved against these.
    """

    kind: str
    inputs: int
    classes: int
    is_classification: bool | None
    names: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    categories: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    closed: frozenset[int] | None = None
    scores: Scores | None = None
    reads: Reads | None = None
    estimator: Any = None
    graph: Graph | None = None


def label_text(label: Any) -> str:
    """Return the text by which a class is known.

    >>> label_text(np.int64(3)), label_text(1.0), label_text(np.True_), label_text("evet")
    ('3', '1', 'true', 'evet')
    """
    if isinstance(label, (bool, np.bool_)):
        return "true" if label else "false"
    return number_text(float(label)) if isinstance(label, (float, np.floating)) else str(label)


def generic(names: tuple[str, ...], *prefixes: str) -> bool:
    """Say whether names only count the columns, as a library calls those that nobody named."""
    return any(names == tuple(f"{prefix}{place}" for place in range(len(names))) for prefix in prefixes)
