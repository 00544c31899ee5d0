"""The stages of a model that compute features, one after the other, and what columns each leaves behind.

First expressions and functions, over what the row holds; then what changes columns in their place, in the
order in which it is written. A selection comes last of all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from zlib import crc32

from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.core.schema import Column, Schema, Type
from kervan.model.features.signature import with_appended
from kervan.package.encoding import ANSWER, DAYS, SECONDS, TIMES, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kervan.core.features import Feature
    from kervan.core.schema import Signature

_BUCKETS = 16
_RARE = "rare"
_RARE_SHARE = 0.01
_CALENDAR = {DAYS, SECONDS}
_TOOLS = {  # of scikit-learn
    "standard": "StandardScaler",
    "robust": "RobustScaler",
    "minmax": "MinMaxScaler",
    "yeo-johnson": "PowerTransformer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What changes some columns of a matrix: their places, what is done, and what comes of it."""

    places: tuple[int, ...]
    how: str
    column: Column
    becomes: tuple[Column, ...]


def staged(signature: Signature) -> tuple[Signature, tuple[Stage, ...]]:
    """Return the signature of the matrix with all features, and the stages behind what is appended to it.

    Raises `InvalidConfig` for a feature of a column that there is not, or of one of another kind.
    """
    found = with_appended(signature)
    columns = list(found.inputs)
    stages = []
    for feature in signature.features:
        for stage in _stages(feature, columns, signature):
            stages.append(stage)
            for place, column in zip(stage.places, stage.becomes, strict=False):
                columns[place] = column
            columns += stage.becomes[len(stage.places) :]
    if sum(feature.select is not None for feature in signature.features) > 1:
        raise InvalidConfig("[[model.features]] select: it is said twice", hint="leave one of them out")
    return replace(found, inputs=Schema(tuple(columns))), tuple(stages)


def transformers(stages: Sequence[Stage], signature: Signature, seed: int) -> list[Any]:
    """Return what computes stages, not yet fitted."""
    from kervan.model.features.ready import Changed

    return [Changed(list(each.places), _tool(each, signature, seed)) for each in stages]


def selection(signature: Signature, columns: Schema, seed: int) -> list[Any]:
    """Return what keeps the columns of a matrix that tell most, if that is wanted."""
    from kervan.model.features.ready import Selected

    nothing = [UNKNOWN if column.type is Type.CATEGORY else 0.0 for column in columns]
    return [
        Selected(
            each.select.keep,
            each.select.by,
            nothing,
            is_classification=signature.is_classification,
            seed=seed,
        )
        for each in signature.features
        if each.select is not None
    ]


def _stages(feature: Feature, columns: Sequence[Column], signature: Signature) -> Iterator[Stage]:
    for name in (*feature.scale, *feature.power):
        place, column = _found(feature, name, columns)
        if column.type not in {Type.INTEGER, Type.NUMBER} or column.unit in _CALENDAR:
            raise _unfit(feature, column, "numbers")
        becomes = Column(name=name, type=Type.NUMBER, nullable=True)
        yield Stage(places=(place,), how=feature.way, column=column, becomes=(becomes,))
    for name, how in feature.encode.items():
        place, column = _found(feature, name, columns)
        if column.type is not Type.CATEGORY:
            raise _unfit(feature, column, "categories")
        taken = {each.name for each in columns} - {name}
        encoded = tuple(_encoded(column, how, signature, taken))
        yield Stage(places=(place,), how=how, column=column, becomes=encoded)


def _encoded(column: Column, how: str, signature: Signature, taken: set[str]) -> Iterator[Column]:
    """Yield the columns that an encoding makes of one of categories."""
    if how in {"rare", "hash"}:
        buckets = tuple(f"{number}" for number in range(_BUCKETS))
        rare = column.allowed if _RARE in column.allowed else (*column.allowed, _RARE)
        yield replace(column, nullable=True, allowed=buckets if how == "hash" else rare)
        return
    labels = signature.output.allowed
    names = {
        "one-hot": [f"{column.name} = {label}" for label in column.allowed],
        "target": [f"{column.name} of {label}" for label in labels] if len(labels) > 2 else [column.name],
        "ordinal": [column.name],
    }[how]
    for name in names:
        while name in taken:
            name = f"_{name}"  # noqa: PLW2901
        taken.add(name)
        yield Column(name=name, type=Type.NUMBER, nullable=True)


def _tool(stage: Stage, signature: Signature, seed: int) -> Any:
    """Return the transformer of a stage."""
    from sklearn import preprocessing
    from sklearn.model_selection import KFold, StratifiedKFold

    if stage.how in _TOOLS:
        return getattr(preprocessing, _TOOLS[stage.how])()
    codes = [float(code) for code in range(len(stage.column.allowed))]
    if stage.how == "one-hot":
        return preprocessing.OneHotEncoder(categories=[codes], handle_unknown="ignore", sparse_output=False)
    if stage.how == "target":
        folds = StratifiedKFold if signature.is_classification else KFold
        cv = folds(5, shuffle=True, random_state=seed)
        return preprocessing.TargetEncoder(target_type=_target_type(signature), cv=cv)
    return _recoding(stage, codes)


def _recoding(stage: Stage, codes: list[float]) -> Any:
    from kervan.model.features.ready import Recoded

    if stage.how == "ordinal":
        return Recoded(codes, is_number=True)
    if stage.how == "hash":
        return Recoded([float(crc32(label.encode()) % _BUCKETS) for label in stage.column.allowed])
    rare = stage.becomes[0].allowed.index(_RARE)
    return Recoded(codes, share=_RARE_SHARE, rare=float(rare))


def _target_type(signature: Signature) -> str:
    if not signature.is_classification:
        return "continuous"
    return "binary" if len(signature.output.allowed) == 2 else "multiclass"


def _found(feature: Feature, name: str, columns: Sequence[Column]) -> tuple[int, Column]:
    for place, column in enumerate(columns):
        if column.name == name and column.unit not in {TIMES, ANSWER}:
            return place, column
    hint = did_you_mean(name, [column.name for column in columns])
    raise InvalidConfig(f"[[model.features]] {feature.verb}: the model takes no column {name!r}", hint=hint)


def _unfit(feature: Feature, column: Column, wanted: str) -> InvalidConfig:
    kind = "dates or times" if column.unit in _CALENDAR else str(column.type)
    return InvalidConfig(
        f"[[model.features]] {feature.verb}: {column.name!r} is of the type {kind}, and this is for {wanted}"
    )
