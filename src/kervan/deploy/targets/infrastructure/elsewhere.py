"""Targets that write files which somebody else applies."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from kervan.core.errors import Refused

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.core.places import Place
    from kervan.core.serving import Plan


class Elsewhere:
    """What all of them have in common: nothing is sent by Kervan, and nothing is known of what runs."""

    about: Place

    def apply(self, folder: Path, plan: Plan) -> NoReturn:
        """Say by what the files are applied."""
        raise Refused(
            f"{self.about.title} is not applied by Kervan",
            hint=f"`kervan render` writes the files; then: {self.about.tool}",
        )

    def remove(self, folder: Path) -> None:
        """Nothing was sent from here, so nothing is taken away."""

    def runs(self, folder: Path) -> bool:
        """What runs is not known here."""
        return False
