"""What a release is on SageMaker: a model for each package, a configuration of variants, one endpoint.

Pure: settings and packages in, bodies of calls out. Models and configurations are named by a hash of what
they hold, so what is there already is what is wanted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.core.places import PACKAGE
from kervan.core.serving import ShareRole
from kervan.deploy.targets.aws.account import AwsSettings, tag_list
from kervan.deploy.targets.aws.parts import Note, Part, digest_of
from kervan.deploy.targets.told import told

if TYPE_CHECKING:
    from kervan.deploy.workload import Unit, Workload

SHIFTS = ("all-at-once", "canary", "linear", "rolling")
MEMORY_STEPS = (1024, 2048, 3072, 4096, 5120, 6144)  # MiB of a serverless variant
_MODELS = "/opt/ml/models"  # where SageMaker puts the models of a container that serves many
_MIB = 1 << 20
_SHORT = 8  # letters of a hash in a name: models' names end at 63


@dataclass(frozen=True, slots=True, kw_only=True)
class SagemakerSettings(AwsSettings):
    """`[targets.sagemaker]`.

    `instance` is the type of each machine; with `serverless` there are none, and `concurrency` requests at
    most at once. `shift` says how an update moves traffic: `all-at-once`, `canary` (`step` percent first),
    `linear` (in steps), `rolling` (in batches), with `pause` seconds between; an alarm of CloudWatch in
    `alarms` takes it back. `capture` is where requests and answers are written, `s3://…`, of `captured`
    percent. `batch_input` and `batch_output` make the body of a transform job. `models` is where more models
    lie that one container serves. Without `isolated` the container may reach the network.
    """

    instance: str = "ml.m5.large"
    serverless: bool = False
    concurrency: int = 10
    shift: str = "all-at-once"
    step: int = 10
    pause: int = 300
    alarms: tuple[str, ...] = ()
    capture: str = ""
    captured: int = 100
    batch_input: str = ""
    batch_output: str = ""
    models: str = ""
    isolated: bool = True
    kms_key: str = ""
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()


def bodies(workload: Workload, settings: SagemakerSettings) -> dict[str, Any]:
    """Return the bodies of all calls by their commands, and the note."""
    if settings.shift not in SHIFTS:
        raise InvalidConfig(
            f"[targets.{workload.plan.target}] shift: {settings.shift!r} is unknown",
            hint=did_you_mean(settings.shift, SHIFTS),
        )
    models = {unit.label: _model(workload, unit, settings) for unit in workload.units}
    config = _config(workload, settings, {label: body["ModelName"] for label, body in models.items()})
    named = {"EndpointName": workload.name, "EndpointConfigName": config["EndpointConfigName"]}
    tags = config["Tags"]
    main = models[workload.main.label]["ModelName"]
    note = Note(
        name=workload.name,
        region=settings.region,
        endpoint_url=settings.endpoint_url,
        parts=tuple(_part(unit, models[unit.label]["ModelName"]) for unit in workload.units),
    )
    update = {**named, "RetainAllVariantProperties": False}
    if not settings.serverless:
        update["DeploymentConfig"] = _deployment(settings)
    return {
        **{f"create-model.{label}": body for label, body in models.items()},
        "create-endpoint-config": config,
        "create-endpoint": {**named, "Tags": tags},
        "update-endpoint": update,
        "create-transform-job": _transform(workload, settings, main) if settings.batch_input else None,
        "release": msgspec.to_builtins(note),
    }


def memory_of(workload: Workload) -> int:
    """Return the MiB of a serverless variant: the step that holds what is planned, or what is planned."""
    wanted = -(-workload.plan.memory // _MIB)
    return next((step for step in MEMORY_STEPS if step >= (wanted or 2048)), wanted)


def _model(workload: Workload, unit: Unit, settings: SagemakerSettings) -> dict[str, Any]:
    variables = {
        "KERVAN_PACKAGE": PACKAGE,
        **told(workload),
        "KERVAN_PLATFORM": "1",  # whoever asks an endpoint has signed
    }
    variables.pop("KERVAN_DEPLOYMENT", None)  # the model would be another one with every release
    container: dict[str, Any] = {"Image": unit.image, "Environment": variables}
    if settings.models:
        container |= {"Mode": "MultiModel", "ModelDataUrl": settings.models}
        variables["KERVAN_FOLDER"] = _MODELS
    body: dict[str, Any] = {
        "PrimaryContainer": container,
        "ExecutionRoleArn": settings.role,
        "EnableNetworkIsolation": settings.isolated,
    }
    if settings.subnets:
        body["VpcConfig"] = {
            "Subnets": list(settings.subnets),
            "SecurityGroupIds": list(settings.security_groups),
        }
    name = f"{workload.name}-{unit.label}-{digest_of(body)[:_SHORT]}"
    return {"ModelName": name, **body, "Tags": _tags(workload, settings)}


def _config(workload: Workload, settings: SagemakerSettings, models: dict[str, str]) -> dict[str, Any]:
    asked = [unit for unit in workload.units if unit.role in {ShareRole.STABLE, ShareRole.CANDIDATE}]
    shadows = [unit for unit in workload.units if unit.role is ShareRole.SHADOW]
    body: dict[str, Any] = {
        "ProductionVariants": [_variant(workload, unit, settings, models) for unit in asked],
    }
    if shadows:
        body["ShadowProductionVariants"] = [
            {**_variant(workload, unit, settings, models), "InitialVariantWeight": 1.0} for unit in shadows
        ]
    if settings.capture:
        body["DataCaptureConfig"] = {
            "EnableCapture": True,
            "InitialSamplingPercentage": settings.captured,
            "DestinationS3Uri": settings.capture,
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            **({"KmsKeyId": settings.kms_key} if settings.kms_key else {}),
        }
    if settings.kms_key and not settings.serverless:
        body["KmsKeyId"] = settings.kms_key
    name = f"{workload.name}-{digest_of(body)[:_SHORT]}"
    return {"EndpointConfigName": name, **body, "Tags": _tags(workload, settings)}


def _variant(
    workload: Workload, unit: Unit, settings: SagemakerSettings, models: dict[str, str]
) -> dict[str, Any]:
    common = {
        "VariantName": unit.label,
        "ModelName": models[unit.label],
        "InitialVariantWeight": round(unit.share, 6),
    }
    if settings.serverless:
        limits = {"MemorySizeInMB": memory_of(workload), "MaxConcurrency": settings.concurrency}
        return {**common, "ServerlessConfig": limits}
    return {
        **common,
        "InitialInstanceCount": workload.plan.workers,
        "InstanceType": settings.instance,
    }


def _deployment(settings: SagemakerSettings) -> dict[str, Any]:
    """Say how an update moves the traffic from the old machines to the new ones."""
    size = {"Type": "CAPACITY_PERCENT", "Value": settings.step}
    if settings.shift == "rolling":
        policy: dict[str, Any] = {
            "RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": settings.pause}
        }
    else:
        routing: dict[str, Any] = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": settings.pause}
        if settings.shift == "canary":
            routing |= {"Type": "CANARY", "CanarySize": size}
        if settings.shift == "linear":
            routing |= {"Type": "LINEAR", "LinearStepSize": size}
        policy = {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": routing,
                "TerminationWaitInSeconds": settings.pause,
            }
        }
    alarms = {"Alarms": [{"AlarmName": name} for name in settings.alarms]}
    return {**policy, **({"AutoRollbackConfiguration": alarms} if settings.alarms else {})}


def _transform(workload: Workload, settings: SagemakerSettings, model: str) -> dict[str, Any]:
    """Return the body of a job that scores a folder of CSV; AWS' own program begins it."""
    where = {"S3DataType": "S3Prefix", "S3Uri": settings.batch_input}
    goal: dict[str, Any] = {
        "S3OutputPath": settings.batch_output,
        "AssembleWith": "Line",
        "Accept": "text/csv",
    }
    if settings.kms_key:
        goal["KmsKeyId"] = settings.kms_key
    return {
        "TransformJobName": f"{workload.name}-{workload.main.label}",
        "ModelName": model,
        "BatchStrategy": "MultiRecord",
        "TransformInput": {
            "DataSource": {"S3DataSource": where},
            "ContentType": "text/csv; header=absent",
            "SplitType": "Line",
        },
        "TransformOutput": goal,
        "TransformResources": {"InstanceType": settings.instance, "InstanceCount": workload.plan.workers},
    }


def _part(unit: Unit, model: str) -> Part:
    return Part(
        model=str(unit.manifest.ref),
        label=unit.label,
        digest=model,
        code=unit.image,
        role=unit.role,
        percent=unit.share * 100,
    )


def _tags(workload: Workload, settings: SagemakerSettings) -> list[dict[str, str]]:
    return tag_list({"managed-by": "kervan", "environment": workload.environment, **settings.tags})
