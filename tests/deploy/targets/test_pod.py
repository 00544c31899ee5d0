"""What is rendered for Kubernetes, run by podman: the only kubelet that is here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from containers import PLATFORM, Podman, answered, free_port
from deploy.targets.rendered import maker
from kervan.core.places import ImageSettings
from kervan.deploy.image.build import Image
from kervan.testing.sample import ROWS


@pytest.mark.service
def test_a_pod_of_the_manifests_answers(
    sample_packages: dict[str, Path], sample_image: Image, podman: Podman, tmp_path: Path
) -> None:
    podman.load(sample_image)
    asked: dict[str, Any] = {"memory": 512 << 20, "cpu": 0.5, "platform": True}
    rendering = maker(sample_packages, tmp_path / "release")(
        "kubernetes", image=ImageSettings(platform=PLATFORM), **asked
    )
    config, deployment = rendering.one("ConfigMap"), rendering.one("Deployment")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == sample_image.reference
    port = free_port()
    container["ports"][0]["hostPort"] = port  # which a Service makes needless in a cluster
    path = tmp_path / "pod.yaml"
    path.write_text(yaml.safe_dump_all([config, deployment]))
    try:
        podman("play", "kube", path)
        answer = answered(f"http://127.0.0.1:{port}", [ROWS[0]])
        assert answer[0]["model"] == "gelir@1.0.0"
    finally:
        podman("play", "kube", "--down", path, check=False)
