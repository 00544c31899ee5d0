"""Estimators of scikit-learn, from pickles, joblib files and Kervan's native folders."""

from __future__ import annotations

import re
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Refused
from kervan.core.plugins import extras_named
from kervan.package.foreign.columns import with_places
from kervan.package.foreign.foreign import Foreign, label_text
from kervan.package.writing.formats.pickled import pickle_content
from kervan.package.writing.native.read import read_model
from kervan.package.writing.native.unpickle import unpickle_model
from kervan.package.writing.neutral.readers.registry import Ask, answers_probabilities, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from kervan.package.foreign.columns import Table

# The version follows its name, which a pickle may note for later (\x94, q, r or p): as a text whose length
# stands before it (\x8c, X), or in protocol 0 as a line (V).
_VERSION = re.compile(
    rb"_sklearn_version(?:\x94|q.|r.{4}|\np\d+\n)?(?:\x8c(?P<short>.)|X(?P<long>.{4})|V(?P<line>[^\n]*)\n)",
    re.DOTALL,
)
_LONGEST_VERSION = 40


def open_pickle(path: Path) -> Foreign:
    """Read a pickle or joblib file without calling what it names.

    Raises `Refused` for one of another version of scikit-learn, or that names anything else; `Corrupted`.
    """
    content = pickle_content(path)
    told = _version_in(content)
    installed = version("scikit-learn")
    if told not in ("", installed):
        raise Refused(
            f"{path} was written with scikit-learn {told}, and {installed} is installed",
            hint=f"pip install scikit-learn=={told}, or export it to ONNX where it was trained",
        )
    return _described(lambda: unpickle_model(content, str(path)), path)


def _version_in(content: bytes) -> str:
    """Return the version of scikit-learn that a pickle of any protocol names first, or ""."""
    told = _VERSION.search(content)
    if told is None:
        return ""
    size = told["short"] or told["long"]
    end = told.end() + int.from_bytes(size or b"", "little")
    text = content[told.end() : end] if size is not None else told["line"]
    return text[:_LONGEST_VERSION].decode(errors="replace")


def open_native(folder: Path) -> Foreign:
    """Read a folder that Kervan's native format wrote. Raises what `read_model` raises."""
    return _described(lambda: read_model(folder), folder)


def _described(read_again: Callable[[], Any], place: Path) -> Foreign:
    model = read_again()
    with extras_named():
        from sklearn.base import is_classifier, is_regressor

    is_classification = is_classifier(model)
    if not (is_classification or is_regressor(model)):
        raise Refused(
            f"{place} holds a {type(model).__name__}, which is neither a classifier nor a regressor",
            hint="give the whole fitted model; for a pipeline, with its last step",
        )
    original, table = model, with_places(model, _parts)
    if table is not None:
        original = read_again()  # what was changed is the copy
    for part in _parts(model):
        if taken := _texts_in(part):
            raise Refused(
                f"{place}: {type(part).__name__} takes texts ({taken!r}), and only numbers reach it here",
                hint="train it on codes (OrdinalEncoder outside of it), or export the pipeline to ONNX",
            )
    names = _forget_names(model) if table is None else table.names
    _forget_names(model)
    classes = getattr(model, "classes_", ())
    if isinstance(classes, list):
        raise Refused(f"{place} predicts several columns at once", hint="train one model for each column")
    return Foreign(
        kind="scikit-learn",
        inputs=int(getattr(model, "n_features_in_", 0)) if table is None else len(names),
        classes=len(classes) if is_classification else 0,
        is_classification=is_classification,
        names=names,
        labels=tuple(map(label_text, classes)) if is_classification else (),
        categories=table.texts if table is not None else {},
        closed=None if table is None else frozenset(table.closed),
        scores=partial(_scores, original, is_classification, table),
        reads=partial(_reads, model, is_classification),
        estimator=model,
    )


def _scores(
    model: Any, is_classification: bool, table: Table | None, matrix: NDArray[np.float64]
) -> NDArray[np.float64]:
    rows = matrix if table is None else table.rows(matrix)
    if not is_classification:
        return np.asarray(model.predict(rows), dtype=np.float64).reshape(len(rows), -1)
    if answers_probabilities(model):
        return np.asarray(model.predict_proba(rows), dtype=np.float64)
    chosen = np.reshape(model.predict(rows), (-1, 1)) == np.reshape(model.classes_, (1, -1))
    answers: NDArray[np.float64] = chosen.astype(np.float64)
    return answers


def _reads(model: Any, is_classification: bool, builder: Any, value: int) -> int:
    if not is_classification:
        return read(builder, model, value, Ask.VALUE)
    return read(builder, model, value, Ask.PROBABILITIES if answers_probabilities(model) else Ask.LABELS)


def _forget_names(model: Any) -> tuple[str, ...]:
    """Return the names of the columns, and take them away: they would ask for tables with such names."""
    names: tuple[str, ...] = ()
    for part in _parts(model):
        names = names or tuple(map(str, vars(part).get("feature_names_in_", ())))
        vars(part).pop("feature_names_in_", None)
    return names


def _parts(model: Any) -> Iterator[Any]:
    """Yield every estimator in a model, the model itself first."""
    from sklearn.base import BaseEstimator

    waiting, seen = [model], set()
    while waiting:
        found = waiting.pop(0)
        if id(found) in seen:
            continue
        seen.add(id(found))
        if isinstance(found, (list, tuple)):
            waiting.extend(found)
        elif isinstance(found, dict):
            waiting.extend(found.values())
        elif isinstance(found, np.ndarray) and found.dtype == object:
            waiting.extend(found.ravel())
        elif isinstance(found, BaseEstimator):
            yield found
            waiting.extend(vars(found).values())


def _texts_in(part: Any) -> str:
    """Return a text that a fitted part compares its input with, or ""."""
    known = [value for each in getattr(part, "categories_", ()) or () for value in np.ravel(each)]
    known += list(getattr(part, "vocabulary_", None) or ())
    return next((str(value) for value in known if isinstance(value, str)), "")
