"""A release of the sample packages to a target, rendered into a folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kervan.core.nouns import Verdict
from kervan.core.serving import Plan, Rival, Serving, ShareRole
from kervan.deploy.rendered import write_files

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Rendering:
    target: Any
    folder: Path
    plan: Plan
    packages: dict[str, Path]

    def serving(self, version: str = "1.0.0", candidate: str = "", share: float = 0.1) -> Serving:
        rivals = ()
        if candidate:
            package = str(self.packages[candidate])
            rivals = (Rival(package=package, role=ShareRole.CANDIDATE, share=share),)
        return Serving(
            environment="production",
            deployment=f"D{version}",
            package=str(self.packages[version]),
            records="records",
            rivals=rivals,
        )

    def render(self, version: str = "1.0.0", candidate: str = "", share: float = 0.1) -> dict[str, str]:
        """Write what is rendered into the folder, and return it by names."""
        serving = self.serving(version, candidate, share)
        files = self.target.render(serving, self.plan)
        assert files == self.target.render(serving, self.plan)
        write_files(self.folder, files)
        return {path.as_posix(): text for path, text in files.items()}

    def body(self, name: str) -> Any:
        return json.loads((self.folder / f"{name}.json").read_text())

    def failures(self) -> list[str]:
        """What the place would refuse."""
        findings = self.target.check(self.folder, self.plan)
        return [each.message for each in findings if each.verdict is Verdict.FAILED]

    def apply(self) -> str:
        return str(self.target.apply(self.folder, self.plan))
