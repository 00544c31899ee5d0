"""What people say of datasets, the names that they give to versions, and how they find them."""

from __future__ import annotations

import operator
import re
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kervan.core.about import About
from kervan.core.errors import InvalidInput, did_you_mean
from kervan.core.identity import Ref, check_name
from kervan.core.nouns import Dataset
from kervan.core.when import read_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kervan.app.project import Project

SCOPE = "dataset"
_SIGN = re.compile(r"(>=|<=|=|:|>|<)")
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "=": operator.eq,
    ":": operator.eq,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is said anew of a dataset: None leaves it as it is, "" takes it back.

    `tag` and `untag` add and take away some tags, `tags` replaces all of them.
    """

    owner: str | None = None
    licence: str | None = None
    description: str | None = None
    tag: tuple[str, ...] = ()
    untag: tuple[str, ...] = ()
    tags: tuple[str, ...] | None = None
    access: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogued:
    """One dataset as the catalogue lists it."""

    ref: str
    rows: int
    columns: int
    target: str
    source: str
    time: float
    about: About
    aliases: tuple[str, ...]
    protected: tuple[str, ...]


def describe_data(project: Project, ref: str, change: Change, *, why: str = "") -> Dataset:
    """Say something else of a dataset, on record; its rows and its version stay what they are."""
    catalog = project.store.catalog
    dataset = catalog.find(Dataset, Ref.parse(ref))
    for tag in change.untag:
        if tag not in dataset.about.tags:
            hint = did_you_mean(tag, dataset.about.tags) if dataset.about.tags else "it has no tags"
            raise InvalidInput(f"{dataset.ref} has no tag {tag!r}", hint=hint)
    told = {
        name: value
        for name in ("owner", "licence", "description", "access")
        if (value := getattr(change, name)) is not None
    }
    known = dataset.about.tags if change.tags is None else change.tags
    tags = tuple(tag for tag in (*known, *change.tag) if tag not in change.untag)
    return _said(project, dataset, replace(dataset.about, **told, tags=tags), why)


def told_of(project: Project, dataset: Dataset) -> Dataset:
    """Return a dataset with what `[data.about]` says of it, put on record where that is new."""
    return _said(project, dataset, dataset.about.with_all_of(project.config.data.about), "kervan.toml")


def name_version(project: Project, ref: str, alias: str, *, why: str = "") -> Dataset:
    """Let an alias point to a version of a dataset from now on: `adult:gold`. What it named is on record."""
    dataset = project.store.catalog.find(Dataset, Ref.parse(ref))
    check_name(alias, "an alias")
    if not alias[0].isalpha():
        raise InvalidInput(f"{alias!r} looks like a version", hint="begin an alias with a letter")
    with project.store.catalog.transaction() as transaction:
        transaction.point(SCOPE, f"{dataset.name}:{alias}", dataset.id, why=why)
    return dataset


def aliases_of(project: Project, datasets: Iterable[Dataset]) -> dict[str, tuple[str, ...]]:
    """Return the aliases that point to each of some datasets now, by their ids."""
    history = project.store.catalog.alias_history(SCOPE)
    newest = {change.name: change.target for change in reversed(history)}
    return {
        dataset.id: tuple(
            sorted(name.partition(":")[2] for name, target in newest.items() if target == dataset.id)
        )
        for dataset in datasets
    }


def search_data(project: Project, text: str = "") -> list[Catalogued]:
    """Return the newest version of each dataset that fits, the newest first.

    Words are looked for in names, descriptions, tags, sources and columns. `tag:finance`, `owner:ayse`,
    `licence:`, `column:age`, `target:`, `alias:gold`, `name:` and `protected:email` name fields;
    `rows>1000`, `columns<=20` and `created>7d` compare. All has to fit. Raises `InvalidInput` that names the
    part which cannot be read.
    """
    wanted = [_condition(part) for part in _parts(text)]
    newest: dict[str, Dataset] = {}
    for dataset in project.store.catalog.all(Dataset):
        newest.setdefault(dataset.name, dataset)
    named = aliases_of(project, newest.values())
    return [
        _catalogued(dataset, named[dataset.id])
        for dataset in newest.values()
        if all(fits(dataset, named[dataset.id]) for fits in wanted)
    ]


def _said(project: Project, dataset: Dataset, about: About, why: str) -> Dataset:
    if about == dataset.about:
        return dataset
    changed = replace(dataset, about=about)
    with project.store.catalog.transaction() as transaction:
        transaction.update(changed, action="described", why=why)
    return changed


def _catalogued(dataset: Dataset, aliases: tuple[str, ...]) -> Catalogued:
    return Catalogued(
        ref=dataset.ref,
        rows=dataset.rows,
        columns=len(dataset.schema),
        target=dataset.target,
        source=dataset.origin.source,
        time=dataset.time,
        about=dataset.about,
        aliases=aliases,
        protected=tuple(dataset.protection),
    )


def _parts(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InvalidInput(f"{text!r} cannot be read: {error}", hint="close the quotation marks") from error


def _condition(part: str) -> Callable[[Dataset, tuple[str, ...]], bool]:
    """Return what says whether a dataset with some aliases fits one part of a search."""
    field, *rest = _SIGN.split(part, maxsplit=1)
    if not rest:
        return lambda dataset, aliases: _holds(part.casefold(), _words(dataset, aliases))
    sign, value = rest
    if field in _NUMBERS:
        return _compared(field, sign, value)
    if field not in _TEXTS or sign not in {":", "="}:
        hint = did_you_mean(field, (*_TEXTS, *_NUMBERS))
        raise InvalidInput(f"datasets cannot be searched by {part!r}", hint=hint)
    sought = value.casefold()
    return lambda dataset, aliases: any(sought in text.casefold() for text in _TEXTS[field](dataset, aliases))


def _compared(field: str, sign: str, value: str) -> Callable[[Dataset, tuple[str, ...]], bool]:
    try:
        bound = read_time(value) if field == "created" else float(value)
    except ValueError as error:
        raise InvalidInput(
            f"{field}{sign}{value}: {value!r} is no number", hint="write it like rows>1000"
        ) from error
    return lambda dataset, _: _COMPARED[sign](_NUMBERS[field](dataset), bound)


def _words(dataset: Dataset, aliases: tuple[str, ...]) -> list[str]:
    return [text for texts in _TEXTS.values() for text in texts(dataset, aliases)]


def _holds(word: str, texts: Iterable[str]) -> bool:
    return any(word in text.casefold() for text in texts)


_TEXTS: dict[str, Callable[[Dataset, tuple[str, ...]], Iterable[str]]] = {
    "name": lambda dataset, _: (dataset.name,),
    "tag": lambda dataset, _: dataset.about.tags,
    "owner": lambda dataset, _: (dataset.about.owner,),
    "licence": lambda dataset, _: (dataset.about.licence,),
    "description": lambda dataset, _: (dataset.about.description,),
    "access": lambda dataset, _: dataset.about.access,
    "alias": lambda _, aliases: aliases,
    "column": lambda dataset, _: dataset.schema.names,
    "target": lambda dataset, _: (dataset.target,),
    "source": lambda dataset, _: (dataset.origin.source,),
    "protected": lambda dataset, _: dataset.protection,
}
_NUMBERS: dict[str, Callable[[Dataset], float]] = {
    "rows": lambda dataset: dataset.rows,
    "columns": lambda dataset: len(dataset.schema),
    "bytes": lambda dataset: dataset.origin.size,
    "created": lambda dataset: dataset.time,
}
