"""Images made without a daemon: the same bytes each time, and real podman runs them as the place would."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from containers import answered, running
from kervan.deploy.client import ask
from kervan.deploy.image.build import build
from kervan.deploy.image.recipe import Recipe
from kervan.testing.sample import ROWS
from serve.live import running as local

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from containers import Podman
    from kervan.deploy.image.build import Image, Order

pytestmark = pytest.mark.sampled


def test_an_image_that_is_made_twice_has_one_digest(
    sample_image: Image, image_order: Callable[..., Order], tmp_path: Path
) -> None:
    again = build(replace(image_order(), cache=tmp_path), tmp_path / "again", lambda _: None)
    assert again.digest == sample_image.digest
    assert (again.folder / "requirements.lock").read_text() == (
        sample_image.folder / "requirements.lock"
    ).read_text()
    for each in (sample_image, again):
        each.layout.pack(each.folder / "image.tar", each.digest, each.reference)
    assert (sample_image.folder / "image.tar").read_bytes() == (again.folder / "image.tar").read_bytes()


@pytest.mark.service
def test_an_image_answers_in_a_container_that_may_do_nothing_else(
    sample_image: Image,
    image_order: Callable[..., Order],
    podman: Podman,
    sample_package: Path,
    tmp_path: Path,
) -> None:
    """It is held to a read-only root, no rights and little memory, and ends by SIGTERM within its grace."""
    with running(podman, podman.load(sample_image), KERVAN_PLATFORM="1") as container:
        found = answered(container.url, [dict(ROWS[0])])
        assert podman("exec", container.ident, "id", "-u") == "10001"
        podman("exec", container.ident, *Recipe(manifest=image_order().manifest, python="python3").health)
        podman("stop", "--time", "20", container.ident)
        assert podman("inspect", "--format", "{{.State.ExitCode}}", container.ident) == "0"
    with local(tmp_path, sample_package) as server:
        (expected,) = ask(server.serving.url(server.port), [dict(ROWS[0])])
    assert {**found[0], "id": ""} == {**expected, "id": ""}


@pytest.mark.service
def test_with_steps_podman_makes_it_and_files_and_the_script_are_there(
    image_order: Callable[..., Order], podman: Podman, tmp_path: Path
) -> None:
    asked = image_order(
        steps=("RUN mkdir -p /opt && echo made > /opt/step",),
        files={"/opt/kervan/note.txt": "note.txt"},
        entry="entry.sh",
    )
    order = replace(asked, project=tmp_path)
    (tmp_path / "note.txt").write_text("of mine")
    (tmp_path / "entry.sh").write_text('#!/bin/sh\nexport KERVAN_ENVIRONMENT="$(cat /opt/step)"\nexec "$@"\n')
    made = build(order, tmp_path / "made", lambda _: None)
    assert (made.folder / "bom.cdx.json").is_file()
    with running(podman, podman.load(made), KERVAN_PLATFORM="1") as container:
        assert answered(container.url, [dict(ROWS[0])])
        assert podman("exec", container.ident, "cat", "/opt/kervan/note.txt", "/opt/step") == "of minemade"
