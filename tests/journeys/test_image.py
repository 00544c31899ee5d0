"""A model goes into an image, to a registry, through a scan, and into a container of this machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from containers import PLATFORM, Podman
from journeys.home import SETTINGS, Home

if TYPE_CHECKING:
    from pathlib import Path

ROW = {"yaş": 30, "şehir": "Ankara", "gelir": 20000.0, "0": 0.5}


@pytest.mark.service
def test_a_model_goes_into_an_image_and_answers_from_a_container(
    base_image: Path, wheelhouse: Path, registry: str, podman: Podman, tmp_path: Path
) -> None:
    image = f"""
[image]
registry = "{registry}/team"
base = "{base_image}"
wheels = "{wheelhouse}"
platform = "{PLATFORM}"
"""
    home = Home(tmp_path, environ=podman.environ).start(
        settings=SETTINGS.replace('to = "üretim"\n', "") + image
    )
    home.ask("run", "--quiet")
    built = home.ask("image", "build", "müşteri-kaybı", "-o", "out.tar", "--json").json
    assert built["reference"] in podman("load", "--input", tmp_path / "out.tar")
    assert [each["title"] for each in built["layers"]] == ["base", "wheels", "kervan", "package"]
    again = home.ask("image", "build", "müşteri-kaybı", "--again", "--json").json
    assert again["digest"] == built["digest"]

    pushed = home.ask("image", "push", "müşteri-kaybı", "--json").json
    assert pushed["reference"].startswith(f"{registry}/team/musteri-kaybi:1.0.0-")
    assert "is there" in home.ask("image", "push", "müşteri-kaybı").err

    found = {"introduced": "0"}
    affected = {
        "package": {"ecosystem": "PyPI", "name": "numpy"},
        "ranges": [{"type": "ECOSYSTEM", "events": [found]}],
    }
    planted = {"id": "TEST-1", "affected": [affected], "database_specific": {"severity": "HIGH"}}
    home.write("advisories/TEST-1.json", json.dumps(planted))
    scanned = home.ask("image", "scan", "müşteri-kaybı", "--advisories", str(tmp_path / "advisories"), code=4)
    assert "TEST-1" in scanned.out
    mild = ("--fail-on", "critical")
    home.ask("image", "scan", "müşteri-kaybı", "--advisories", str(tmp_path / "advisories"), *mild)

    try:
        home.ask("deploy", "müşteri-kaybı", "--target", "local-container", "--to", "üretim", "--why", "trial")
        inside = home.predict(ROW)
        assert "serving" in home.ask("logs", "üretim").out
        home.ask("deploy", "müşteri-kaybı", "--target", "local", "--to", "burada", "--why", "the same")
        file = home.write("istek.json", json.dumps(ROW))
        here = home.ask("predict", "burada", "-f", str(file), "--json").json[0]
        assert inside["probabilities"] == here["probabilities"]
    finally:
        for name in ("üretim", "burada"):
            home.ask("release", "--stop", "--to", name, "--why", "seen", code=None)
        home.stop()
