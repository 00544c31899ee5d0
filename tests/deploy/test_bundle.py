"""A package as a ZIP: the same bytes each time, all that it needs in it, and nothing that is too much."""

from __future__ import annotations

import json
import os
import platform
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from kervan.core.errors import Refused
from kervan.core.places import ImageSettings
from kervan.deploy import bundle as module
from kervan.deploy.bundle import LAMBDA, Bundle, look_at_bundle, write_bundle
from kervan.deploy.image.build import Order
from kervan.package.contents.readers.any import parse_manifest
from kervan.testing.sample import ROWS, make_package
from serve.runtimes import lambda_runtime

PLATFORM = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}[platform.machine()]
HERE = replace(LAMBDA, minor=11, glibc=(2, 36))  # the Python that runs the tests


@pytest.fixture(scope="session")
def order(wheelhouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Order:
    folder = tmp_path_factory.mktemp("bundle")
    package = make_package(folder / "1.0.0", "1.0.0")
    return Order(
        package=package,
        manifest=parse_manifest((package / "manifest.json").read_bytes(), "manifest.json"),
        settings=ImageSettings(wheels=str(wheelhouse), platform=PLATFORM),
        reference="",
        project=folder,
        cache=folder / "cache",
    )


@pytest.fixture(scope="session")
def bundle(order: Order, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    file = tmp_path_factory.mktemp("zip") / "1.0.0.zip"
    return write_bundle(order, HERE, file, {"access.json": b"{}"})


def test_the_same_package_gives_the_same_bytes(
    bundle: Bundle,
    order: Order,
    tmp_path: Path,
) -> None:
    again = write_bundle(order, HERE, tmp_path / "again.zip", {"access.json": b"{}"})
    assert again.file.read_bytes() == bundle.file.read_bytes()
    names = zipfile.ZipFile(bundle.file).namelist()
    assert names == sorted(names)
    assert {"handler.py", "access.json", "package/manifest.json", "kervan/serve/function.py"} <= set(names)


def test_it_is_within_the_limits_of_lambda(bundle: Bundle) -> None:
    assert bundle.unpacked < LAMBDA.unpacked
    assert list(look_at_bundle(bundle.file, LAMBDA)) == []


def test_what_is_too_much_names_the_largest_files(
    bundle: Bundle,
    order: Order,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = replace(HERE, unpacked=1 << 20, packed=1 << 20)
    monkeypatch.setattr(module, "_LEVEL", 0)
    found = list(look_at_bundle(bundle.file, small))
    assert "takes 1 MiB: the largest are" in found[0].message
    assert "numpy" in found[0].message
    assert "over the 1 MiB that are sent with a call" in found[1].message
    assert len(list(look_at_bundle(bundle.file, small, is_stored=True))) == 1
    with pytest.raises(Refused, match="MiB unpacked"):
        write_bundle(order, small, tmp_path / "never.zip")
    assert list(tmp_path.iterdir()) == []
    assert list(look_at_bundle(tmp_path / "none.zip", LAMBDA)) == []


@pytest.mark.service
def test_the_runtime_of_lambda_needs_nothing_beside_it(bundle: Bundle, tmp_path: Path) -> None:
    unpacked = tmp_path / "task"
    with zipfile.ZipFile(bundle.file) as archive:
        archive.extractall(unpacked)
    told = {"KERVAN_PACKAGE": "package", "KERVAN_RECORDS": "log", "PATH": os.environ["PATH"]}
    with lambda_runtime("handler.aws", told, tmp_path, alone_in=unpacked) as api:
        kind, answer = api.invoke(ROWS[0])
        log = (tmp_path / "log").read_text()
        assert (kind, answer.get("model")) == ("response", "gelir@1.0.0"), log
    (line,) = [each for each in log.splitlines() if "kervan.prediction" in each]
    assert json.loads(line)["record"]["id"] == answer["id"]
