"""Amazon SageMaker: an endpoint whose variants share its traffic, from the image of each package.

SageMaker starts the container with `serve` and asks `/ping` and `/invocations`, which our image answers.
An update brings new machines beside the old ones and goes back by itself where they do not come up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.core.errors import Refused
from kervan.core.places import Artefact, Place
from kervan.core.serving import ShareRole
from kervan.deploy.targets.aws.account import client, look_at_account, told_by_aws
from kervan.deploy.targets.aws.bodies import as_files, is_rendered, look_at_bodies, read_body
from kervan.deploy.targets.aws.endpoint_calls import Endpoint
from kervan.deploy.targets.aws.endpoints import MEMORY_STEPS, SagemakerSettings, bodies
from kervan.deploy.targets.aws.limits import look_at_registry, look_at_traffic
from kervan.deploy.targets.aws.parts import read_note
from kervan.deploy.targets.aws.reports import log_lines
from kervan.deploy.targets.aws.undo import taken_back_on_failure
from kervan.deploy.targets.findings import failed, warned
from kervan.deploy.workload import settings_of, workload_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path, PurePath

    from kervan.core.nouns import Finding
    from kervan.core.serving import Plan, Serving
    from kervan.deploy.targets.aws.parts import Note

_COMMANDS = (
    "create-model",
    "create-endpoint-config",
    "create-endpoint",
    "update-endpoint",
    "create-transform-job",
)
_MOST_VARIANTS = 10
_MOST_CONCURRENCY = 200


class SagemakerTarget:
    """An endpoint with machines, or without."""

    about = Place(
        title="Amazon SageMaker",
        artefact=Artefact.IMAGE,
        strategies=("at-once", "blue-green", "canary", "rolling", "shadow", "ab"),
        tool="boto3",
        checked="the limits of SageMaker; each body by boto3's model of the service, with its patterns",
        proved=(
            "the container by its contract (`serve`, `/ping`, `/invocations`), as a process; the "
            "calls against moto, which runs nothing and knows no update of an endpoint; never on AWS itself"
        ),
    )

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        """Return the bodies of the calls, and the note for `apply`."""
        return as_files(bodies(workload_of(serving, plan), settings_of(plan, SagemakerSettings)))

    def check(self, folder: Path, plan: Plan) -> Sequence[Finding]:
        """Say what SageMaker would refuse."""
        settings = settings_of(plan, SagemakerSettings)
        note = read_note(folder)
        config = read_body(folder, "create-endpoint-config")
        findings = [*look_at_traffic(note.name, note.parts, plan, _MOST_VARIANTS - 1)]
        findings += _look_at_shadows(note)
        findings += _look_at_serverless(config, settings) if settings.serverless else ()
        findings += _look_at_plan(note, plan, settings)
        findings += look_at_registry([part.code for part in note.parts], settings.endpoint_url)
        findings += look_at_bodies(folder, dict.fromkeys(_COMMANDS, "sagemaker"))
        return [*findings, *look_at_account("sagemaker", settings)]

    def apply(self, folder: Path, plan: Plan) -> str:
        """Bring the endpoint, wait until it is in service, and return the URL of its invocations.

        Raises `ServerFailed`; what ran before then goes on, and what was made for the new release is gone.
        """
        note = read_note(folder)
        with told_by_aws("SageMaker"), taken_back_on_failure() as undo:
            Endpoint(note).bring(folder, undo)
            region = client("sagemaker", note.region, note.endpoint_url).meta.region_name
        host = note.endpoint_url or f"https://runtime.sagemaker.{region}.amazonaws.com"
        return f"{host}/endpoints/{note.name}/invocations"

    def remove(self, folder: Path) -> None:
        """Delete the endpoint with its configurations and models."""
        if is_rendered(folder, "release"):
            with told_by_aws("SageMaker"):
                Endpoint(read_note(folder)).remove()

    def runs(self, folder: Path) -> bool:
        """Say whether the endpoint is in service, or being changed while it is."""
        if not is_rendered(folder, "release"):
            return False
        with told_by_aws("SageMaker"):
            told = Endpoint(read_note(folder)).told
        return told is not None and told["EndpointStatus"] in {"InService", "Updating", "SystemUpdating"}

    def logs(self, folder: Path, lines: int) -> Sequence[str]:
        """Return the newest lines that the containers have written."""
        note = read_note(folder)
        with told_by_aws("CloudWatch"):
            logs = client("logs", note.region, note.endpoint_url)
            return log_lines(logs, f"/aws/sagemaker/Endpoints/{note.name}", lines)

    def shell(self, folder: Path) -> Sequence[str]:
        """Say that there is none."""
        raise Refused("an endpoint has no shell", hint="`kervan logs` shows what it wrote")


def _look_at_shadows(note: Note) -> Iterator[Finding]:
    shadows = [part for part in note.parts if part.role is ShareRole.SHADOW]
    if len(shadows) > 1 or (shadows and note.candidate is not None):
        yield failed(
            "traffic", note.name, "SageMaker takes one shadow beside one version", "release one alone"
        )


def _look_at_serverless(config: Mapping[str, Any], settings: SagemakerSettings) -> Iterator[Finding]:
    """Say what machines can and an endpoint without them cannot: AWS' own list of what is left out."""
    name = config["EndpointConfigName"]
    variants = config["ProductionVariants"]
    memory = variants[0]["ServerlessConfig"]["MemorySizeInMB"]
    if memory not in MEMORY_STEPS:
        steps = ", ".join(map(str, MEMORY_STEPS))
        yield failed("memory", name, f"{memory} MiB are none of {steps}", "[release] memory")
    if not 1 <= settings.concurrency <= _MOST_CONCURRENCY:
        said = f"a serverless variant answers 1 to {_MOST_CONCURRENCY} at once, not {settings.concurrency}"
        yield failed("concurrency", name, said, "concurrency")
    wanted = {
        "several variants": len(variants) > 1,
        "shadows": "ShadowProductionVariants" in config,
        "data capture": bool(settings.capture),
        "many models": bool(settings.models),
        "a network of your own": bool(settings.subnets),
    }
    for what, is_wanted in wanted.items():
        if is_wanted:
            yield failed("serverless", name, f"a serverless endpoint has no {what}", "serverless = false")


def _look_at_plan(note: Note, plan: Plan, settings: SagemakerSettings) -> Iterator[Finding]:
    if not settings.role:
        yield failed(
            "role", note.name, "the models have no role", 'role = "arn:aws:iam::123456789012:role/…"'
        )
    if settings.batch_input and not settings.batch_output:
        yield failed("batch", note.name, "the transform job has no place for its answers", "batch_output")
    if plan.most_workers:
        yield warned("workers", note.name, "[release] most_workers is not used: add a policy of scaling")
    if plan.cpu or (plan.memory and not settings.serverless):
        yield warned("size", note.name, f"CPU and memory are those of {settings.instance}")
    if not settings.capture and not settings.serverless:
        yield warned(
            "records", note.name, "records stay on the machines and go with them", "capture = s3://…"
        )
