"""Columns that a model computes for itself: `[[model.features]]`.

A feature is part of the model: what a row means is the same in training, on the server and in every written
format. Most are expressions over a row's columns, which `kervan.model.features` reads; others are ready-made
and named by a verb, or functions of the user's (`kervan.core.called`). What they learn they learn from the
rows that a model is fitted on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations, combinations_with_replacement

from kervan.core.called import OwnFeature, file_of
from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.core.reading import composed
from kervan.core.shaping import RowStep

_WRITTEN = 'write it like call = "geo:distance": a function in geo.py, marked with @kervan.feature'
_SELECTIONS = ("mutual_information", "f")
# What may stand beside each verb in `by`, the usual first.
WAYS: dict[str, tuple[str, ...]] = {
    "scale": ("standard", "robust", "minmax"),
    "power": ("yeo-johnson",),
    "interact": ("products", "polynomial"),
}
ENCODINGS = ("target", "ordinal", "one-hot", "rare", "hash")
_FILLS = ("mean", "median", "mode")
_VERBS = ("formula", "call", "scale", "power", "bins", "interact", "encode", "impute", "select")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """How many columns a model keeps of all, by what they tell of the target each alone."""

    keep: int
    by: str = "mutual_information"

    def __post_init__(self) -> None:
        if self.by not in _SELECTIONS:
            raise InvalidConfig(
                f"[[model.features]] select: there is no by = {self.by!r}",
                hint=did_you_mean(self.by, _SELECTIONS),
            )
        if self.keep < 1:
            raise InvalidConfig("[[model.features]] select: keep at least one column", hint="keep = 20")


@dataclass(frozen=True, slots=True)
class Feature:
    """A column that is computed from others: its name, and an expression, written `is` in `kervan.toml`.

    Instead of both stands one ready-made verb. `scale` and `power` change columns of numbers, `by` one of the
    ways; `bins` adds the number of the bin among so many `quantiles`; `interact` adds products; `encode` says
    how categories, and `impute` how what is missing becomes a number; `select` keeps what tells most.
    `call` names a function of the user's as `module:name` (see `kervan.feature`), which gets the columns
    `of`, by default those that its arguments are called like. `code` is the hash of its file: nobody sets it.

    >>> str(Feature("debt_ratio", "loan / max(income, 1)")), str(Feature(scale=("age",)))
    ('debt_ratio = loan / max(income, 1)', 'scale age by standard')
    >>> str(Feature("far", call="geo:distance", of=("from", "to")))
    'far = geo:distance(from, to)'
    """

    name: str = ""
    formula: str = field(default="", metadata={"written": "is"})
    call: str = ""
    of: tuple[str, ...] = ()
    code: str = field(default="", metadata={"written": ""})
    scale: tuple[str, ...] = ()
    power: tuple[str, ...] = ()
    bins: tuple[str, ...] = ()
    interact: tuple[str, ...] = ()
    encode: dict[str, str] = field(default_factory=dict)
    impute: dict[str, str] = field(default_factory=dict)
    select: Selection | None = None
    by: str = ""
    quantiles: int = 4

    def __post_init__(self) -> None:
        if not isinstance(self.call, str):
            raise InvalidConfig(
                f"features: {self.name!r} calls {self.call!r}",
                hint="give the function itself: features=[far]",
            )
        for name in ("name", "formula"):
            object.__setattr__(self, name, composed(getattr(self, name)))
        for name in ("of", "scale", "power", "bins", "interact"):
            object.__setattr__(self, name, tuple(map(composed, getattr(self, name))))
        for name in ("encode", "impute"):
            given = getattr(self, name)
            object.__setattr__(self, name, {composed(key): value for key, value in given.items()})
        self._check_verb()
        self._check_call()
        self._check_way()

    @property
    def verb(self) -> str:
        """What it does: "formula" for an expression."""
        return next(verb for verb in _VERBS if getattr(self, verb))

    @property
    def way(self) -> str:
        """How it does that, where there are several ways."""
        return self.by or WAYS.get(self.verb, ("",))[0]

    @property
    def told(self) -> str:
        """What it is, without its name: the expression, the function with its columns, or the verb."""
        if self.call:
            return f"{self.call}({', '.join(self.of)})"
        return self.formula or str(self)

    def __str__(self) -> str:
        if self.formula or self.call:
            return f"{self.name} = {self.told}"
        if self.select:
            return f"select {self.select.keep} by {self.select.by}"
        what = getattr(self, self.verb)
        if isinstance(what, dict):
            return f"{self.verb} {', '.join(f'{name} by {how}' for name, how in what.items())}"
        return f"{self.verb} {', '.join(what)}" + (f" by {self.way}" if self.way else "")

    def _check_verb(self) -> None:
        said = [verb for verb in _VERBS if getattr(self, verb)]
        place = f"[[model.features]] {self.name!r}" if self.name else "[[model.features]]"
        if len(said) != 1:
            raise InvalidConfig(
                f"{place}: it does not say what it is"
                if not said
                else f"{place}: it is {' and '.join(said)} at once",
                hint='one of is = "loan / income", call = "geo:distance", scale = ["age"], …',
            )
        is_named = bool(self.formula or self.call)
        if is_named != bool(self.name.strip()):
            what = "it has no name" if is_named else "only an expression or a function has a name"
            raise InvalidConfig(f"{place}: {what}", hint='name = "debt_ratio" and is = "loan / income"')

    def _check_call(self) -> None:
        if self.call and (not file_of(self.call) or ".py:" in self.call):
            raise InvalidConfig(
                f"[[model.features]] {self.name!r}: {self.call!r} names no function", hint=_WRITTEN
            )
        if self.of and not self.call:
            raise InvalidConfig(
                f"[[model.features]] {self.verb}: only a function has `of`", hint="leave `of` out"
            )

    def _check_way(self) -> None:
        allowed = WAYS.get(self.verb, ())
        if self.by and self.by not in allowed:
            raise InvalidConfig(
                f"[[model.features]] {self.verb}: there is no by = {self.by!r}", hint=_ways(self.by, allowed)
            )
        for name, how in self.encode.items():
            if how not in ENCODINGS:
                raise InvalidConfig(
                    f"[[model.features]] encode: {name!r} cannot be encoded by {how!r}",
                    hint=did_you_mean(how, ENCODINGS),
                )
        for name, how in self.impute.items():
            if how not in _FILLS:
                raise InvalidConfig(
                    f"[[model.features]] impute: {name!r} cannot be filled by {how!r}",
                    hint="no written format looks for neighbours: use mean, median or mode"
                    if how == "knn"
                    else did_you_mean(how, _FILLS),
                )
        if self.bins and not 2 <= self.quantiles <= 1_000:
            raise InvalidConfig("[[model.features]] bins: quantiles are 2 to 1,000", hint="quantiles = 4")
        if self.interact and len(self.interact) < 2:
            raise InvalidConfig("[[model.features]] interact: name two columns", hint='interact = ["a", "b"]')


def as_features(given: Iterable[object]) -> tuple[Feature, ...]:
    """Return features, of functions too, or raise `InvalidConfig` for what is none."""
    return tuple(each if isinstance(each, Feature) else _feature_of(each) for each in given)


def _feature_of(given: object) -> Feature:
    if isinstance(given, OwnFeature):
        source = given.source()
        return Feature(given.name, call=source.call, of=given.of, code=source.code)
    hint = 'write kervan.Feature("ratio", "loan / income")'
    if callable(given):
        hint = "write `@kervan.feature` above the function"
    raise InvalidConfig(f"features: {given!r} is no feature", hint=hint)


def appended(features: Iterable[Feature]) -> tuple[Feature, ...]:
    """Return the features that add a column: functions, and expressions, as which bins and products are told.

    >>> [str(each) for each in appended([Feature(interact=("a", "b")), Feature(bins=("a",))])]
    ['a × b = `a` * `b`', 'bin of a = bin(`a`, quantiles = 4)']
    """
    return tuple(each for feature in features for each in _appended(feature))


def called(features: Iterable[Feature]) -> tuple[Feature, ...]:
    """Return the features that are functions of the user's."""
    return tuple(each for each in features if each.call)


def codes(features: Iterable[Feature]) -> tuple[str, ...]:
    """Return the hashes of the files of functions."""
    return tuple(dict.fromkeys(each.code for each in called(features)))


def fills(features: Iterable[Feature]) -> tuple[RowStep, ...]:
    """Return what is to be filled before features are computed."""
    return tuple(
        RowStep(fill=(name,), by=how) for feature in features for name, how in feature.impute.items()
    )


def _appended(feature: Feature) -> Iterator[Feature]:
    if feature.formula or feature.call:
        yield feature
    for name in feature.bins:
        yield Feature(f"bin of {name}", f"bin(`{name}`, quantiles = {feature.quantiles})")
    pairs = combinations_with_replacement if feature.way == "polynomial" else combinations
    for one, other in pairs(feature.interact, 2):
        yield Feature(f"{one} × {other}", f"`{one}` * `{other}`")


def _ways(by: str, allowed: tuple[str, ...]) -> str:
    if by == "box-cox":
        return 'a number that is not above 0 has no such answer: use yeo-johnson, or is = "log(x)"'
    return did_you_mean(by, allowed) if allowed else "leave `by` out"
