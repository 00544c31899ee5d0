"""Asking a model by hand: the form that its signature makes, and the lines that ask it from elsewhere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.app.batch import Wanted, predict_row
from kervan.app.drift import training_profile
from kervan.app.environments import find_deployment
from kervan.app.predict import answering
from kervan.app.register import manifest_of
from kervan.app.snippets import address_of, curl, javascript, python
from kervan.core.errors import InvalidInput, NotFound
from kervan.core.schema import Type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kervan.app.project import Project
    from kervan.core.nouns import Model
    from kervan.core.schema import Column
    from kervan.data.profile import ColumnProfile, Profile

_LOWEST, _HIGHEST = 1, 99  # percent: between these quantiles training rows usually lay


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What a form asks for: one input, or (`is_input` is False) the column that says whom the row is about.

    `allowed` are the categories that training saw, all that there may be where `is_strict`. `minimum` and
    `maximum` are limits; 98 of 100 training rows lay from `low` to `high`. `example` is one to begin with.
    """

    name: str
    type: Type
    is_required: bool
    example: Any = None
    allowed: tuple[str, ...] = ()
    is_strict: bool = False
    minimum: float | None = None
    maximum: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    is_input: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How the model of an environment is asked by hand, and how by programs.

    `curl`, `python` and `javascript` ask for `example` at `address`; where `needs_key`, they take the key
    from the variable KERVAN_KEY.
    """

    environment: str
    model: str
    address: str
    needs_key: bool
    fields: tuple[Field, ...]
    example: dict[str, Any]
    curl: str
    python: str
    javascript: str


def form_of(project: Project, environment: str) -> Form:
    """Return how the model that answers in an environment is asked."""
    deployment = find_deployment(project, environment)
    model = answering(project, environment)
    fields = (*_fields(project, model), *_about(project, model))
    example = {each.name: each.example for each in fields if each.is_input and each.example is not None}
    return Form(
        environment=environment,
        model=model.ref,
        address=address_of(deployment),
        needs_key=bool(deployment.plan.keys),
        fields=fields,
        example=example,
        curl=curl(deployment, example),
        python=python(deployment, example),
        javascript=javascript(deployment, example),
    )


def ask_by_hand(project: Project, environment: str, texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the answer of an environment's model for a row whose values were written as texts.

    What is empty is missing. The answer has `flags`: what is not known or not used of the row.
    """
    row = row_of(project, answering(project, environment), texts)
    return predict_row(project, row, Wanted(flags=True), environment=environment)[0]


def row_of(project: Project, model: Model, texts: Mapping[str, str]) -> dict[str, Any]:
    """Return a row as a request holds it, or raise `InvalidInput` that names the column."""
    row = {
        column.name: _value(column, text)
        for column in model.signature.inputs
        if (text := texts.get(column.name, "").strip())
    }
    entity = project.config.data.entity
    if entity and entity not in row and texts.get(entity, "").strip():
        row[entity] = texts[entity].strip()
    return row


def _value(column: Column, text: str) -> Any:
    if column.type is Type.BOOLEAN:
        if text.lower() not in {"true", "false"}:
            raise InvalidInput(f"{column.name}: {text!r} is neither true nor false", hint="choose one")
        return text.lower() == "true"
    if column.type not in {Type.INTEGER, Type.NUMBER}:
        return text
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    is_whole = math.isfinite(number) and number == int(number)
    if not math.isfinite(number) or (column.type is Type.INTEGER and not is_whole):
        what, hint = ("whole number", "42") if column.type is Type.INTEGER else ("number", "0.5")
        raise InvalidInput(f"{column.name}: {text!r} is no {what}", hint=f"write it like {hint}")
    return int(number) if column.type is Type.INTEGER else number


def _fields(project: Project, model: Model) -> tuple[Field, ...]:
    profile = _profile(project, model)
    samples = manifest_of(project, model).samples
    sample = samples[0] if samples else {}
    return tuple(_field(each, sample, _known(profile, each.name)) for each in model.signature.inputs)


def _field(column: Column, sample: Mapping[str, Any], known: ColumnProfile | None) -> Field:
    numbers = known.numbers if known else None
    example = sample.get(column.name)
    if example is None:
        example = _example(column, known)
    return Field(
        name=column.name,
        type=column.type,
        is_required=not column.nullable,
        example=example,
        allowed=column.allowed,
        is_strict=column.unseen == "refuse",
        minimum=column.minimum,
        maximum=column.maximum,
        low=numbers.quantiles[_LOWEST] if numbers else None,
        high=numbers.quantiles[_HIGHEST] if numbers else None,
        unit=column.unit,
    )


def _example(column: Column, known: ColumnProfile | None) -> Any:
    """Return a value that the column may have: the one in the middle, or the most frequent."""
    if known is not None and known.numbers is not None:
        middle = known.numbers.median
        return round(middle) if column.type is Type.INTEGER else middle
    if known is not None and known.texts is not None and known.texts.top:
        most = known.texts.top[0].value
        return most == "true" if column.type is Type.BOOLEAN else most
    if column.type is Type.CATEGORY:
        return column.allowed[0] if column.allowed else None
    if column.type.is_numeric:
        least = column.minimum if column.minimum is not None else min(column.maximum or 0.0, 0.0)
        return {Type.BOOLEAN: False, Type.INTEGER: math.ceil(least)}.get(column.type, least)
    return (known.latest if known else "") or None


def _about(project: Project, model: Model) -> tuple[Field, ...]:
    entity = project.config.data.entity
    if not entity or entity in model.signature.inputs:
        return ()
    return (Field(name=entity, type=Type.TEXT, is_required=False, is_input=False),)


def _profile(project: Project, model: Model) -> Profile | None:
    try:
        return training_profile(project, model)
    except NotFound:
        return None


def _known(profile: Profile | None, name: str) -> ColumnProfile | None:
    columns = profile.columns if profile else ()
    return next((each for each in columns if each.name == name), None)
