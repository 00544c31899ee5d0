"""What the features of a signature are, checked before anything is trained: types and categories."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.core.features import appended
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.model.features.compile import Compiler, reads_of
from kervan.model.features.values import KINDS, Kind, Value
from kervan.package.encoding import encoded, encoded_parts, text_calls
from kervan.package.writing.neutral.build import Builder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from kervan.core.features import Feature
    from kervan.core.nouns import Finding

_TARGET = "the model predicts it"
_STEP = "let a step of [[data.steps]] make a column of it, which callers then give"
_BEHIND = "it stands behind, and where functions are among features each reads what stands before it"
_TYPES = {Kind.NUMBER: Type.NUMBER, Kind.TRUTH: Type.BOOLEAN, Kind.CATEGORY: Type.CATEGORY}


def computed(signature: Signature, reasons: Mapping[str, str] | None = None) -> tuple[Column, ...]:
    """Return the columns that expressions and functions add to what a model sees.

    `reasons` say of columns why no feature may read them. Raises `InvalidConfig` that names the
    feature, and what of its expression or columns has no meaning.
    """
    features = appended(signature.features)
    if not features:
        return ()
    _check_names(signature, features)
    refused = {signature.output.name: _TARGET, **(reasons or {})}
    refused |= dict.fromkeys((each.name for each in features), _BEHIND)
    builder = Builder(encoded(signature))
    columns = _values(signature, builder)
    found = []
    for run in runs_of(features):
        refused = {name: why for name, why in refused.items() if name not in {each.name for each in run}}
        for name, value in _run(run, builder, columns, refused):
            kind = _TYPES[value.kind]
            allowed = value.labels if kind is Type.CATEGORY else ()
            found.append(Column(name=name, type=kind, nullable=True, allowed=allowed))
    return tuple(found)


def runs_of(features: Iterable[Feature]) -> list[tuple[Feature, ...]]:
    """Return features in the order in which they stand, expressions together and functions together."""
    return [tuple(run) for _, run in groupby(features, key=lambda each: bool(each.call))]


def _run(
    run: Sequence[Feature], builder: Builder, columns: dict[str, Value], refused: Mapping[str, str]
) -> Iterator[tuple[str, Value]]:
    """Yield what expressions or functions give, and add it to the columns for what stands behind them."""
    if not run[0].call:
        compiler = Compiler(builder, dict(columns), run, lambda *_: (0.0,), refused)
        columns |= {each.name: compiler.column(each.name) for each in run}
    for feature in run:
        if feature.call:
            _check_columns(feature, columns, refused)
            columns[feature.name] = Value(kind=Kind.NUMBER, parts=(builder.take(0, [0]),))
        yield feature.name, columns[feature.name]


def _check_columns(feature: Feature, columns: Mapping[str, Value], refused: Mapping[str, str]) -> None:
    place = f"[[model.features]] {feature.name!r}, {feature.call}"
    for name in feature.of:
        if name not in columns:
            if name in refused:
                hint = "" if refused[name] in {_TARGET, _BEHIND} else _STEP
                raise InvalidConfig(f"{place}: {name!r} cannot be read: {refused[name]}", hint=hint)
            hint = f'{did_you_mean(name, columns)}; of = ["A b"] names columns whose names are no words'
            raise InvalidConfig(f"{place}: the model takes no column {name!r}", hint=hint)
        if columns[name].kind is Kind.WORDS and len(feature.of) > 1:
            raise InvalidConfig(
                f"{place}: {name!r} is a free text, and a function gets a free text alone",
                hint="let one function make a number of the text, and another one, behind it, take that",
            )


def readers_of(signature: Signature) -> dict[str, list[str]]:
    """Return for each column the features that read it."""
    features = {feature.name: feature for feature in appended(signature.features)}
    found: dict[str, list[str]] = {}
    for feature in features.values():
        for name in sorted(reads_of(feature, features)):
            found.setdefault(name, []).append(feature.name)
    return found


def unread(left_out: Iterable[Finding]) -> dict[str, str]:
    """Return the columns that a model leaves out, with the reason."""
    return {each.subject: each.message.partition("model: ")[2] for each in left_out}


def with_appended(signature: Signature) -> Signature:
    """Return the signature of the encoded matrix behind which expressions and functions stand."""
    matrix = encoded(signature)
    taken = set(matrix.inputs.names)
    added = []
    for column in computed(signature):
        name = column.name
        while name in taken:  # the encoding of a time or a text may have taken it
            name = f"_{name}"
        taken.add(name)
        added.append(Column(name=name, type=column.type, nullable=True, allowed=column.allowed))
    return replace(matrix, inputs=Schema((*matrix.inputs, *added)))


def columns_of(signature: Signature) -> list[dict[str, Any]]:
    """Return of each input its name, what it is, its categories or words, and its places in the matrix.

    Of a free text also where there is what functions answer about it.
    """
    found, place = [], 0
    for column, parts in encoded_parts(signature):
        answered = [each.name for each in text_calls(signature, column)]
        behind = place + len(parts) - len(answered)
        answers = {name: behind + at for at, name in enumerate(answered)}
        found.append(
            {
                "name": column.name,
                "kind": str(KINDS[column.type]),
                "labels": list(column.words if column.type is Type.TEXT else column.allowed),
                "places": list(range(place, behind)),
                **({"answers": answers} if answers else {}),
            }
        )
        place += len(parts)
    return found


def _values(signature: Signature, builder: Builder) -> dict[str, Value]:
    """Return the inputs as values, for a form that nobody scores."""
    return {
        each["name"]: Value(
            kind=Kind(each["kind"]),
            parts=tuple(builder.take(0, [place]) for place in each["places"]),
            labels=tuple(each["labels"]),
        )
        for each in columns_of(signature)
    }


def _check_names(signature: Signature, features: Iterable[Feature]) -> None:
    seen = {signature.output.name: "the target", **dict.fromkeys(signature.inputs.names, "a column")}
    for feature in features:
        if feature.name in seen:
            raise InvalidConfig(
                f"[[model.features]] {feature.name!r}: {seen[feature.name]} has this name already",
                hint="give the feature another name",
            )
        seen[feature.name] = "a feature"
