"""Whether what proves a format is there: asked before anything is trained, not an hour later."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from kervan.core.errors import KervanError, MissingExtra, MissingTool
from kervan.core.plugins import EXTRAS, plugin
from kervan.package.proving.build import Requiring

if TYPE_CHECKING:
    from collections.abc import Iterable


@runtime_checkable
class NeedsMore(Protocol):
    """A format that is proved by a program or a database, which has to be there."""

    def check_ready(self) -> None:
        """Raise `MissingTool` that says what to install or start."""


def check_ready(formats: Iterable[str]) -> None:
    """Raise `MissingTool` that names the first of these formats that cannot be proved here, and why."""
    for name in formats:
        try:
            adapter = plugin("format", name)
            if isinstance(adapter, Requiring):
                _check_installed(adapter.requires)
            if isinstance(adapter, NeedsMore):
                adapter.check_ready()
        except (MissingTool, MissingExtra) as error:
            hint = f"{error.hint}, or leave {name!r} out"
            raise MissingTool(
                f"[package] formats: {name!r} cannot be proved here: {error}", hint=hint
            ) from error


def _check_installed(distributions: Iterable[str]) -> None:
    for each in distributions:
        try:
            version(each)
        except PackageNotFoundError as error:
            raise _missing(each) from error


def _missing(distribution: str) -> KervanError:
    extra = EXTRAS.get(distribution.replace("-", "_"), "")
    if extra:
        return MissingExtra(distribution, extra)
    return MissingTool(f"{distribution} is not installed", hint=f"pip install {distribution}")
