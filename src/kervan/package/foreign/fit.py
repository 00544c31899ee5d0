"""Fitting a model from elsewhere to a signature: its columns, its classes, and their order."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Refused
from kervan.core.schema import Type
from kervan.package.answers import flaw_of
from kervan.package.writing.fitted import Fitted
from kervan.package.writing.neutral.form import Form
from kervan.package.writing.neutral.read import read_form
from kervan.package.writing.neutral.readers.registry import answers_probabilities

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx
    from numpy.typing import NDArray

    from kervan.core.ports import Matrix
    from kervan.core.schema import Signature
    from kervan.package.foreign.foreign import Foreign, Graph, Scores
    from kervan.package.writing.neutral.build import Builder

_SHOWN = 12
_UNNAMED = re.compile(r"\W")


class Imported(Fitted):
    """A model from elsewhere that answers in the order of a signature.

    Formats of Python store the estimator itself, where that has the signature's own order.
    """

    def __init__(
        self, foreign: Foreign, scores: Scores, signature: Signature, order: tuple[int, ...]
    ) -> None:
        self._answers = _Ordered(foreign, scores, order, is_share=_is_share(foreign, signature))
        keeps = order == tuple(range(len(order))) and _answers_alike(foreign)
        super().__init__(foreign.estimator if keeps else self._answers, signature)

    @cached_property
    def form(self) -> Form:
        """The model in the neutral form. Raises `Refused` for one that the form cannot express."""
        return read_form(self._answers, self.signature)

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score a matrix: (rows, classes) probabilities or (rows, 1) values."""
        return self._answers.predict_proba(matrix.astype(np.float64))


class ImportedGraph(Fitted):
    """An ONNX graph from elsewhere that answers in the order of a signature."""

    def __init__(self, foreign: Foreign, signature: Signature, order: tuple[int, ...]) -> None:
        super().__init__(foreign.graph, signature)
        self._order = order
        self._scores = foreign.scores
        self._is_share = _is_share(foreign, signature)

    @cached_property
    def form(self) -> Form:
        """The graph in the neutral form. Raises `Refused` that names an operator which it cannot express."""
        return read_form(_OrderedGraph(self.model, self.signature, self._order), self.signature)

    def graph(self) -> onnx.ModelProto:
        """Return the graph from `matrix`."""
        model: onnx.ModelProto = self.model.over_matrix(self.signature, self._order)
        return model

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score a matrix: (rows, classes) probabilities or (rows, 1) values."""
        answers = self._raw(matrix)
        if answers.shape[1] <= max(self._order, default=0):
            return answers  # too few: whoever checks the width says so
        return answers[:, list(self._order)] if self._order else answers

    def _raw(self, matrix: Matrix) -> NDArray[np.float64]:
        """Score by the model that the graph was made of, if there is one, else by the graph."""
        if self._scores is None:
            own: NDArray[np.float64] = self.model.predict(matrix, self.signature)
            return own
        answers = self._scores(matrix.astype(np.float64))
        return np.hstack([1 - answers, answers]) if self._is_share else answers


class _Ordered:
    """An estimator whose classes are the places in a signature, for the neutral form and the proofs."""

    def __init__(self, foreign: Foreign, scores: Scores, order: tuple[int, ...], *, is_share: bool) -> None:
        self._foreign = foreign
        self._is_share = is_share
        self._scores = scores
        self._order = order
        self.classes_ = list(range(len(order)))

    def predict_proba(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        answers = self._scores(rows)
        if self._is_share:
            answers = np.hstack([1 - answers, answers])
        return answers[:, list(self._order)] if self._order else answers

    def write_form(self, builder: Builder, value: int) -> int:
        if self._foreign.reads is None:
            raise Refused(f"the neutral form cannot express a model of {self._foreign.kind}")
        answer = self._foreign.reads(builder, value)
        answer = builder.both(answer) if self._is_share else answer
        return builder.take(answer, self._order) if self._order else answer


class _OrderedGraph:
    """A graph whose classes are the places in a signature, for the neutral form."""

    def __init__(self, graph: Graph, signature: Signature, order: tuple[int, ...]) -> None:
        self._graph = graph
        self._signature = signature
        self._order = order
        self.classes_ = list(range(len(order)))

    def write_form(self, builder: Builder, value: int) -> int:
        answer = self._graph.reads(builder, value, self._signature)
        return builder.take(answer, self._order) if self._order else answer


def in_order_of(foreign: Foreign, signature: Signature) -> Signature:
    """Return the signature with its classes in the model's own order, where the model knows its labels."""
    if set(foreign.labels) != set(signature.output.allowed) or not signature.is_classification:
        return signature
    return replace(signature, output=replace(signature.output, allowed=foreign.labels))


def fit(foreign: Foreign, signature: Signature, matrix: Matrix, place: str) -> Fitted:
    """Return the model as it answers for a signature, tried on real rows.

    Raises `Refused` that names the first column, category or class in which the two differ, or if the model
    does not answer the rows by probabilities or values.
    """
    _check_signature(foreign, signature, place)
    order = _order(foreign, signature)
    fitted: Fitted
    if foreign.graph is not None:
        foreign.graph.check(signature)
        fitted = ImportedGraph(foreign, signature, order)
    elif foreign.scores is not None:
        fitted = Imported(foreign, foreign.scores, signature, order)
    else:
        raise Refused(f"{place} does not answer")
    _check_answers(fitted, matrix, place)
    return fitted


def _order(foreign: Foreign, signature: Signature) -> tuple[int, ...]:
    allowed = signature.output.allowed if signature.is_classification else ()
    if not foreign.labels:
        return tuple(range(len(allowed)))
    return tuple(foreign.labels.index(label) for label in allowed)


def _is_share(foreign: Foreign, signature: Signature) -> bool:
    """Say whether the model's one number is the probability of the second of two classes."""
    return foreign.classes == 1 and not foreign.labels and len(signature.output.allowed) == 2


def _answers_alike(foreign: Foreign) -> bool:
    """Say whether the estimator alone answers as it does here: by probabilities, a value, or 0, 1, …"""
    if foreign.estimator is None:
        return False
    if not foreign.is_classification or answers_probabilities(foreign.estimator):
        return True
    known: list[Any] = list(getattr(foreign.estimator, "classes_", ()))
    return known == list(range(foreign.classes))


def _check_signature(foreign: Foreign, signature: Signature, place: str) -> None:
    """Raise `Refused` that names the first column, category or class in which the two differ."""
    _check_inputs(foreign, signature, place)
    wants = signature.is_classification
    if foreign.is_classification is not None and foreign.is_classification != wants:
        own, asked = ("regression", "classification") if wants else ("classification", "regression")
        raise Refused(
            f"{place} is a {own}, not a {asked}", hint=f"say --task {own}, or give the right target"
        )
    if not wants:
        if foreign.classes > 1:
            raise Refused(
                f"{place} gives {foreign.classes} numbers for a row", hint="train it to predict one column"
            )
        return
    allowed = signature.output.allowed
    if foreign.labels and set(foreign.labels) != set(allowed):
        _differ(place, foreign.labels, allowed)
    if foreign.classes and foreign.classes != len(allowed) and not _is_share(foreign, signature):
        raise Refused(
            f"{place} knows {foreign.classes} classes, the target has {len(allowed)}: {_shortly(allowed)}",
            hint="give a table with every class in it, or a --signature that lists them",
        )


def _check_inputs(foreign: Foreign, signature: Signature, place: str) -> None:
    names = signature.inputs.names
    for number, (own, given) in enumerate(zip(foreign.names, names, strict=False)):
        # LightGBM writes spaces as _, converters to ONNX whatever could not be in a name of Python.
        if own not in {given, given.replace(" ", "_"), _UNNAMED.sub("_", given)}:
            raise Refused(
                f"{place}: its column {number + 1} is {own!r}, the table's is {given!r}",
                hint="give the columns that it was trained on, in the same order, beside the target",
            )
    if foreign.inputs and foreign.inputs != len(names):
        raise Refused(
            f"{place} takes {foreign.inputs} columns, the table has {len(names)} beside the target",
            hint="give the columns that it was trained on, in the same order",
        )
    if foreign.graph is not None:
        return
    for number, column in enumerate(signature.inputs):
        known = foreign.categories.get(number)
        if known is not None and column.type is not Type.CATEGORY:
            raise Refused(
                f"{place} takes column {column.name!r} as codes of categories, the table has numbers there",
                hint='say so in a --signature: type "category", and in `allowed` the texts of codes 0, 1, …',
            )
        if known and known != column.allowed:
            _differ(f"{place}, column {column.name!r}", known, column.allowed)


def _refuse_rows(unanswered: NDArray[np.intp], fitted: Fitted, matrix: Matrix, place: str) -> None:
    first = unanswered[0]
    missing = [
        column.name
        for column, value in zip(fitted.signature.inputs, matrix[first], strict=True)
        if np.isnan(value)
    ]
    where = f", where {', '.join(map(repr, missing[:5]))} is missing" if missing else ""
    raise Refused(
        f"{place} answers {len(unanswered):,} of the table's {len(matrix):,} rows with no number: "
        f"the first is row {first + 1}{where}",
        hint="fill in what is missing as before its training, or leave those rows out",
    )


def _differ(place: str, own: tuple[str, ...], given: tuple[str, ...]) -> None:
    raise Refused(
        f"{place}: the model knows {_shortly(map(repr, own))}; given are {_shortly(map(repr, given))}",
        hint="give a table with the same values, or a --signature that lists those of the model in `allowed`",
    )


def _shortly(names: Iterable[str]) -> str:
    every = list(names)
    more = len(every) - _SHOWN
    return ", ".join(every[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def _check_answers(fitted: Fitted, matrix: Matrix, place: str) -> None:
    try:
        answers = fitted.predict(matrix)
    except Exception as error:  # what a library says of rows that it does not take
        raise Refused(
            f"{place} does not answer the rows of the table: {str(error).strip()[:300]}",
            hint="give the columns as it was trained on them: numbers in the same order, missing ones only "
            "where it takes them; a model over a pandas table or over texts can be exported to ONNX",
        ) from error
    signature = fitted.signature
    width = len(signature.output.allowed) if signature.is_classification else 1
    if answers.shape != (len(matrix), width):
        raise Refused(
            f"{place} gives {answers.shape[-1]} numbers for a row, the signature says {width}",
            hint="export it with one value, or with probabilities of every class",
        )
    unanswered = np.flatnonzero(~np.isfinite(answers).all(axis=1))
    if unanswered.size:
        _refuse_rows(unanswered, fitted, matrix, place)
    if signature.is_classification and (answers.min() < -1e-6 or answers.max() > 1 + 1e-6):
        raise Refused(
            f"{place} answers {answers.min():.3g} to {answers.max():.3g}, which are no probabilities",
            hint="export it with probabilities (softmax, logistic) at its end",
        )
    flaw = flaw_of(answers, signature)
    if flaw is not None:
        row, what = flaw
        raise Refused(
            f"{place}: the answer for the table's row {row + 1} {what} (they make {answers[row].sum():.3g}), "
            "and a server gives no such answer",
            hint="train it to choose among all classes, as do `multiclass` in LightGBM and `MultiClass` in "
            "CatBoost: models of each class against the rest give shares that need not add up",
        )
