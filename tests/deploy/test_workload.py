"""What runs in a place is called so that every place takes it, and no two are called alike."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from kervan.core.errors import InvalidConfig
from kervan.core.places import ImageSettings
from kervan.core.serving import Plan, Serving
from kervan.deploy.reference import read_reference
from kervan.deploy.workload import image_of, name_of, workload_of

LONG = "a" * 127
NAMES = ("income", "Income", "in.come", "in_come", "模型", "数据", "şehir", "sehir", f"{LONG}b", f"{LONG}c")


def test_no_two_are_called_alike() -> None:
    pairs = list(product(NAMES, repeat=2))
    names = {name_of(model, environment) for model, environment in pairs}
    assert len(names) == len(pairs)
    assert all(re.fullmatch(r"[a-z][a-z0-9-]{1,40}[a-z0-9]", each) for each in names)


@pytest.mark.parametrize("name", NAMES)
def test_labels_and_image_are_such(name: str, packages: dict[str, Path]) -> None:
    serving = Serving(environment="x", deployment="D", package=str(packages["1.0.0"]), records="r")
    work = workload_of(serving, Plan())
    unit = replace(work.main, manifest=replace(work.main.manifest, name=name))
    labels = replace(work, units=(unit,)).labels
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", each) for each in labels.values())
    assert read_reference(image_of(unit.manifest, ImageSettings())).tag


@pytest.mark.parametrize(
    ("registry", "said"),
    [
        ("http://name:secret@r.example/x", "holds a password"),
        ("name:secret@r.example/x", "holds a password"),
        ("https://r.example/x", "is an address"),
        ("Über/x", "none in which an image can lie"),
        ("r.example/x y", "none in which an image can lie"),
        ("r.example/UPPER", "none in which an image can lie"),
        ('r.example/x"\nrun: y', "none in which an image can lie"),
    ],
)
def test_a_registry_that_cannot_be_is_said(registry: str, said: str, packages: dict[str, Path]) -> None:
    serving = Serving(environment="x", deployment="D", package=str(packages["1.0.0"]), records="r")
    with pytest.raises(InvalidConfig, match=said) as found:
        workload_of(serving, Plan(image=ImageSettings(registry=registry)))
    assert "secret" not in str(found.value)


def test_a_platform_that_cannot_be_is_said(packages: dict[str, Path]) -> None:
    serving = Serving(environment="x", deployment="D", package=str(packages["1.0.0"]), records="r")
    with pytest.raises(InvalidConfig, match="'linux/foo' is none"):
        workload_of(serving, Plan(image=ImageSettings(platform="linux/foo")))
