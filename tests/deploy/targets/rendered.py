"""Renders targets into folders, as a release does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from kervan.core.places import ImageSettings
from kervan.core.plugins import plugin
from kervan.core.serving import Plan, Rival, Serving, ShareRole

IMAGE = ImageSettings(registry="registry.example.org/team")


@dataclass
class Rendering:
    """What a target makes of a release: its files, in a folder."""

    folder: Path
    serving: Serving
    plan: Plan

    @property
    def target(self) -> Any:
        return plugin("target", self.plan.target)

    def render(self) -> dict[str, str]:
        files = {str(path): text for path, text in self.target.render(self.serving, self.plan).items()}
        for name, text in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(text)
        return files

    def documents(self) -> list[dict[str, Any]]:
        """Return all objects of all YAML files."""
        texts = (text for name, text in self.render().items() if name.endswith(".yaml"))
        return [each for text in texts for each in yaml.safe_load_all(text)]

    def one(self, kind: str, name: str = "") -> dict[str, Any]:
        found = [each for each in self.documents() if each.get("kind") == kind]
        return next(each for each in found if name in {"", each["metadata"]["name"]})

    def kinds(self) -> list[str]:
        return [each["kind"] for each in self.documents() if "kind" in each]

    def apply(self) -> str:
        self.render()
        return str(self.target.apply(self.folder, self.plan))

    def findings(self) -> list[str]:
        """Return what is found before anything is sent, without what the place itself is asked."""
        self.render()
        return [each.message for each in self.target.check(self.folder, self.plan)]


Make = Callable[..., Rendering]


def maker(packages: dict[str, Path], folder: Path) -> Make:
    """Return a function that makes renderings into one folder.

    `candidate` gets a share, or with `role` stands by; what else is named goes into the plan, `settings` are
    the target's own.
    """

    def make(
        target: str,
        version: str = "1.0.0",
        *,
        candidate: float | None = None,
        role: ShareRole = ShareRole.CANDIDATE,
        deployment: str = "D1",
        **asked: Any,
    ) -> Rendering:
        rivals = (
            () if candidate is None else (Rival(package=str(packages["2.0.0"]), role=role, share=candidate),)
        )
        serving = Serving(
            environment="production",
            deployment=deployment,
            package=str(packages[version]),
            records="/nowhere",
            rivals=rivals,
        )
        plan = replace(Plan(target=target, image=IMAGE), **asked)
        folder.mkdir(exist_ok=True)
        return Rendering(folder, serving, plan)

    return make
