"""Every fault that the page on troubleshooting names, planted: what is said is what the page says."""

from __future__ import annotations

import json
import re
import shutil
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from containers import PLATFORM, answered, free_port, running
from deploy.image.endings import first_line
from kervan.core.access import Grant, Grants, Secret
from kervan.core.errors import KervanError
from kervan.core.identity import sha256
from kervan.core.places import ImageSettings
from kervan.core.serving import Plan, Serving
from kervan.deploy.image.registry import push
from kervan.deploy.reference import read_reference
from kervan.deploy.rendered import write_files
from kervan.deploy.targets.container import ContainerTarget

if TYPE_CHECKING:
    from collections.abc import Callable

    from containers import Podman
    from kervan.deploy.image.build import Image

pytestmark = pytest.mark.service
PAGE = Path(__file__).parents[3] / "docs/how-to/troubleshoot-a-deployment.md"
SAID = re.findall(r"^\| `([^`]+)` \| [A-Z]", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
OTHER = {"linux/amd64": "linux/arm64", "linux/arm64": "linux/amd64"}[PLATFORM]


class Site:
    """A machine with podman, on which things go wrong."""

    def __init__(self, image: Image, package: Path, podman: Podman, folder: Path) -> None:
        self.image, self.package, self.podman, self.folder = image, package, podman, folder

    def begun(self, *options: str, **told: str) -> str:
        """Return what a container says that does not start."""
        said = first_line(self.podman, self.podman.load(self.image), *options, **told)
        return f"{said['message']} {said.get('kervan.hint', '')}"

    def deployed(self, **changes: object) -> str:
        """Return what is said of a release into a container of this machine."""
        self.podman.load(self.image)
        plan = replace(
            Plan(target="local-container", port=0, image=ImageSettings(platform=PLATFORM)),
            **changes,  # type: ignore[arg-type]
        )
        target = ContainerTarget()
        serving = Serving(environment="trial", deployment="D", package=str(self.package), records="/nowhere")
        write_files(self.folder, target.render(serving, plan))
        found = [each.message for each in target.check(self.folder, plan)]
        if found:
            return "; ".join(found)
        with pytest.raises(KervanError) as refused:
            target.apply(self.folder, plan)
        return f"{refused.value} {refused.value.hint}"


def without_keys(site: Site) -> str:
    return site.begun()


def without_an_extra(site: Site) -> str:
    return site.begun(KERVAN_PLATFORM="1", KERVAN_GRPC_PORT="8081")


def for_another_machine(site: Site) -> str:
    return site.deployed(image=ImageSettings(platform=OTHER))


def with_little_memory(site: Site) -> str:
    return site.deployed(memory=24 << 20)


def at_a_taken_port(site: Site) -> str:
    with running(site.podman, site.podman.load(site.image), KERVAN_PLATFORM="1") as other:
        return site.deployed(port=int(other.url.rpartition(":")[2]))


def without_a_place_for_records(site: Site) -> str:
    return site.begun(KERVAN_PLATFORM="1", KERVAN_RECORDS="/usr/records")


def without_a_signature(site: Site) -> str:
    unsigned = shutil.copytree(site.package, site.folder / "unsigned")
    (unsigned / "signature.json").unlink()
    return site.begun("-v", f"{unsigned}:/opt/kervan/package:ro", KERVAN_PLATFORM="1")


def with_a_clock_ahead(site: Site) -> str:
    """For the server the key has expired, as it has where the clock is a day ahead."""
    token = "kv_" + "0" * 26 + "_" + "a" * 43
    grant = Grant(
        id="0" * 26,
        scopes=("predict",),
        secrets=(Secret(sha256=sha256(token.encode())),),
        expires=time.time() - 1,
    )
    keys = site.folder / "access.json"
    keys.write_bytes(msgspec.json.encode(Grants(keys=(grant,))))
    keys.chmod(0o644)
    mounted = ("-v", f"{keys}:/run/secrets/kervan/access.json:ro")
    with running(site.podman, site.podman.load(site.image), *mounted) as container:
        with suppress(KervanError):
            answered(container.url, [{}])
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        request = urllib.request.Request(f"{container.url}/predict", b"{}", headers)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=30)
        with refused.value:
            return str(json.load(refused.value)["detail"])


def without_a_registry(site: Site) -> str:
    reference = read_reference(f"127.0.0.1:{free_port()}/team/gelir:1.0.0")
    with pytest.raises(KervanError) as refused:
        push(site.image.layout, reference, site.image.descriptor, lambda _: None)
    return str(refused.value)


FAULTS: tuple[Callable[[Site], str], ...] = (
    without_keys,
    without_an_extra,
    for_another_machine,
    with_little_memory,
    at_a_taken_port,
    without_a_place_for_records,
    without_a_signature,
    with_a_clock_ahead,
    without_a_registry,
)


def test_every_fault_of_the_page_is_planted() -> None:
    assert len(SAID) == len(FAULTS)


@pytest.mark.parametrize(
    ("said", "fault"), [*zip(SAID, FAULTS, strict=True)], ids=[each.__name__ for each in FAULTS]
)
def test_what_is_said_is_what_the_page_says(
    said: str,
    fault: Callable[[Site], str],
    sample_image: Image,
    sample_package: Path,
    podman: Podman,
    tmp_path: Path,
) -> None:
    assert said in fault(Site(sample_image, sample_package, podman, tmp_path))
