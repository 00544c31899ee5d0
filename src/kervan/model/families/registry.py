"""Which families there are, ours and the user's, and which of them an output can be predicted by."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidConfig, MissingExtra, Refused, did_you_mean
from kervan.core.plugins import EXTRAS
from kervan.core.recipe import Recipe
from kervan.core.telling import telling
from kervan.flow.fingerprint import fingerprint
from kervan.flow.loaded import load_file
from kervan.model.families.combined import COMBINED
from kervan.model.families.family import Family
from kervan.model.families.linear import BASELINE as _BASELINE
from kervan.model.families.linear import LINEAR, OTHERS
from kervan.model.families.preparing import space_of_spread, spread
from kervan.model.families.trees import TREES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kervan.core.schema import Signature
    from kervan.core.searching import CandidateSettings
    from kervan.model.families.family import Parameters, Space

BASELINE = _BASELINE.name
FAMILIES = {family.name: family for family in (*LINEAR, *OTHERS, *TREES, _BASELINE)}
_SETTING = "[model] families"
_OWN_RANK = 3


def family_of(recipe: Recipe) -> Family:
    """Return the family of a recipe. Raises `InvalidConfig` for one that does not exist."""
    if recipe.file:
        return _own(recipe)
    if recipe.members:
        return COMBINED[recipe.family]
    if recipe.family not in FAMILIES:
        raise InvalidConfig(
            f"there is no model family {recipe.family!r}", hint=did_you_mean(recipe.family, FAMILIES)
        )
    return FAMILIES[recipe.family]


def recipes_of(
    families: Iterable[str], folder: Path, candidates: Iterable[CandidateSettings] = ()
) -> dict[str, Recipe]:
    """Return a recipe by its name for each family's defaults, and for each candidate that is given whole.

    A family written `module:name` lies in `folder`. Raises `InvalidConfig` if one does not exist or nothing
    is named but the baseline, `MissingExtra` for one whose library is not installed.
    """
    given = [_given(each, folder) for each in candidates]
    names = list(dict.fromkeys(families))
    found = {**{name: _usable(name, folder) for name in names}, **{each.told: each for each in given}}
    if all(each.family == BASELINE for each in found.values()):
        beside = " beside the baseline, which is there to be beaten" if found else ""
        others = ", ".join(name for name in FAMILIES if name != BASELINE)
        raise InvalidConfig(f"no model family is named{beside}", hint=f"choose from: {others}")
    return found


def _given(said: CandidateSettings, folder: Path) -> Recipe:
    """Return the recipe of `[[model.candidates]]`."""
    place = f"[[model.candidates]] {said.family}"
    if not said.members:
        if said.family in COMBINED:
            raise InvalidConfig(f"{place}: an ensemble needs members", hint='members = [{ family = "tree" }]')
        return replace(_usable(said.family, folder), parameters=said.parameters)
    if said.family not in COMBINED:
        raise InvalidConfig(f"{place}: this is no ensemble", hint=f"choose from: {', '.join(COMBINED)}")
    if said.weights and len(said.weights) != len(said.members):
        raise InvalidConfig(
            f"{place}: {len(said.members)} members have {len(said.weights)} weights", hint="give one each"
        )
    if said.weights and (min(said.weights) < 0 or not any(said.weights)):
        raise InvalidConfig(
            f"{place}: {list(said.weights)} are no weights",
            hint="give numbers of 0 or more, one of them above 0",
        )
    members = tuple(_given(each, folder) for each in said.members)
    return Recipe(said.family, said.parameters, members, said.weights)


def is_foreign(recipe: Recipe) -> bool:
    """Whether a model of this recipe holds objects of another library than scikit-learn, or of the user's."""
    if recipe.members:
        return any(map(is_foreign, recipe.members))
    return bool(recipe.file or family_of(recipe).needs)


def check_fit(recipes: Iterable[Recipe], signature: Signature) -> None:
    """Raise `InvalidConfig` for a family that cannot predict such an output."""
    for recipe in recipes:
        if not family_of(recipe).fits(signature):
            what = "a class" if signature.is_classification else "a number"
            fitting = [name for name, each in FAMILIES.items() if each.fits(signature)]
            raise InvalidConfig(
                f"{_SETTING}: {recipe.family} predicts no {what.split()[1]}, and {signature.output.name!r} "
                f"is {what}",
                hint=f"choose from: {', '.join(fitting)}",
            )


def check_parameters(recipes: Iterable[Recipe], signature: Signature) -> None:
    """Raise `InvalidConfig` for a parameter that a family does not have, or a value that it cannot take."""
    for recipe in recipes:
        check_parameters(recipe.members, signature)
        if not recipe.members and not recipe.file:
            _check_parameters(recipe, signature)


def check_writable(recipe: Recipe, signature: Signature) -> None:
    """Raise `Refused` for a class of the user's own: no format holds code, so none can hold its objects."""
    for member in recipe.members:
        check_writable(member, signature)
    if not recipe.file:
        return
    model = type(family_of(recipe).build(signature, 0, recipe.parameters)[-1])
    if model.__module__ == load_file(Path(recipe.file), setting=_SETTING).__name__:
        raise Refused(
            f"{recipe.family}: {model.__name__} is a class of that file, and no format can hold its objects",
            hint="let a function return an estimator of scikit-learn, LightGBM, XGBoost or CatBoost",
        )


def _check_parameters(recipe: Recipe, signature: Signature) -> None:
    asked = _Asked(recipe.parameters)
    place = f"[[model.candidates]] {recipe.family}"
    try:
        steps = family_of(recipe).build(signature, 0, asked)
        if hasattr(steps[-1], "_parameter_constraints"):  # as scikit-learn's own say what they take
            steps[-1]._validate_params()
    except (TypeError, ValueError) as error:
        raise InvalidConfig(f"{place}: {error}", hint="give it a value of another kind") from error
    for name in recipe.parameters:
        if name not in asked.names:
            raise InvalidConfig(
                f"{place}: there is no parameter {name!r}", hint=did_you_mean(name, sorted(asked.names))
            )


class _Asked(Mapping[str, Any]):
    """Parameters that remember by which names they were asked for."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.names.add(name)
        return self._given[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)


def _usable(name: str, folder: Path) -> Recipe:
    if ":" in name:
        module, _, attribute = name.partition(":")
        path = folder / f"{module.replace('.', '/')}.py"
        return Recipe(name, file=str(path), code=fingerprint(_maker(path, attribute)))
    family = family_of(Recipe(name))
    if family.needs and find_spec(family.needs) is None:
        raise MissingExtra(family.needs, EXTRAS[family.needs])
    return Recipe(name)


def _own(recipe: Recipe) -> Family:
    """Make a family of a class or function of the user's that gives a scikit-learn estimator."""
    path, attribute = Path(recipe.file), recipe.family.partition(":")[2]
    maker = _maker(path, attribute)

    def build(signature: Signature, seed: int, parameters: Parameters) -> list[Any]:
        given = {name: value for name, value in parameters.items() if name not in space(signature)}
        with telling(path, f"{attribute} cannot be made"):
            model = maker(**given)
        if not hasattr(model, "fit") or not hasattr(model, "predict"):
            raise InvalidConfig(
                f"{_SETTING}: {recipe.family} gives a {type(model).__name__}, which is no estimator",
                hint="let a function return an estimator of scikit-learn, LightGBM, XGBoost or CatBoost",
            )
        if "random_state" in getattr(model, "get_params", dict)():
            model.set_params(random_state=seed)
        return [spread(signature, parameters, seed), model]

    def space(signature: Signature) -> Space:
        return space_of_spread(signature)

    return Family(name=recipe.family, build=build, space=space, rank=_OWN_RANK)


def _maker(path: Path, attribute: str) -> Callable[..., Any]:
    module = load_file(path, setting=_SETTING)
    if not hasattr(module, attribute):
        names = [
            name for name, each in vars(module).items() if callable(each) and not inspect.isbuiltin(each)
        ]
        raise InvalidConfig(
            f"{_SETTING}: {path.name} has no {attribute!r}", hint=did_you_mean(attribute, names)
        )
    maker: Callable[..., Any] = getattr(module, attribute)
    if not inspect.isclass(maker) and not inspect.isfunction(maker):
        raise InvalidConfig(
            f"{_SETTING}: {attribute!r} of {path.name} is neither a class nor a function",
            hint="let a function return an estimator of scikit-learn, LightGBM, XGBoost or CatBoost",
        )
    return maker
