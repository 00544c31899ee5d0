from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from journeys.home import Home
from ui.visitor import visiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ui.visitor import Visitor


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A project whose model answers in `üretim` and was asked for 120 predictions; tests only look at it."""
    folder = tmp_path_factory.mktemp("dükkân") / "Müşteri Kaybı"
    folder.mkdir()
    here = Home(folder)
    try:
        here.start().ask("run", "--quiet", "--why", "ilk sürüm")
        here.write("istek.csv", "yaş,şehir,gelir,0\n" + "39,İstanbul,20000.5,0.5\n" * 120)
        here.ask("predict", "üretim", "-f", "istek.csv")
        yield here
    finally:
        here.stop()


@pytest.fixture(scope="session")
def visitor(shop: Home) -> Iterator[Visitor]:
    """Somebody who looks at that project in the browser."""
    with visiting(shop.folder) as here:
        yield here
