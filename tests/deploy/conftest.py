from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kervan.core.serving import Plan, Serving
from kervan.deploy.process import stop
from kervan.deploy.targets.local import LocalTarget
from serve.live import Live
from serve.real_packages import CLASSIFICATION, make_package

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("packages")
    return {
        version: make_package(folder / version, CLASSIFICATION, version) for version in ("1.0.0", "2.0.0")
    }


@dataclass
class Place:
    """A folder of releases, and how to release into it."""

    folder: Path
    packages: dict[str, Path]
    plan: Plan = field(default_factory=Plan)

    def render(self, version: str = "1.0.0", deployment: str = "D1", **changes: Any) -> None:
        values = {
            "environment": "üretim",
            "deployment": deployment,
            "package": str(self.packages[version]),
            "records": str(self.folder / "records"),
            "port": 0,
            **changes,
        }
        for path, text in LocalTarget().render(Serving(**values), self.plan).items():
            (self.folder / path).write_text(text)

    def release(self, version: str = "1.0.0", deployment: str = "D1", **changes: Any) -> str:
        self.render(version, deployment, **changes)
        return self.apply()

    def apply(self) -> str:
        return LocalTarget().apply(self.folder, self.plan)


@pytest.fixture
def place(packages: dict[str, Path], tmp_path: Path) -> Iterator[Place]:
    folder = tmp_path / "üretim ı"
    folder.mkdir()
    yield Place(folder, packages)
    stop(folder)


@pytest.fixture
def second(packages: dict[str, Path], tmp_path: Path) -> Iterator[Callable[[], Place]]:
    folder = tmp_path / "second"
    folder.mkdir()
    yield lambda: Place(folder, packages)
    stop(folder)


@pytest.fixture
def serving(packages: dict[str, Path], tmp_path: Path) -> Callable[..., Serving]:
    def make(version: str = "1.0.0", deployment: str = "D1", **told: Any) -> Serving:
        values = {"port": 0, "workers": 2, **told}
        return Serving(
            environment="production",
            deployment=deployment,
            package=values.pop("package", str(packages[version])),
            records=str(tmp_path / "records"),
            **values,
        )

    return make


@pytest.fixture
def two(serving: Callable[..., Serving], tmp_path: Path) -> Iterator[Live]:
    folder = tmp_path / "server"
    folder.mkdir()
    server = Live(folder, serving())
    server.start()
    yield server
    server.kill()
