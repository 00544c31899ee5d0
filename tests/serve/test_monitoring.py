"""The dashboard, the alerts and the scrape: of metrics that there are, and tried with Prometheus itself."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from serve.real_packages import ROW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serve.live import Live

FOLDER = Path(__file__).parents[2] / "docs" / "monitoring"
_WORDS = {"by", "sum", "rate", "increase", "histogram_quantile", "changes", "label_values", "min_over_time"}
_WORDS |= {"or", "offset"}


@pytest.fixture(scope="module")
def names(shared: Live) -> set[str]:
    """Every sample that a server tells, and `up`, which Prometheus adds."""
    assert shared.predict(ROW).status == 200
    text = shared.ask("GET", "/metrics").body.decode()
    families = list(text_string_to_metric_families(text))
    samples = {sample.name for family in families for sample in family.samples}
    return samples | {f"{family.name}_total" for family in families if family.type == "counter"} | {"up"}


def asked(expression: str) -> set[str]:
    """The metrics that a query names."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\bby \([^)]*\)|\boffset \w+|\"[^\"]*\"", " ", expression)
    return set(re.findall(r"[a-z_]{2,}", bare)) - _WORDS


def queries(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            if name in {"expr", "definition"}:
                yield each.removesuffix(", job)").removesuffix(", instance)")
            yield from queries(each)
    elif isinstance(value, list):
        for each in value:
            yield from queries(each)


def test_the_dashboard_asks_for_what_there_is(names: set[str]) -> None:
    dashboard = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    found = set().union(*map(asked, queries(dashboard)))
    assert len(found) > 15
    assert found <= names
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_the_alerts_ask_for_what_there_is(names: set[str]) -> None:
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    found = set().union(*(asked(rule["expr"]) for group in groups for rule in group["rules"]))
    assert len(found) > 6
    assert found <= names


def test_each_alert_is_tried_and_told() -> None:
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}
    tests = yaml.safe_load((FOLDER / "alerts_test.yml").read_text(encoding="utf-8"))["tests"]
    assert {each["alertname"] for test in tests for each in test["alert_rule_test"]} == alerts
    page = (FOLDER.parent / "how-to" / "watch-a-server.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(Kervan\w+)`", page, re.MULTILINE)) == alerts


@pytest.fixture
def tools() -> None:
    """Prometheus and its promtool; where services are required it is a failure that they are not there."""
    if not (shutil.which("prometheus") and shutil.which("promtool")):
        missing = pytest.fail if os.environ.get("KERVAN_REQUIRE_SERVICES") == "1" else pytest.skip
        missing("Prometheus is not installed: apt-get install prometheus")


@pytest.mark.service
@pytest.mark.usefixtures("tools")
def test_promtool_has_nothing_to_say_of_the_metrics(shared: Live) -> None:
    text = shared.ask("GET", "/metrics").body
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=True)
    assert done.stdout + done.stderr == b""


@pytest.mark.service
@pytest.mark.usefixtures("tools")
def test_the_alerts_ring_when_they_should() -> None:
    subprocess.run(["promtool", "test", "rules", "alerts_test.yml"], cwd=FOLDER, check=True)


@pytest.mark.service
@pytest.mark.usefixtures("tools")
def test_prometheus_asks_a_server_by_our_file(shared: Live, tmp_path: Path) -> None:
    settings = (FOLDER / "prometheus.yml").read_text(encoding="utf-8")
    changed = settings.replace(":8000", f":{shared.port}").replace("15s", "200ms")
    (tmp_path / "prometheus.yml").write_text(changed, encoding="utf-8")
    shutil.copy(FOLDER / "alerts.yml", tmp_path)
    subprocess.run(["promtool", "check", "config", "prometheus.yml"], cwd=tmp_path, check=True)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [
        "prometheus",
        "--config.file=prometheus.yml",
        f"--web.listen-address=127.0.0.1:{port}",
        "--storage.tsdb.path=data",
    ]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log)
    try:
        assert shared.predict(ROW).status == 200
        shared.until(lambda: answers(port, "sum(kervan_rows_total) > 0"))
        assert answers(port, 'up{job="kervan"} == 1')
        assert answers(port, "kervan_processes_ready == kervan_processes")
    finally:
        process.terminate()
        process.wait(30)


def answers(port: int, query: str) -> bool:
    url = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(query)}"
    try:
        with urllib.request.urlopen(url) as reply:
            return bool(json.load(reply)["data"]["result"])
    except OSError:  # it does not listen yet
        return False
