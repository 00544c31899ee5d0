"""Settings that cannot work are refused at once, not after an hour of training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.app.keeping import check_records_settings
from kervan.app.planned import check_replicas
from kervan.core.access import check_doors
from kervan.core.called import located
from kervan.core.errors import InvalidConfig
from kervan.core.features import called
from kervan.core.identity import check_name
from kervan.core.plugins import plugin, plugins, which_meant
from kervan.core.toml import toml_value
from kervan.core.workspace import doors_of
from kervan.data.checks.usable import check_said
from kervan.model.families.registry import is_foreign, recipes_of
from kervan.package.proving.build import served_format
from kervan.package.proving.ready import check_ready
from kervan.package.writing.formats.native import NATIVE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kervan.core.config import Config
    from kervan.core.recipe import Recipe

_LARGEST_SEED = 2**32 - 1  # of NumPy's generators
_LARGEST_PORT = 65_535


def check_settings(config: Config) -> None:
    """Raise `InvalidConfig` or `InvalidInput` for a setting that would only fail later on the way.

    What depends on the table (columns, target, metric) is checked where the table is read.
    """
    check_name(config.dataset_name, "a dataset")
    check_name(config.model_name, "a model")
    recipes = recipes_of(config.model.families, config.folder, config.model.candidates)
    if config.release.to:
        check_name(config.release.to, "an environment")
        check_doors(config.release.host, doors_of(config))
    _check_formats(config.package.formats)
    _check_native(config, recipes)
    _check_functions(config, recipes)
    _check_numbers(config)
    check_replicas(config.release)
    for check in config.data.checks:
        check_said(check)
    check_records_settings(config)
    check_ready(formats_of(config))


def _check_formats(formats: tuple[str, ...]) -> None:
    if not formats:
        raise InvalidConfig("[package] formats: none is named", hint='for example formats = ["onnx"]')
    known = plugins("format")
    for name in formats:
        if name not in known:
            raise InvalidConfig(
                f"[package] formats: there is no format {name!r}", hint=which_meant("format", name)
            )
    served_format(formats)


def formats_for(config: Config, recipe: Recipe) -> tuple[str, ...]:
    """Return the formats in which a model of a recipe is written: `native` only where it can be.

    It holds objects of scikit-learn alone. Nobody who named it is served otherwise: see `check_settings`.
    """
    return tuple(name for name in formats_of(config) if name != NATIVE or not is_foreign(recipe))


def formats_of(config: Config) -> tuple[str, ...]:
    """Return the formats of a project: of those that nobody named, the ones that hold its functions."""
    if _are_named(config) or not called(config.model.features):
        return config.package.formats
    return tuple(name for name in config.package.formats if plugin("format", name).about.holds_functions)


def _are_named(config: Config) -> bool:
    return ("package", "formats") in config.origins


def _check_functions(config: Config, recipes: Mapping[str, Recipe]) -> None:
    """Raise `InvalidConfig` for features that are functions where a format or a family cannot hold them."""
    features = called(located(config.model.features, config.folder))
    if not features:
        return
    what = f"[[model.features]] {features[0].name!r} is a Python function, {features[0].call}"
    for name in formats_of(config):
        if not plugin("format", name).about.holds_functions:
            raise InvalidConfig(
                f"[package] formats: {name} cannot hold it: {what}",
                hint='formats = ["native"], or write the feature as an expression',
            )
    foreign = next((name for name, recipe in recipes.items() if is_foreign(recipe)), "")
    if foreign:
        raise InvalidConfig(
            f"[model] families: {foreign} cannot be written as {NATIVE}, which alone holds functions: {what}",
            hint="leave the family out, or write the feature as an expression",
        )


def _check_native(config: Config, recipes: Mapping[str, Recipe]) -> None:
    named = NATIVE in config.package.formats and _are_named(config)
    foreign = next((name for name, recipe in recipes.items() if is_foreign(recipe)), "")
    if named and foreign:
        raise InvalidConfig(
            f"[package] formats: a model of the family {foreign} cannot be written as {NATIVE}, which holds "
            "objects of scikit-learn alone",
            hint=f"{_without_native(config.package.formats)}, or leave the family out",
        )


def _without_native(formats: tuple[str, ...]) -> str:
    """Return the line that names the formats without `native`."""
    rest = [name for name in formats if name != NATIVE] or ["onnx"]
    return f"formats = {toml_value(rest)}"


def _check_numbers(config: Config) -> None:
    bounds: tuple[tuple[str, float, float, float], ...] = (
        ("[model] seed", config.model.seed, 0, _LARGEST_SEED),
        ("[package] tolerance", config.package.tolerance or 0.0, 0, 1),
        ("[release] port", config.release.port, 0, _LARGEST_PORT),
        ("[release] slow", config.release.slow, 0, float("inf")),
        ("[watch] psi", config.watch.psi, 0, float("inf")),
        ("[watch] alpha", config.watch.alpha, 0, 1),
    )
    for name, value, low, high in bounds:
        if not low <= value <= high:
            to = "" if high == float("inf") else f" to {high:,.0f}"
            raise InvalidConfig(f"{name}: {value} cannot be used", hint=f"give a number from {low:g}{to}")
