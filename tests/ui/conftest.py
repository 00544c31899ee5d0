from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

import kervan as kv
from journeys.home import Home
from ui.visitor import visiting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ui.visitor import Visitor


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A project in the middle of its life: a model that answers, tries, labels, drift; tests look at it."""
    folder = tmp_path_factory.mktemp("dükkân") / "Müşteri Kaybı"
    folder.mkdir()
    here = Home(folder)
    try:
        here.start().ask("run", "--quiet", "--why", "ilk sürüm")
        here.write("istek.csv", "yaş,şehir,gelir,0\n" + "39,İstanbul,20000.5,0.5\n" * 120)
        answers = here.ask("predict", "üretim", "-f", "istek.csv", "--json").json
        labels = "".join(f"{each['id']},evet\n" for each in answers[:60])
        here.write("doğrular.csv", f"id,label\n{labels}")
        here.ask("feedback", "doğrular.csv", "üretim", "--quiet")
        here.ask("drift", "üretim", "--quiet", code=None)
        _try(folder)
        yield here
    finally:
        here.stop()


def _try(folder: Path) -> None:
    """Record two tries with curves."""
    with kv.open(folder) as workspace:
        for rate in (0.1, 0.3):
            with workspace.track("deneme", rate=rate, families=["linear"]) as run:
                for step in range(30):
                    run.log_metric("loss", math.exp(-rate * step), step=step)


@pytest.fixture(scope="session")
def visitor(shop: Home) -> Iterator[Visitor]:
    """Somebody who looks at that project in the browser."""
    with visiting(shop.folder) as here:
        yield here
