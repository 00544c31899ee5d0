"""One image that the tests of images share: made once for each process that runs tests."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import pytest

from containers import CACHE
from kervan.core.places import ImageSettings
from kervan.deploy.image.build import Image, Order, build
from kervan.deploy.workload import image_of
from kervan.package.contents.readers.any import parse_manifest
from kervan.package.contents.signing import SigningKey
from kervan.testing.sample import SECRET, make_package

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PLATFORM = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}[platform.machine()]


@pytest.fixture(scope="session")
def sample_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_package(tmp_path_factory.mktemp("packages") / "1.0.0", "1.0.0")


@pytest.fixture(scope="session")
def order(
    sample_package: Path, base_image: Path, wheelhouse: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Order]:
    """Order an image of the sample package, with other settings where some are given."""
    folder = tmp_path_factory.mktemp("project")

    def make(package: Path = sample_package, registry: str = "", **told: object) -> Order:
        content = (package / "manifest.json").read_bytes()
        manifest = parse_manifest(content, "manifest.json")
        given = {"base": str(base_image), "wheels": str(wheelhouse), "platform": PLATFORM, **told}
        settings = ImageSettings(registry=registry, **given)  # type: ignore[arg-type]
        return Order(
            package=package,
            manifest=manifest,
            settings=settings,
            reference=image_of(manifest, settings),
            project=folder,
            cache=CACHE / "made",
            trusted=(SigningKey(SECRET).signer.key_id,),
        )

    return make


@pytest.fixture(scope="session")
def image(order: Callable[..., Order], tmp_path_factory: pytest.TempPathFactory) -> Image:
    return build(order(), tmp_path_factory.mktemp("image") / "made", lambda _: None)
