"""Amazon ECS with Fargate: services from the image of each package, behind a rule of a load balancer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.core.errors import Refused
from kervan.core.places import Artefact, Place
from kervan.deploy.targets.aws.account import client, look_at_account, told_by_aws
from kervan.deploy.targets.aws.bodies import as_files, is_rendered, look_at_bodies
from kervan.deploy.targets.aws.limits import look_at_traffic
from kervan.deploy.targets.aws.parts import read_note
from kervan.deploy.targets.aws.reports import log_lines
from kervan.deploy.targets.aws.task_calls import Services
from kervan.deploy.targets.aws.tasks import EcsSettings, bodies, size_of
from kervan.deploy.targets.aws.undo import taken_back_on_failure
from kervan.deploy.targets.findings import failed, warned
from kervan.deploy.workload import settings_of, workload_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path, PurePath

    from kervan.core.nouns import Finding
    from kervan.core.serving import Plan, Serving

_SERVICES = {
    "register-task-definition": "ecs",
    "create-service": "ecs",
    "create-target-group": "elbv2",
    "create-rule": "elbv2",
}
_MOST_GROUPS = 5  # of one rule
_NEEDED = ("execution_role", "vpc", "subnets", "security_groups", "listener")


class EcsTarget:
    """Services of Fargate: no machine to look after."""

    about = Place(
        title="Amazon ECS with Fargate",
        artefact=Artefact.IMAGE,
        strategies=("at-once", "blue-green", "canary", "rolling", "ab"),
        tool="boto3",
        checked="sizes of Fargate; each body by boto3's model of the service, with its patterns",
        proved="the calls against moto, which keeps what is made and runs no task; never on AWS itself",
    )

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        """Return the bodies of the calls, and the note for `apply`."""
        return as_files(bodies(workload_of(serving, plan), settings_of(plan, EcsSettings)))

    def check(self, folder: Path, plan: Plan) -> Sequence[Finding]:
        """Say what AWS would refuse."""
        settings = settings_of(plan, EcsSettings)
        note = read_note(folder)
        findings = [*look_at_traffic(note.name, note.parts, plan, _MOST_GROUPS - 1)]
        findings += _look_at_settings(note.name, plan, settings)
        later: dict[str, dict[str, Any]] = {"create-rule": {"Actions": []}}
        findings += look_at_bodies(folder, _SERVICES, later)
        return [*findings, *look_at_account("ecs", settings)]

    def apply(self, folder: Path, plan: Plan) -> str:
        """Bring services up, move the traffic to them, and return the URL of the load balancer.

        Raises `ServerFailed`; the traffic then goes where it went, and what was made is gone.
        """
        with told_by_aws("ECS"), taken_back_on_failure() as undo:
            return Services(read_note(folder)).bring(folder, undo)

    def remove(self, folder: Path) -> None:
        """Take the rule, the services and the target groups away."""
        if is_rendered(folder, "release"):
            with told_by_aws("ECS"):
                Services(read_note(folder)).remove()

    def runs(self, folder: Path) -> bool:
        """Say whether tasks run."""
        if not is_rendered(folder, "release"):
            return False
        with told_by_aws("ECS"):
            return Services(read_note(folder)).run()

    def logs(self, folder: Path, lines: int) -> Sequence[str]:
        """Return the newest lines that the tasks have written."""
        note = read_note(folder)
        with told_by_aws("CloudWatch"):
            return log_lines(client("logs", note.region, note.endpoint_url), f"/ecs/{note.name}", lines)

    def shell(self, folder: Path) -> Sequence[str]:
        """Say that there is none: tasks are started without ECS Exec."""
        raise Refused("the tasks have no shell", hint="`kervan logs` shows what they wrote")


def _look_at_settings(name: str, plan: Plan, settings: EcsSettings) -> Iterator[Finding]:
    for each in _NEEDED:
        if not getattr(settings, each):
            yield failed(each, name, f"[targets.{plan.target}] {each} is missing", f"{each} = …")
    if not settings.region:
        yield failed("region", name, "the log has to be told its region", 'region = "eu-central-1"')
    if size_of(plan.cpu, plan.memory) is None:
        said = f"no task of Fargate has {plan.cpu:g} cores and {plan.memory >> 30} GiB"
        yield failed("size", name, said, "16 cores and 120 GiB are the most: [release] cpu and memory")
    if not (plan.platform or settings.guarded or settings.keys):
        hint = "[targets.ecs] keys = the EFS file system with access.json; or guarded = true"
        yield failed("door", name, "the tasks would not start: nobody guards the door", hint)
    if plan.grpc_port is not None:
        yield warned("grpc", name, "the rule leads to HTTP alone: [release] grpc_port is not used")
    if plan.most_workers:
        yield warned("workers", name, "[release] most_workers is not used: add a policy of scaling")
