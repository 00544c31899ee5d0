"""Settings that cannot work are refused at once, not after an hour of training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.app.keeping import check_records_settings
from kervan.app.planned import check_replicas
from kervan.core.access import check_doors
from kervan.core.errors import InvalidConfig
from kervan.core.identity import check_name
from kervan.core.plugins import plugins, which_meant
from kervan.core.workspace import doors_of
from kervan.data.checks.usable import check_said
from kervan.model.candidates import check_families
from kervan.package.proving.build import served_format

if TYPE_CHECKING:
    from kervan.core.config import Config

_LARGEST_SEED = 2**32 - 1  # of NumPy's generators
_LARGEST_PORT = 65_535


def check_settings(config: Config) -> None:
    """Raise `InvalidConfig` or `InvalidInput` for a setting that would only fail later on the way.

    What depends on the table (columns, target, metric) is checked where the table is read.
    """
    check_name(config.dataset_name, "a dataset")
    check_name(config.model_name, "a model")
    check_families(config.model.families)
    if config.release.to:
        check_name(config.release.to, "an environment")
        check_doors(config.release.host, doors_of(config))
    _check_formats(config.package.formats)
    _check_numbers(config)
    check_replicas(config.release)
    for check in config.data.checks:
        check_said(check)
    check_records_settings(config)


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
