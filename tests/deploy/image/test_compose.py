"""Compose files are valid by the specification, promtool reads the rest, the server comes up."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from containers import PLATFORM, answered, free_port
from kervan.core.errors import ServerFailed
from kervan.core.places import ImageSettings
from kervan.core.serving import Plan
from kervan.deploy.rendered import write_files
from kervan.deploy.targets.compose import ComposeTarget
from kervan.testing.sample import ROWS
from kervan.testing.target import Site
from tools import tool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from containers import Podman
    from kervan.deploy.image.build import Image

KEPT = Path(__file__).parents[3] / "docs/monitoring"
PLAN = Plan(target="compose", memory=512 << 20, cpu=0.5, image=ImageSettings(platform=PLATFORM))
CLOSED = replace(PLAN, host="0.0.0.0", proxy="10.0.0.0/8", keys="/elsewhere/access.json")


@pytest.fixture
def site(sample_packages: dict[str, Path], tmp_path: Path) -> Site:
    folder = tmp_path / "release"
    folder.mkdir()
    return Site(folder, ComposeTarget(), sample_packages, PLAN)


def rendered(site: Site, plan: Plan) -> dict[str, Any]:
    write_files(site.folder, site.target.render(site.serving("1.0.0"), plan))
    found: dict[str, Any] = yaml.safe_load((site.folder / "compose.yaml").read_text())
    return found


def told(plan: Plan, **settings: Any) -> Plan:
    return replace(plan, settings=settings)


@pytest.mark.data
@pytest.mark.parametrize("plan", [PLAN, CLOSED, told(PLAN, database=False, collector=False)])
def test_it_is_valid_by_the_specification(site: Site, data_dir: Path, plan: Plan) -> None:
    schema = json.loads((data_dir.parent / "schemas/compose-spec.json").read_text())
    found = rendered(site, plan)
    validator = jsonschema.Draft7Validator(schema)
    validator.validate(found)
    found["services"]["server"]["imag"] = "planted"
    with pytest.raises(jsonschema.ValidationError, match="imag"):
        validator.validate(found)


@pytest.mark.service
@pytest.mark.parametrize("plan", [PLAN, CLOSED])
def test_promtool_reads_what_prometheus_gets(site: Site, plan: Plan) -> None:
    found = rendered(site, plan)
    config = site.folder / "prometheus.yml"
    config.write_text(config.read_text().replace("/run/secrets/metrics", str(site.folder / "alerts.yml")))
    asked = [tool("promtool"), "check", "config", str(config)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "8 rules found" in done.stdout
    (job,) = yaml.safe_load(config.read_text())["scrape_configs"]
    assert job["static_configs"][0]["targets"] == ["server:8080"]
    assert ("authorization" in job) == (plan is CLOSED)
    config.write_text(config.read_text().replace("scrape_configs", "scrape_konfigs"))
    assert subprocess.run(asked, capture_output=True, check=False).returncode != 0
    assert set(found["services"]) == {"server", "database", "prometheus", "grafana", "collector"}


def test_what_watches_is_what_the_documentation_shows(site: Site) -> None:
    rendered(site, PLAN)
    assert (site.folder / "alerts.yml").read_text() == (KEPT / "alerts.yml").read_text()
    shown = (site.folder / "grafana/dashboards/kervan.json").read_text()
    assert json.loads(shown) == json.loads((KEPT / "dashboard.json").read_text())


def test_no_secret_is_written_and_doors_are_closed_where_others_come(site: Site) -> None:
    server = rendered(site, CLOSED)["services"]["server"]
    assert "KERVAN_PLATFORM" not in server["environment"]
    assert server["secrets"] == [{"source": "keys", "target": "/run/secrets/kervan/access.json"}]
    assert "/elsewhere" not in (site.folder / "compose.yaml").read_text()
    alone = rendered(site, PLAN)["services"]["server"]
    assert alone["environment"]["KERVAN_PLATFORM"] == "1"
    assert alone["ports"] == ["127.0.0.1:8000:8080"]
    assert alone["read_only"]


def test_more_replicas_than_one_address_takes_are_said(site: Site) -> None:
    rendered(site, PLAN)
    found = site.target.check(site.folder, replace(PLAN, workers=2))  # type: ignore[attr-defined]
    assert "not 2" in found[-1].message


@pytest.fixture
def cleaned(podman: Podman) -> Iterator[None]:
    yield
    podman(
        "rm",
        "--force",
        "--filter",
        f"label=io.podman.compose.project=gelir-uretim-{os.getpid()}",
        check=False,
    )


@pytest.mark.service
def test_the_server_comes_up_by_podman_compose_and_what_fails_leaves_the_old_one(
    site: Site, sample_image: Image, podman: Podman, cleaned: None
) -> None:
    tool("podman-compose")
    podman.load(sample_image)
    lone = {"database": False, "monitoring": False, "collector": False}
    plan = replace(told(PLAN, **lone), port=free_port(), image=ImageSettings(platform=PLATFORM))
    alone = {"environment": f"üretim {os.getpid()}"}  # of other processes that run tests
    url = replace(site, plan=plan).release("1.0.0", **alone)
    assert answered(url, [dict(ROWS[0])])[0]["model"] == "gelir@1.0.0"
    assert site.target.runs(site.folder)
    assert "serving" in "\n".join(site.target.logs(site.folder, 20))  # type: ignore[attr-defined]
    missing = replace(plan, image=ImageSettings(registry="127.0.0.1:9/none"))
    with pytest.raises(ServerFailed):
        replace(site, plan=missing).release("2.0.0", **alone)
    assert answered(url, [dict(ROWS[0])])[0]["model"] == "gelir@1.0.0"
    site.target.remove(site.folder)
    assert not site.target.runs(site.folder)
