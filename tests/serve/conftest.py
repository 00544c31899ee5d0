from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from kervan.core.serving import Serving
from serve.live import Live, running
from serve.real_packages import CLASSIFICATION, NUMERIC, REGRESSION, make_package

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Four real packages: two versions of a classification, a regression, and one of numbers alone."""
    folder = tmp_path_factory.mktemp("packages")
    return {
        "1.0.0": make_package(folder / "1", CLASSIFICATION, "1.0.0"),
        "2.0.0": make_package(folder / "2", CLASSIFICATION, "2.0.0"),
        "regression": make_package(folder / "3", REGRESSION, "1.0.0", name="kira"),
        "numeric": make_package(folder / "4", NUMERIC, "1.0.0", name="numeric"),
    }


@pytest.fixture
def serving(packages: dict[str, Path], tmp_path: Path) -> Callable[..., Serving]:
    def make(package: str = "1.0.0", deployment: str = "D1", port: int = 0) -> Serving:
        return Serving(
            environment="production",
            deployment=deployment,
            package=str(packages[package]),
            records=str(tmp_path / "records"),
            port=port,
        )

    return make


@pytest.fixture
def live(serving: Callable[..., Serving], tmp_path: Path) -> Iterator[Callable[..., Live]]:
    """Start real server processes; what still runs at the end is ended."""
    started: list[Live] = []

    def start(package: str = "1.0.0", **told: Any) -> Live:
        folder = tmp_path / f"server-{len(started)}"
        folder.mkdir()
        server = Live(folder, replace(serving(package), **told))
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.kill()


@pytest.fixture(scope="module")
def shared(packages: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One server for the tests that only ask."""
    with running(tmp_path_factory.mktemp("shared"), packages["1.0.0"]) as server:
        yield server


@pytest.fixture(scope="module")
def several(packages: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Two versions of one model and a regression, and a folder in which there is one more."""
    folder = tmp_path_factory.mktemp("protocols")
    shutil.copytree(packages["numeric"], folder / "store" / "numeric")
    others = (str(packages["2.0.0"]), str(packages["regression"]))
    with running(folder, packages["1.0.0"], others=others, folder=str(folder / "store")) as live:
        live.until(lambda: live.ask("GET", "/v2/models/numeric/ready").status == 200)
        yield live
