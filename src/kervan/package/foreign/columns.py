"""Pipelines of scikit-learn that pick columns by name and take texts: the same model over codes.

The original is left as it is, and asked with a table of named columns, as it was trained. A copy takes the
columns by their places and texts by their codes; formats are written from that one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import Refused
from kervan.package.writing.rows import UNSEEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

_HINT = "encode its texts by OneHotEncoder or OrdinalEncoder, or export the pipeline to ONNX"
_NEVER = -2.0  # no text has this code


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What a model takes by name: the columns that it uses, and by their places the texts that it knows.

    A code of -1 is an unknown text or a missing one. Columns in `closed` take no unknown ones: there the
    model refuses them, or tells them from missing ones, which are all that -1 means then.
    """

    names: tuple[str, ...]
    texts: dict[int, tuple[str, ...]] = field(default_factory=dict)
    closed: set[int] = field(default_factory=set)

    def rows(self, matrix: NDArray[np.float64]) -> Any:
        """Return encoded rows as a table of pandas: numbers, and texts, some unknown or missing."""
        pandas = _pandas()
        columns = {name: self._column(matrix[:, place], place) for place, name in enumerate(self.names)}
        return pandas.DataFrame(columns)

    def _column(self, codes: NDArray[np.float64], place: int) -> Any:
        if place not in self.texts:
            return codes
        known = self.texts[place]
        unseen = [None] if place in self.closed else [text for text in UNSEEN if text not in known]
        texts = [
            known[int(code)] if code >= 0 else unseen[row % len(unseen)] for row, code in enumerate(codes)
        ]
        return np.array([np.nan if text is None else text for text in texts], dtype=object)


def with_places(copy: Any, parts: Callable[[Any], Iterator[Any]]) -> Table | None:
    """Let a model take columns by their places and texts by their codes; say what it took before.

    None for one that neither picks columns by name nor takes texts of named columns: it stays as it is.
    Raises `Refused` for texts that it compares in a way that codes cannot repeat.
    """
    names = _names_of(copy, parts)
    entries = [part for part in parts(copy) if _is_entry(part, names)]
    if not names or not entries:
        return None
    used = sorted({place for entry in entries for place in _used(entry, names)})
    if not all(_kind(entry) in _PICKING for entry in entries):
        used = list(range(len(names)))
    places = {place: at for at, place in enumerate(used)}
    table = Table(names=tuple(names[place] for place in used))
    _Coder(table).recode_all(entries, [places.get(place, -1) for place in range(len(names))])
    for part in parts(copy):
        if _same_names(part, names) and "n_features_in_" in vars(part):
            part.n_features_in_ = len(used)
        vars(part).pop("_sklearn_output_config", None)  # numbers by their places, whatever it gave before
    return table


class _Coder:
    """Puts places where names of columns stand, and codes where texts stand."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._seen: set[int] = set()
        self._outermost: Any = None

    def recode_all(self, entries: Sequence[Any], places: Sequence[int]) -> None:
        """Recode the parts that take all inputs."""
        for entry in entries:
            self._outermost = entry
            if self.recode(entry, places) is not entry:
                raise Refused(
                    f"{_kind(entry)} has a category for missing texts", hint="put it into a ColumnTransformer"
                )

    def recode(self, part: Any, places: Sequence[int]) -> Any:
        """Return what takes these inputs as codes: the part itself, changed, or what stands for it."""
        if id(part) in self._seen or isinstance(part, str) or part is None:
            return part
        self._seen.add(id(part))
        kind = _kind(part)
        if kind == "Pipeline":
            self._walk(part, places)
        elif kind == "FeatureUnion":
            part.transformer_list = [
                (name, self.recode(step, places)) for name, step in part.transformer_list
            ]
        elif kind == "ColumnTransformer":
            self._pick(part, places)
        elif kind.startswith("HistGradientBoosting"):
            self.recode(part._preprocessor, places)
        elif "categories_" in vars(part):
            return self._encode(part, places)
        return part

    def _walk(self, part: Any, places: Sequence[int]) -> None:
        """Recode the first steps, as long as each column of one is the same column of the next."""
        waiting = []
        for at, (name, step) in enumerate(part.steps):
            if _kind(step) == "SimpleImputer" and not step.add_indicator:
                waiting.append(at)
                continue
            part.steps[at] = (name, self.recode(step, places))
            if step not in (None, "passthrough"):
                break
        for at in waiting:
            name, step = part.steps[at]
            part.steps[at] = (name, self._filled(step, places))

    def _filled(self, part: Any, places: Sequence[int]) -> Any:
        """Return what fills in the codes of texts, and numbers as before."""
        if not any(isinstance(fill, str) for fill in part.statistics_):
            return part
        fills = []
        for place, fill in zip(places, part.statistics_, strict=True):
            if isinstance(fill, str):
                known = self._table.texts.get(place, ())
                fills.append((len(known), float(known.index(fill)) if fill in known else _NEVER))
                self._table.closed.add(place)
            else:
                fills.append((0, float(fill)))
        return _filler(fills)

    def _pick(self, part: Any, places: Sequence[int]) -> None:
        names = list(map(str, part.feature_names_in_))
        chosen = []
        for name, transformer, columns in part.transformers_:
            if isinstance(transformer, str) and transformer == "drop":
                continue
            at = _picked(columns, names)
            recoded = self.recode(transformer, [places[each] for each in at])
            # A nested one takes what its own owner gives it; the outermost takes the columns that are used.
            taken = [places[each] for each in at] if part is self._outermost else at
            chosen.append((name, recoded, taken[0] if isinstance(columns, str) else taken))
        part.transformers_ = chosen
        part.transformers = list(chosen)
        part._columns = [taken for _, _, taken in chosen]
        part._transformer_to_input_indices = {name: list(np.atleast_1d(taken)) for name, _, taken in chosen}

    def _encode(self, part: Any, places: Sequence[int]) -> Any:
        fills: list[tuple[int, float] | None] = []
        for at, (place, known) in enumerate(zip(places, list(part.categories_), strict=True)):
            texts = tuple(value for value in known if isinstance(value, str))
            if not texts:
                fills.append(None)
                continue
            if self._table.texts.setdefault(place, texts) != texts or not _are_texts(known[: len(texts)]):
                raise Refused(
                    f"{_kind(part)} takes texts in column {self._table.names[place]!r} that another part of "
                    "the model knows otherwise, or that are mixed with numbers",
                    hint=_HINT,
                )
            # What follows the texts stands for what is missing: a code that no text has.
            part.categories_[at] = np.arange(len(known), dtype=np.float64)
            fills.append((len(texts), float(len(texts))) if len(known) > len(texts) else None)
            if len(known) > len(texts) or vars(part).get("handle_unknown") == "error":
                self._table.closed.add(place)
        return _before(_filler(fills), part) if any(fills) else part


def _filler(fills: Sequence[tuple[int, float] | None]) -> Any:
    """Return what puts a number in the place of unknown codes, column by column, or of missing numbers.

    For each column: how many codes are known (0: it holds numbers), and the number; None to leave it.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import OrdinalEncoder

    steps: list[tuple[str, Any, list[int]]] = []
    for at, each in enumerate(fills):
        count, number = each or (0, 0.0)
        step: Any = "passthrough"
        if each and count:
            known = [np.arange(count, dtype=np.float64)]
            step = OrdinalEncoder(categories=known, handle_unknown="use_encoded_value", unknown_value=-1)
        elif each:
            step = SimpleImputer(strategy="constant", fill_value=number)
        steps.append((str(at), step, [at]))
    made = ColumnTransformer(steps).fit(np.zeros((1, len(fills))))
    for at, each in enumerate(fills):
        if each and each[0]:
            made.named_transformers_[str(at)].unknown_value = each[1]
    return made


def _before(first: Any, then: Any) -> Any:
    from sklearn.pipeline import Pipeline

    return Pipeline([("missing", first), ("encoder", then)])


_PICKING = {"ColumnTransformer"}
_ENTRIES = {"ColumnTransformer", "OneHotEncoder", "OrdinalEncoder", "TargetEncoder", "Pipeline"}


def _kind(part: Any) -> str:
    return type(part).__name__ if type(part).__module__.startswith("sklearn.") else ""


def _is_entry(part: Any, names: Sequence[str]) -> bool:
    """Say whether a part takes all the inputs, by name or as texts."""
    if not _same_names(part, names):
        return False
    if _kind(part).startswith("HistGradientBoosting"):
        return vars(part).get("_preprocessor") is not None and bool(_texts_known(part._preprocessor))
    return _kind(part) in _ENTRIES - {"Pipeline"}


def _texts_known(part: Any) -> list[str]:
    encoder = part.named_transformers_["encoder"]
    return [value for known in encoder.categories_ for value in known if isinstance(value, str)]


def _same_names(part: Any, names: Sequence[str]) -> bool:
    known = vars(part).get("feature_names_in_")
    return known is not None and list(map(str, known)) == list(names)


def _names_of(model: Any, parts: Callable[[Any], Iterator[Any]]) -> list[str]:
    """Return the names that the outermost part which knows any was trained with."""
    for part in parts(model):
        if "feature_names_in_" in vars(part):
            return list(map(str, part.feature_names_in_))
    return []


def _used(entry: Any, names: Sequence[str]) -> Iterable[int]:
    if _kind(entry) not in _PICKING:
        return range(len(names))
    return [
        place
        for _, transformer, columns in entry.transformers_
        if not (isinstance(transformer, str) and transformer == "drop")
        for place in _picked(columns, list(names))
    ]


def _picked(columns: Any, names: list[str]) -> list[int]:
    """Return the places of columns that were picked by names, places, a mask or a slice."""
    if isinstance(columns, str):
        return [names.index(columns)]
    if isinstance(columns, slice):
        if isinstance(columns.start, str) or isinstance(columns.stop, str):
            start = names.index(columns.start) if columns.start is not None else 0
            stop = names.index(columns.stop) + 1 if columns.stop is not None else len(names)
            return list(range(len(names)))[start : stop : columns.step]
        return list(range(len(names)))[columns]
    chosen = list(np.atleast_1d(np.asarray(columns, dtype=object)))
    if chosen and all(isinstance(column, (bool, np.bool_)) for column in chosen):
        return [place for place, is_taken in enumerate(chosen) if is_taken]
    return [names.index(each) if isinstance(each, str) else int(each) % len(names) for each in chosen]


def _are_texts(values: Any) -> bool:
    return all(isinstance(value, str) for value in values)


def _pandas() -> Any:
    try:
        return import_module("pandas")
    except ModuleNotFoundError as error:
        raise Refused(
            "a model that takes columns by name is asked with a table of pandas, which is not installed",
            hint="pip install pandas",
        ) from error
