"""A model whose feature is a function of Python answers from its image, where the function is allowed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from containers import answered, running
from deploy.image.endings import first_line
from journeys.home import SETTINGS, Home
from kervan.deploy.image.build import build

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from containers import Podman
    from kervan.deploy.image.build import Order

SETTINGS_OF_FUNCTION = f"""{SETTINGS.replace('to = "üretim"', 'to = ""')}
[[model.features]]
name = "yıllar"
call = "insan:years"
"""
FUNCTION = """
import numpy as np
from kervan import feature

@feature
def years(yaş, gelir):
    return np.where(gelir > 20_000, 1_000 + yaş, -yaş)
"""
ROW = {"yaş": 30, "şehir": "Ankara", "gelir": 20_001.0, "0": 0.5}


@pytest.mark.service
def test_a_function_answers_from_its_image(
    image_order: Callable[..., Order], podman: Podman, tmp_path: Path
) -> None:
    """The image allows the very file that was packed; a variable allows another, or none."""
    home = Home(tmp_path).start(settings=SETTINGS_OF_FUNCTION)
    home.write("insan.py", FUNCTION)
    home.ask("run", "--quiet")
    package = tmp_path / "package"
    home.ask("package", "export", "müşteri-kaybı@1.0.0", str(package))
    order = replace(image_order(package=package, wheels=""), trusted=())
    image = podman.load(build(order, tmp_path / "made", lambda _: None))
    with running(podman, image, KERVAN_PLATFORM="1") as container:
        (below,), (above,) = (
            answered(container.url, [{**ROW, "gelir": income}]) for income in (19_999.0, 20_001.0)
        )
    assert below["model"] == above["model"] == "müşteri-kaybı@1.0.0"
    assert abs(below["probabilities"]["evet"] - above["probabilities"]["evet"]) > 0.01, "two lira do not"
    told = first_line(podman, image, KERVAN_PLATFORM="1", KERVAN_ALLOW="insan:others")
    assert "runs Python code that came with it: the feature 'yıllar' is insan:years" in told["message"]
    assert "KERVAN_ALLOW=insan:years" in told["kervan.hint"]
