"""Images that cannot be made, or containers that may not start, say so in words that help."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from containers import PLATFORM
from deploy.image.endings import first_line
from kervan.core.errors import Corrupted, InvalidConfig, NotFound, Refused
from kervan.deploy.image.build import build
from kervan.deploy.image.layout import MANIFEST, Descriptor, Layout, descriptor_of, to_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from containers import Podman
    from kervan.deploy.image.build import Image, Order

OTHER = {"linux/amd64": "linux/arm64", "linux/arm64": "linux/amd64"}[PLATFORM]


def refused(order: Order, tmp_path: Path) -> Exception:
    with pytest.raises((Corrupted, InvalidConfig, NotFound, Refused)) as found:
        build(order, tmp_path / "made", lambda _: None)
    assert not (tmp_path / "made").exists()
    assert found.value.hint
    return found.value


def changed_base(base: Path, folder: Path, **changes: object) -> str:
    """Copy a base's layout, with changes in its configuration."""
    shutil.copytree(base, folder)
    layout = Layout(folder)
    (descriptor,) = layout.manifests
    manifest = layout.read(descriptor)
    config = layout.read(descriptor_of(manifest["config"])) | changes
    manifest["config"] = layout.put(to_json(config), manifest["config"]["mediaType"]).told()
    (folder / "index.json").unlink()
    found = layout.put(to_json(manifest), MANIFEST)
    Layout.at(folder).name(Descriptor(kind=MANIFEST, digest=found.digest, size=found.size))
    return str(folder)


def test_a_base_for_another_machine(
    image_order: Callable[..., Order], base_image: Path, tmp_path: Path
) -> None:
    base = changed_base(base_image, tmp_path / "base", architecture=OTHER.partition("/")[2])
    assert f"is for {OTHER}, and the image is to be for {PLATFORM}" in str(
        refused(image_order(base=base), tmp_path)
    )


def test_a_base_without_python(image_order: Callable[..., Order], base_image: Path, tmp_path: Path) -> None:
    told = {"Env": ["PATH=/opt/nothing"]}
    base = changed_base(base_image, tmp_path / "base", config=told)
    assert "holds no Python" in str(refused(image_order(base=base), tmp_path))


def test_a_layer_that_was_altered(
    image_order: Callable[..., Order], base_image: Path, tmp_path: Path
) -> None:
    base = tmp_path / "base"
    shutil.copytree(base_image, base)
    layout = Layout(base)
    layer = descriptor_of(layout.read(layout.manifests[0])["layers"][0])
    with layout.path(layer.digest).open("ab") as file:
        file.write(b"\0")
    assert "altered" in str(refused(image_order(base=str(base)), tmp_path))


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"base": " "}, "base names no image"),
        ({"extras": ("grcp",)}, "Kervan has no extra 'grcp'"),
        ({"requirements": ("lightgbm==4.6.0",)}, "there is no wheel for lightgbm==4.6.0 in"),
        ({"wheels": "nowhere"}, "there are none in"),
        ({"files": {"/opt/x": "missing.txt"}}, "there is no "),
        ({"files": {"../x": "missing.txt"}}, "is no path in an image"),
        ({"entry": "missing.sh"}, "there is no "),
        ({"base": "/nowhere.tar"}, "there is no image in /nowhere.tar"),
    ],
)
def test_settings_that_cannot_be(
    image_order: Callable[..., Order], tmp_path: Path, told: dict[str, object], said: str
) -> None:
    assert said in str(refused(image_order(**told), tmp_path))


@pytest.mark.service
def test_a_container_with_open_doors_does_not_start(sample_image: Image, podman: Podman) -> None:
    said = first_line(podman, podman.load(sample_image))
    assert "there are no keys, and no platform" in said["message"]
    assert "/run/secrets/kervan/access.json" in said["kervan.hint"]


@pytest.mark.service
def test_a_package_that_was_changed_or_is_not_signed_does_not_answer_in_a_container(
    sample_image: Image, podman: Podman, sample_package: Path, tmp_path: Path
) -> None:
    known = podman.load(sample_image)
    changed = shutil.copytree(sample_package, tmp_path / "changed")
    with (changed / "onnx/matrix.onnx").open("ab") as file:
        file.write(b"\0")
    mounted = ("-v", f"{changed}:/opt/kervan/package:ro")
    assert "matrix.onnx" in first_line(podman, known, *mounted, KERVAN_PLATFORM="1")["message"]
    unsigned = shutil.copytree(sample_package, tmp_path / "unsigned")
    (unsigned / "signature.json").unlink()
    mounted = ("-v", f"{unsigned}:/opt/kervan/package:ro")
    assert "is not signed" in first_line(podman, known, *mounted, KERVAN_PLATFORM="1")["message"]
    other = first_line(podman, known, KERVAN_PLATFORM="1", KERVAN_TRUSTED="somebody")
    assert "none of those that you trust" in other["message"]
