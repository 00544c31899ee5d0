from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ui.visitor import visiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from journeys.home import Home
    from ui.visitor import Visitor


@pytest.fixture(scope="session")
def visitor(shop: Home) -> Iterator[Visitor]:
    """Somebody who looks at a project in the browser in which a model answers and was asked."""
    with visiting(shop.folder) as here:
        yield here
