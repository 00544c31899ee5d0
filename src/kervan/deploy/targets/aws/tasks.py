"""What a release is on ECS with Fargate: for each package a task, a service and a target group; one rule.

Pure: settings and packages in, bodies of calls out. The rule of a load balancer's listener divides the
traffic among the target groups. Where replicas are replaced one after the other there is one service, which
ECS rolls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.places import KEYS, PORT, RECORDS
from kervan.deploy.targets.aws.account import AwsSettings, tag_list
from kervan.deploy.targets.aws.parts import Note, Part, digest_of
from kervan.deploy.targets.told import told

if TYPE_CHECKING:
    from kervan.deploy.workload import Unit, Workload

CONTAINER = "kervan"
_GIB = 1 << 30
_LONGEST_GROUP = 32  # letters of a target group's name
_SHORT = 8
# Units of CPU (1024 are one core), and the least, most and step of GiB that go with them.
_SIZES = (
    (512, 1, 4, 1),
    (1024, 2, 8, 1),
    (2048, 4, 16, 1),
    (4096, 8, 30, 1),
    (8192, 16, 60, 4),
    (16384, 32, 120, 8),
)
_ARCHITECTURES = {"linux/amd64": "X86_64", "linux/arm64": "ARM64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EcsSettings(AwsSettings):
    """`[targets.ecs]`.

    `role` is that of the task, `execution_role` that by which ECS fetches the image. `listener` is the ARN of
    the load balancer's listener to which the rule is added, with `priority`, for `host` or for `path`. `keys`
    is the id of an EFS file system in whose root `access.json` lies; where `guarded`, the balancer or what
    stands before it lets in only who may ask, and no keys are needed. With `public_ip` tasks in a public
    subnet can fetch their image.
    """

    cluster: str = "default"
    execution_role: str = ""
    vpc: str = ""
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    listener: str = ""
    priority: int = 100
    host: str = ""
    path: str = "/*"
    keys: str = ""
    guarded: bool = False
    public_ip: bool = False


def bodies(workload: Workload, settings: EcsSettings) -> dict[str, Any]:
    """Return the bodies of all calls by their commands, and the note."""
    found: dict[str, Any] = {}
    parts = []
    for unit in workload.units:
        task = _task(workload, unit, settings)
        digest = digest_of({**task, "containerDefinitions": _but_deployment(task)})[:_SHORT]
        rolls = workload.plan.rolls and len(workload.units) == 1
        name = workload.name if rolls else f"{workload.name}-{unit.label}-{digest}"
        group = f"{workload.name[: _LONGEST_GROUP - _SHORT - 1].rstrip('-')}-{digest_of(name)[:_SHORT]}"
        tags = {"managed-by": "kervan", "environment": workload.environment, **settings.tags}
        tags["kervan-release"] = workload.name
        lower = [{"key": each["Key"], "value": each["Value"]} for each in tag_list(tags)]
        label = unit.label
        found[f"register-task-definition.{label}"] = {
            **task,
            "tags": [*lower, {"key": "kervan-digest", "value": digest}],
        }
        found[f"create-target-group.{label}"] = {**_group(group, settings), "Tags": tag_list(tags)}
        found[f"create-service.{label}"] = {**_service(name, workload, settings), "tags": lower}
        parts.append(
            Part(
                model=str(unit.manifest.ref),
                label=label,
                digest=digest,
                code=unit.image,
                role=unit.role,
                percent=unit.share * 100,
            )
        )
    note = Note(
        name=workload.name,
        region=settings.region,
        endpoint_url=settings.endpoint_url,
        parts=tuple(parts),
        facts={
            "cluster": settings.cluster,
            "listener": settings.listener,
            "priority": str(settings.priority),
        },
    )
    return {**found, "create-rule": _rule(settings), "release": msgspec.to_builtins(note)}


def size_of(cpu: float, memory: int) -> tuple[int, int] | None:
    """Return the smallest size of Fargate that holds so many cores and bytes: units of CPU and MiB.

    >>> size_of(0, 0), size_of(1, 3 << 30), size_of(0.5, 9 << 30), size_of(64, 0)
    ((512, 1024), (1024, 3072), (2048, 9216), None)
    """
    for units, least, most, step in _SIZES:
        wanted = max(-(-memory // _GIB), least)
        gib = least + -(-(wanted - least) // step) * step
        if units >= cpu * 1024 and gib <= most:
            return units, gib * 1024
    return None


def _task(workload: Workload, unit: Unit, settings: EcsSettings) -> dict[str, Any]:
    size = size_of(workload.plan.cpu, workload.plan.memory) or (_SIZES[-1][0], _SIZES[-1][2] * 1024)
    variables = {name: value for name, value in told(workload).items() if name != "KERVAN_GRPC_PORT"}
    if settings.guarded:
        variables["KERVAN_PLATFORM"] = "1"
    mounts: list[dict[str, Any]] = [{"sourceVolume": "records", "containerPath": RECORDS}]
    volumes: list[dict[str, Any]] = [{"name": "records"}]
    if settings.keys:
        at = KEYS.rpartition("/")[0]
        mounts.append({"sourceVolume": "keys", "containerPath": at, "readOnly": True})
        volume = {"fileSystemId": settings.keys, "transitEncryption": "ENABLED"}
        volumes.append({"name": "keys", "efsVolumeConfiguration": volume})
    container = {
        "name": CONTAINER,
        "image": unit.image,
        "essential": True,
        "readonlyRootFilesystem": True,
        "linuxParameters": {"capabilities": {"drop": ["ALL"]}},
        "portMappings": [{"containerPort": PORT, "protocol": "tcp"}],
        "environment": [{"name": name, "value": value} for name, value in sorted(variables.items())],
        "mountPoints": mounts,
        "stopTimeout": 60,
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": f"/ecs/{workload.name}",
                "awslogs-region": settings.region,
                "awslogs-stream-prefix": unit.label,
                "awslogs-create-group": "true",
            },
        },
    }
    return {
        "family": f"{workload.name}-{unit.label}",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": str(size[0]),
        "memory": str(size[1]),
        "executionRoleArn": settings.execution_role,
        **({"taskRoleArn": settings.role} if settings.role else {}),
        "runtimePlatform": {
            "cpuArchitecture": _ARCHITECTURES[workload.plan.image.platform],
            "operatingSystemFamily": "LINUX",
        },
        "volumes": volumes,
        "containerDefinitions": [container],
    }


def _but_deployment(task: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the containers without what differs in every release of the same."""
    return [
        {
            **each,
            "environment": [pair for pair in each["environment"] if pair["name"] != "KERVAN_DEPLOYMENT"],
        }
        for each in task["containerDefinitions"]
    ]


def _group(name: str, settings: EcsSettings) -> dict[str, Any]:
    return {
        "Name": name,
        "Protocol": "HTTP",
        "Port": PORT,
        "VpcId": settings.vpc,
        "TargetType": "ip",
        "HealthCheckPath": "/readyz",
        "HealthCheckIntervalSeconds": 10,
        "HealthyThresholdCount": 2,
        "Matcher": {"HttpCode": "200"},
    }


def _service(name: str, workload: Workload, settings: EcsSettings) -> dict[str, Any]:
    return {
        "cluster": settings.cluster,
        "serviceName": name,
        "desiredCount": workload.plan.workers,
        "launchType": "FARGATE",
        "healthCheckGracePeriodSeconds": 60,
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
            "minimumHealthyPercent": 100,
            "maximumPercent": 200,
        },
        "networkConfiguration": {
            "awsvpcConfiguration": {
                "subnets": list(settings.subnets),
                "securityGroups": list(settings.security_groups),
                "assignPublicIp": "ENABLED" if settings.public_ip else "DISABLED",
            }
        },
    }


def _rule(settings: EcsSettings) -> dict[str, Any]:
    conditions: list[dict[str, Any]] = [
        {"Field": "path-pattern", "PathPatternConfig": {"Values": [settings.path]}}
    ]
    if settings.host:
        conditions.append({"Field": "host-header", "HostHeaderConfig": {"Values": [settings.host]}})
    return {"ListenerArn": settings.listener, "Priority": settings.priority, "Conditions": conditions}
