"""The target that runs the very image on this machine, with real podman."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from containers import PLATFORM, answered, free_port
from kervan.core.errors import ServerFailed
from kervan.core.places import ImageSettings
from kervan.core.serving import Plan
from kervan.deploy.image.build import build
from kervan.deploy.rendered import write_files
from kervan.deploy.targets.container import ContainerTarget
from kervan.testing import TargetSuite
from kervan.testing.sample import ROWS
from kervan.testing.target import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from containers import Podman
    from kervan.core.ports import Target
    from kervan.deploy.image.build import Order

PLAN = Plan(target="local-container", port=0, memory=512 << 20, image=ImageSettings(platform=PLATFORM))


@pytest.mark.service
class TestContainer(TargetSuite):
    """What every target has to do, and what this one does besides."""

    is_here = True

    def adapter(self) -> Target:
        return ContainerTarget()

    def plan(self) -> Plan:
        return PLAN

    @pytest.fixture
    def place(
        self,
        sample_packages: dict[str, Path],
        image_order: Callable[..., Order],
        podman: Podman,
        tmp_path: Path,
    ) -> Iterator[Site]:
        for version, package in sample_packages.items():
            wanted = image_order(package=package)
            if podman.run("image", "exists", wanted.reference).returncode:
                podman.load(build(wanted, tmp_path / version, lambda _: None))
        folder = tmp_path / "üretim ı"
        folder.mkdir()
        site = Site(folder, self.adapter(), sample_packages, PLAN)
        yield site
        site.target.remove(folder)

    def test_a_release_that_does_not_come_up_leaves_the_old_one(self, place: Site, tmp_path: Path) -> None:
        """One without room is killed, and that is what is said; the old one answers at its port again."""
        plan = replace(PLAN, port=free_port())
        site = replace(place, plan=plan)
        url = site.release("1.0.0")
        small = replace(plan, memory=24 << 20)
        write_files(site.folder, site.target.render(site.serving("2.0.0"), small))
        with pytest.raises(ServerFailed, match=r"too much memory: 25 MB are allowed"):
            site.target.apply(site.folder, small)
        self.until(url, "gelir@1.0.0")
        assert site.release("2.0.0") == url
        assert self.model_at(url) == "gelir@2.0.0"

    def until(self, url: str, model: str) -> None:
        assert answered(url, [dict(ROWS[0])])[0]["model"] == model

    def test_it_tells_what_it_wrote_and_how_to_get_in(self, place: Site, podman: Podman) -> None:
        place.release("1.0.0")
        assert "gelir@1.0.0" in "\n".join(place.target.logs(place.folder, 5))
        program, *command = place.target.shell(place.folder)
        assert program == podman.program
        command.remove("-it")
        assert podman(*command, "-c", "id -u; touch /x || echo sealed").splitlines() == ["10001", "sealed"]

    def test_an_image_for_another_machine_is_refused_before(self, place: Site) -> None:
        other = replace(
            PLAN, image=ImageSettings(platform="linux/arm64" if "amd64" in PLATFORM else "linux/amd64")
        )
        (found,) = place.target.check(place.folder, other)
        assert "which this machine is not" in found.message

    def test_doors_to_others_are_not_for_it(self, place: Site) -> None:
        (found,) = place.target.check(place.folder, replace(PLAN, host="0.0.0.0"))
        assert "answers this machine alone" in found.message

    def test_a_port_that_is_taken_is_said(self, place: Site) -> None:
        with socket.create_server(("127.0.0.1", 0)) as held:
            site = replace(place, plan=replace(PLAN, port=held.getsockname()[1]))
            with pytest.raises(ServerFailed, match="did not start") as failed:
                site.release("1.0.0")
            assert "change [release] port" in failed.value.hint
