"""Docker Compose: a server, and beside it PostgreSQL, Prometheus, Grafana and a collector of traces.

https://github.com/compose-spec/compose-spec/blob/main/spec.md
"""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from kervan.core.access import is_loopback
from kervan.core.errors import KervanError, MissingTool, ServerFailed
from kervan.core.nouns import Finding, Verdict
from kervan.core.places import KEYS, PORT, RECORDS, Artefact, Place
from kervan.deploy.image.layers import USER
from kervan.deploy.image.recipe import MODULE
from kervan.deploy.targets.told import grpc_port, told
from kervan.deploy.targets.written import Note, Part, applied, bring_back, forget, keep, read_note, with_note
from kervan.deploy.targets.yaml_text import yaml_text
from kervan.deploy.workload import Workload, settings_of, workload_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kervan.core.serving import Plan, Serving

FILE = "compose.yaml"
_PATIENCE = 120.0
_CHATTER = ("['podman'", "using podman version", "podman logs", "exit code:")  # of podman-compose itself
# What the first process was told: podman-compose tells those that come later what the file says now.
_ASK_NAME = "print(open('/proc/1/environ').read().replace(chr(0), chr(10)))"
_ASK_HEALTH = f"from {MODULE} import main; print('health', main(['--health']))"
_INSTALL = "https://docs.docker.com/compose/install, or apt-get install podman-compose"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeSettings:
    """`[targets.compose]`: what runs beside the server, and from which images."""

    database: bool = True
    monitoring: bool = True
    collector: bool = True
    postgres_image: str = "docker.io/library/postgres:17-alpine"
    prometheus_image: str = "docker.io/prom/prometheus:v3.5.0"
    grafana_image: str = "docker.io/grafana/grafana:12.1.0"
    collector_image: str = "docker.io/otel/opentelemetry-collector:0.131.0"


class ComposeTarget:
    """Runs a release by `docker compose` or `podman-compose`."""

    about = Place(
        title="Docker Compose",
        artefact=Artefact.IMAGE,
        checked="the compose specification's schema; promtool",
        proved="the server, by podman-compose; what stands beside it was not started",
    )

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        """Return `compose.yaml` with the files of the services that it names."""
        settings = settings_of(plan, ComposeSettings)
        work = workload_of(serving, plan)
        rendered = {PurePath(FILE): _compose(work, settings)}
        if settings.monitoring:
            rendered |= _monitoring(work)
        if settings.collector:
            rendered[PurePath("collector.yaml")] = yaml_text(_COLLECTOR)
        unit = work.main
        note = Note(
            target="compose",
            name=work.name,
            environment=work.environment,
            deployment=work.deployment,
            parts=(Part(label=unit.label, version=unit.manifest.version, image=unit.image, percent=100),),
            facts={"url": _url(plan)},
        )
        return with_note(rendered, note)

    def check(self, folder: Path, plan: Plan) -> Sequence[Finding]:
        """Find what would not run: no program for it, more replicas than one address takes."""
        found = []
        if _program() is None:
            message = "neither docker compose nor podman-compose is installed"
            found.append(
                Finding(
                    rule="tool", subject="compose", verdict=Verdict.FAILED, message=message, hint=_INSTALL
                )
            )
        if settings_of(plan, ComposeSettings).collector and "otel" not in plan.image.extras:
            message = "the collector gets no traces: the image has nothing that sends them"
            hint = 'write extras = ["otel"] in [image], or collector = false in [targets.compose]'
            found.append(
                Finding(
                    rule="traces",
                    subject="[image] extras",
                    verdict=Verdict.WARNED,
                    message=message,
                    hint=hint,
                )
            )
        if plan.workers > 1:
            message = f"one container answers at a port of this machine, not {plan.workers}"
            hint = "Kubernetes has replicas: --target kubernetes"
            found.append(
                Finding(
                    rule="replicas",
                    subject="[release] workers",
                    verdict=Verdict.WARNED,
                    message=message,
                    hint=hint,
                )
            )
        return found

    def apply(self, folder: Path, plan: Plan) -> str:
        """Bring up what `compose.yaml` says and return the URL once the server is ready.

        If it does not come up, what was applied before is brought up again, and `ServerFailed` says why.
        """
        note = read_note(folder)
        try:
            _wait(folder, note.deployment, _compose_up(folder))
        except (KervanError, KeyboardInterrupt):
            if bring_back(folder) is None:
                _run(folder, "down")
            else:
                _compose_up(folder)
            raise
        keep(folder)
        return note.facts["url"]

    def remove(self, folder: Path) -> None:
        """Take all of it down; volumes stay."""
        if applied(folder) is not None:
            _run(folder, "down")
            forget(folder)

    def runs(self, folder: Path) -> bool:
        """Say whether the server answers."""
        return applied(folder) is not None and _is_ready(folder)

    def logs(self, folder: Path, lines: int) -> Sequence[str]:
        """Return the newest lines of the server."""
        found = _run(folder, "logs", "--tail", str(lines), "server").splitlines()
        return [line for line in found if not line.startswith(_CHATTER)][-lines:]

    def shell(self, folder: Path) -> Sequence[str]:
        """Return the command that opens a shell in the server's container."""
        return (*_command(folder), "exec", "server", "sh")


def _url(plan: Plan) -> str:
    host = "127.0.0.1" if plan.host in {"0.0.0.0", "::"} else plan.host  # noqa: S104 - compared
    return f"http://{host}:{plan.port or 8000}"


def _is_closed(plan: Plan) -> bool:
    """Say whether callers need keys: anybody but this machine can ask."""
    return bool(plan.keys) or not (is_loopback(plan.host) or plan.platform)


def _compose(work: Workload, settings: ComposeSettings) -> str:
    services: dict[str, Any] = {"server": _server(work, settings)}
    volumes: dict[str, Any] = {"records": {}}
    secrets: dict[str, Any] = {}
    if _is_closed(work.plan):
        secrets["keys"] = {"file": "${KERVAN_KEYS_FILE:?name the file that kervan key create wrote}"}
    if settings.database:
        services["database"] = _database(settings)
        volumes["database"] = {}
        secrets["database"] = {"file": "${DATABASE_PASSWORD_FILE:?name a file with a password of your own}"}
    if settings.monitoring:
        services["prometheus"], services["grafana"] = _prometheus(work.plan, settings), _grafana(settings)
        volumes |= {"prometheus": {}, "grafana": {}}
        if _is_closed(work.plan):
            secrets["metrics"] = {"file": "${METRICS_KEY_FILE:?kervan key create --scope metrics --quiet}"}
    if settings.collector:
        services["collector"] = _collector(settings)
    content = {"name": work.name, "services": services, "volumes": volumes}
    told_all = {**content, "secrets": secrets} if secrets else content
    return _HEAD.format(ref=work.main.manifest.ref) + yaml_text(told_all)


_HEAD = "# {ref}: docker compose up --detach, or podman-compose up --detach\n"
_STAYS = {"restart": "unless-stopped", "security_opt": ["no-new-privileges:true"], "cap_drop": ["ALL"]}


def _server(work: Workload, settings: ComposeSettings) -> dict[str, Any]:
    plan = work.plan
    environment = {name: value.replace("$", "$$") for name, value in told(work).items()}
    if not _is_closed(plan):
        environment["KERVAN_PLATFORM"] = (
            "1"  # only this machine reaches it, or what the platform lets through
        )
    if settings.collector and "otel" in plan.image.extras:
        environment["KERVAN_OTLP"] = "http://collector:4318"
    port = f"{plan.host}:{plan.port or 8000}:{PORT}"
    grpc = grpc_port(plan)
    limits = {
        **({"cpus": f"{plan.cpu:g}"} if plan.cpu else {}),
        **({"memory": f"{plan.memory}b"} if plan.memory else {}),
    }
    return {
        "image": work.main.image,
        **_STAYS,
        "read_only": True,
        "user": f"{USER}:{USER}",
        "tmpfs": ["/tmp"],  # noqa: S108 - of the container
        "environment": environment,
        "ports": [port, *([f"{plan.host}:{grpc}:{grpc}"] if grpc else [])],
        "volumes": [f"records:{RECORDS}"],
        **({"secrets": [{"source": "keys", "target": KEYS}]} if _is_closed(plan) else {}),
        **({"deploy": {"resources": {"limits": limits}}} if limits else {}),
        "healthcheck": {
            "test": ["CMD", "python3", "-m", MODULE, "--health"],
            "interval": "30s",
            "timeout": "10s",
            "start_period": "60s",
        },
        "stop_grace_period": "30s",
        "labels": {**work.labels, "org.kervan.model": work.main.manifest.ref},
    }


def _database(settings: ComposeSettings) -> dict[str, Any]:
    """Return PostgreSQL for the catalog of the project, which the server itself does not need."""
    return {
        "image": settings.postgres_image,
        "restart": "unless-stopped",
        "environment": {
            "POSTGRES_USER": "kervan",
            "POSTGRES_DB": "kervan",
            "POSTGRES_PASSWORD_FILE": "/run/secrets/database",
        },
        "secrets": ["database"],
        "ports": ["127.0.0.1:5432:5432"],
        "volumes": ["database:/var/lib/postgresql/data"],
        "healthcheck": {
            "test": ["CMD", "pg_isready", "--username", "kervan"],
            "interval": "10s",
            "retries": 6,
        },
    }


def _prometheus(plan: Plan, settings: ComposeSettings) -> dict[str, Any]:
    return {
        "image": settings.prometheus_image,
        **_STAYS,
        "read_only": True,
        "command": ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"],
        "ports": ["127.0.0.1:9090:9090"],
        "volumes": [
            "./prometheus.yml:/etc/prometheus/prometheus.yml:ro",
            "./alerts.yml:/etc/prometheus/alerts.yml:ro",
            "prometheus:/prometheus",
        ],
        **({"secrets": ["metrics"]} if _is_closed(plan) else {}),
        "depends_on": ["server"],
    }


def _grafana(settings: ComposeSettings) -> dict[str, Any]:
    return {
        "image": settings.grafana_image,
        **_STAYS,
        "ports": ["127.0.0.1:3000:3000"],
        "volumes": [
            "./grafana/provisioning:/etc/grafana/provisioning:ro",
            "./grafana/dashboards:/var/lib/grafana/dashboards:ro",
            "grafana:/var/lib/grafana",
        ],
        "depends_on": ["prometheus"],
    }


def _collector(settings: ComposeSettings) -> dict[str, Any]:
    return {
        "image": settings.collector_image,
        **_STAYS,
        "read_only": True,
        "command": ["--config=/etc/collector.yaml"],
        "volumes": ["./collector.yaml:/etc/collector.yaml:ro"],
    }


_COLLECTOR: dict[str, Any] = {
    "receivers": {"otlp": {"protocols": {"http": {"endpoint": "0.0.0.0:4318"}}}},
    "processors": {"batch": {}},
    "exporters": {"debug": {"verbosity": "basic"}},  # name your own: otlphttp, with its endpoint
    "service": {
        "pipelines": {"traces": {"receivers": ["otlp"], "processors": ["batch"], "exporters": ["debug"]}}
    },
}


def _monitoring(work: Workload) -> dict[PurePath, str]:
    kept = files("kervan.deploy") / "monitoring"
    job: dict[str, Any] = {"job_name": "kervan", "static_configs": [{"targets": [f"server:{PORT}"]}]}
    if _is_closed(work.plan):
        job["authorization"] = {"credentials_file": "/run/secrets/metrics"}
    scraping = {
        "global": {"scrape_interval": "15s"},
        "rule_files": ["alerts.yml"],
        "scrape_configs": [job],
    }
    source = {
        "apiVersion": 1,
        "datasources": [
            {"name": "Prometheus", "type": "prometheus", "url": "http://prometheus:9090", "isDefault": True}
        ],
    }
    board = {
        "apiVersion": 1,
        "providers": [{"name": "kervan", "type": "file", "options": {"path": "/var/lib/grafana/dashboards"}}],
    }
    provisioning = PurePath("grafana/provisioning")
    return {
        PurePath("prometheus.yml"): yaml_text(scraping),
        PurePath("alerts.yml"): (kept / "alerts.yml").read_text("utf-8"),
        PurePath("grafana/dashboards/kervan.json"): (kept / "dashboard.json").read_text("utf-8"),
        provisioning / "datasources/kervan.yaml": yaml_text(source),
        provisioning / "dashboards/kervan.yaml": yaml_text(board),
    }


def _program() -> tuple[str, ...] | None:
    docker = shutil.which("docker")
    if (
        docker
        and subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0
    ):
        return (docker, "compose")
    podman = shutil.which("podman-compose")
    return (podman,) if podman else None


def _command(folder: Path) -> tuple[str, ...]:
    program = _program()
    if program is None:
        raise MissingTool("neither docker compose nor podman-compose is installed", hint=_INSTALL)
    return (*program, "--project-name", read_note(folder).name, "--file", str(folder / FILE))


def _run(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [*_command(folder), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-3:]
        raise ServerFailed(f"compose {arguments[0]} failed: {' '.join(last)}", hint="its message says why")
    return done.stdout + done.stderr


def _compose_up(folder: Path) -> str:
    return _run(folder, "up", "--detach", "--remove-orphans")


def _wait(folder: Path, deployment: str, told: str) -> None:
    """Wait until the server is ready, asked from inside: its doors may be closed to us.

    podman-compose leaves the container of before where the new one cannot be made, and says so in passing.
    """
    if f"KERVAN_DEPLOYMENT={deployment}" not in _inside(folder, _ASK_NAME):
        last = " ".join(line for line in told.splitlines() if not line.startswith(_CHATTER))
        raise ServerFailed(f"compose did not start the server: {last[-500:]}", hint="its message says why")
    deadline = time.monotonic() + _PATIENCE
    while not _is_ready(folder):
        if time.monotonic() > deadline:
            raise ServerFailed(
                f"the server was not ready within {_PATIENCE:g} s", hint="`kervan logs` shows what it says"
            )
        time.sleep(0.2)


def _is_ready(folder: Path) -> bool:
    return "health 0" in _inside(folder, _ASK_HEALTH)


def _inside(folder: Path, program: str) -> list[str]:
    """Run a line of Python in the server's container and return the lines that it wrote."""
    command = [*_command(folder), "exec", "-T", "server", "python3", "-c", program]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    return done.stdout.splitlines()
