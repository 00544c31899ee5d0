from __future__ import annotations

from pathlib import Path

import pytest

from deploy.targets.amazon import moto, moto_server, rendering, two_packages  # noqa: F401 - fixtures
from deploy.targets.rendered import Make, maker
from deploy.targets.stand_in import stand_in  # noqa: F401


@pytest.fixture
def make(packages: dict[str, Path], tmp_path: Path) -> Make:
    return maker(packages, tmp_path / "release")
