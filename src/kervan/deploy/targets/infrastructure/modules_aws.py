"""Terraform for AWS: the resources that the targets there make by calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kervan.core.errors import Refused
from kervan.core.places import PORT
from kervan.deploy.targets.aws import endpoints, functions, tasks
from kervan.deploy.targets.infrastructure.hcl import Block, Expression, value_text
from kervan.deploy.targets.infrastructure.module import Module, image, image_variables, plain, resource, var
from kervan.deploy.workload import settings_of

if TYPE_CHECKING:
    from kervan.core.serving import Plan
    from kervan.deploy.workload import Unit, Workload

_AWS = {"aws": {"source": "hashicorp/aws", "version": "~> 5.100"}}
_SERVERLESS = "checkov:skip=CKV_AWS_117:it answers from its package alone and reaches into no network"


def _aws(workload: Workload) -> list[Block]:
    tags = {"managed-by": "kervan", "environment": workload.environment}
    return [
        Block("provider", ("aws",), {"region": var("region")}, [Block("default_tags", body={"tags": tags})])
    ]


def _region(region: str) -> dict[str, Any]:
    return {"region": {"description": "The region.", **({"default": region} if region else {})}}


def function(workload: Workload, plan: Plan) -> Module:
    """A function of Lambda with its alias and URL."""
    if len(workload.units) > 1:
        raise Refused(
            "a module holds one version of a function", hint="let the target lambda share the traffic"
        )
    settings = settings_of(plan, functions.LambdaSettings)
    made = functions.bodies(workload, settings, is_image=True)
    body = made["create-function"]
    start = body["ImageConfig"]
    named = Expression("aws_lambda_function.this.function_name")
    alias = Expression("aws_lambda_alias.this.name")
    blocks = [
        resource(
            "aws_cloudwatch_log_group",
            "this",
            {
                "name": f"/aws/lambda/{workload.name}",
                "retention_in_days": var("log_days"),
                "kms_key_id": var("kms_key"),
            },
        ),
        resource(
            "aws_lambda_function",
            "this",
            {
                "function_name": workload.name,
                "description": f"Answers for {workload.main.manifest.ref}",
                "package_type": "Image",
                "image_uri": var(image(workload.main)),
                "role": var("role"),
                "architectures": body["Architectures"],
                "memory_size": body["MemorySize"],
                "timeout": body["Timeout"],
                "publish": True,
                "kms_key_arn": var("kms_key"),
                "reserved_concurrent_executions": var("concurrency"),
                "depends_on": [Expression("aws_cloudwatch_log_group.this")],
            },
            Block("image_config", body={"entry_point": start["EntryPoint"], "command": start["Command"]}),
            Block("environment", body={"variables": body["Environment"]["Variables"]}),
            Block("tracing_config", body={"mode": "PassThrough"}),
            remarks=[
                _SERVERLESS,
                "checkov:skip=CKV_AWS_116:it is asked and answers, so no event can be lost",
                "checkov:skip=CKV_AWS_272:an image is signed in its registry; code signing is for a ZIP",
            ],
        ),
        resource(
            "aws_lambda_alias",
            "this",
            {
                "name": settings.alias,
                "function_name": named,
                "function_version": Expression("aws_lambda_function.this.version"),
            },
        ),
    ]
    url: Expression = Expression("aws_lambda_alias.this.invoke_arn")
    door = made["create-function-url-config"]
    if door:
        blocks.append(
            resource(
                "aws_lambda_function_url",
                "this",
                {"function_name": named, "qualifier": alias, "authorization_type": door["AuthType"]},
            )
        )
        url = Expression("aws_lambda_function_url.this.function_url")
    return Module(
        blocks=blocks,
        variables={
            **_region(settings.region),
            "role": {"description": "The role of the function.", "default": settings.role or None},
            "log_days": {"description": "How long the log is kept.", "type": "number", "default": 365},
            "kms_key": {"description": "The ARN of the key that encrypts the log and the variables."},
            "concurrency": {
                "description": "How many answer at once; -1: as many as it takes.",
                "type": "number",
                "default": -1,
            },
            **image_variables(workload),
        },
        requires=_AWS,
        providers=_aws(workload),
        url=url,
    )


def endpoint(workload: Workload, plan: Plan) -> Module:
    """An endpoint of SageMaker with a variant for each version."""
    settings = settings_of(plan, endpoints.SagemakerSettings)
    made = endpoints.bodies(workload, settings)
    blocks, variants = [], []
    for unit, told_of in zip(
        workload.units, made["create-endpoint-config"]["ProductionVariants"], strict=True
    ):
        model = made[f"create-model.{unit.label}"]
        container = model["PrimaryContainer"]
        label = plain(unit.label)
        blocks.append(
            resource(
                "aws_sagemaker_model",
                label,
                {
                    "name": model["ModelName"],
                    "execution_role_arn": var("role"),
                    "enable_network_isolation": model["EnableNetworkIsolation"],
                },
                Block(
                    "primary_container",
                    body={"image": var(image(unit)), "environment": container["Environment"]},
                ),
            )
        )
        size: list[Block] = []
        body = {
            "variant_name": unit.label,
            "model_name": Expression(f"aws_sagemaker_model.{label}.name"),
            "initial_variant_weight": told_of["InitialVariantWeight"],
        }
        if settings.serverless:
            serverless = told_of["ServerlessConfig"]
            limits = {
                "memory_size_in_mb": serverless["MemorySizeInMB"],
                "max_concurrency": serverless["MaxConcurrency"],
            }
            size.append(Block("serverless_config", body=limits))
        else:
            body |= {"instance_type": settings.instance, "initial_instance_count": plan.workers}
        variants.append(Block("production_variants", body=body, blocks=size))
    if settings.capture:
        modes = [Block("capture_options", body={"capture_mode": mode}) for mode in ("Input", "Output")]
        capture = {
            "enable_capture": True,
            "initial_sampling_percentage": settings.captured,
            "destination_s3_uri": settings.capture,
        }
        variants.append(Block("data_capture_config", body=capture, blocks=modes))
    blocks.append(
        resource(
            "aws_sagemaker_endpoint_configuration",
            "this",
            {
                "name": made["create-endpoint-config"]["EndpointConfigName"],
                "kms_key_arn": None if settings.serverless else var("kms_key"),
            },
            *variants,
            Block("lifecycle", body={"create_before_destroy": True}),
        )
    )
    blocks.append(
        resource(
            "aws_sagemaker_endpoint",
            "this",
            {
                "name": workload.name,
                "endpoint_config_name": Expression("aws_sagemaker_endpoint_configuration.this.name"),
            },
        )
    )
    return Module(
        blocks=blocks,
        variables={
            **_region(settings.region),
            "role": {"description": "The role of the models.", "default": settings.role or None},
            **(
                {}
                if settings.serverless
                else {"kms_key": {"description": "The ARN of the key that encrypts the machines' disks."}}
            ),
            **image_variables(workload),
        },
        requires=_AWS,
        providers=_aws(workload),
        url=Expression(
            '"https://runtime.sagemaker.${var.region}.amazonaws.com'
            '/endpoints/${aws_sagemaker_endpoint.this.name}/invocations"'
        ),
    )


def services(workload: Workload, plan: Plan) -> Module:
    """Services of Fargate behind a rule of a load balancer's listener."""
    settings = settings_of(plan, tasks.EcsSettings)
    made = tasks.bodies(workload, settings)
    blocks = [
        resource(
            "aws_cloudwatch_log_group",
            "this",
            {
                "name": f"/ecs/{workload.name}",
                "retention_in_days": var("log_days"),
                "kms_key_id": var("kms_key"),
            },
        )
    ]
    groups = []
    for unit in workload.units:
        label = plain(unit.label)
        task = made[f"register-task-definition.{unit.label}"]
        blocks += [_task(unit, task, workload), _group(label, made[f"create-target-group.{unit.label}"])]
        blocks.append(_service(label, made[f"create-service.{unit.label}"]))
        arn = Expression(f"aws_lb_target_group.{label}.arn")
        groups.append(Block("target_group", body={"arn": arn, "weight": unit.percent}))
    conditions = [Block("condition", blocks=[Block("path_pattern", body={"values": [settings.path]})])]
    if settings.host:
        conditions.append(Block("condition", blocks=[Block("host_header", body={"values": [settings.host]})]))
    blocks.append(
        resource(
            "aws_lb_listener_rule",
            "this",
            {"listener_arn": var("listener"), "priority": settings.priority},
            Block("action", body={"type": "forward"}, blocks=[Block("forward", blocks=groups)]),
            *conditions,
        )
    )
    ids = "list(string)"
    return Module(
        blocks=blocks,
        variables={
            **_region(settings.region),
            "cluster": {"description": "The cluster.", "default": settings.cluster},
            "execution_role": {"description": "The role by which images are fetched."},
            "vpc": {"description": "The network."},
            "subnets": {"description": "The subnets of the tasks.", "type": ids},
            "security_groups": {"description": "The security groups of the tasks.", "type": ids},
            "listener": {"description": "The ARN of the load balancer's listener."},
            "log_days": {"description": "How long the log is kept.", "type": "number", "default": 365},
            "kms_key": {"description": "The ARN of the key that encrypts the log."},
            **image_variables(workload),
        },
        requires=_AWS,
        providers=_aws(workload),
        url=var("listener"),
    )


def _task(unit: Unit, task: Mapping[str, Any], workload: Workload) -> Block:
    container = {**task["containerDefinitions"][0], "image": var(image(unit))}
    options = {
        "awslogs-group": Expression("aws_cloudwatch_log_group.this.name"),
        "awslogs-region": var("region"),
        "awslogs-stream-prefix": unit.label,
    }
    container["logConfiguration"] = {"logDriver": "awslogs", "options": options}
    volumes = []
    for volume in task["volumes"]:
        inner = []
        if "efsVolumeConfiguration" in volume:
            told_of = volume["efsVolumeConfiguration"]
            at = {
                "file_system_id": told_of["fileSystemId"],
                "transit_encryption": told_of["transitEncryption"],
            }
            inner.append(Block("efs_volume_configuration", body=at))
        volumes.append(Block("volume", body={"name": volume["name"]}, blocks=inner))
    runs = task["runtimePlatform"]
    platform = {
        "cpu_architecture": runs["cpuArchitecture"],
        "operating_system_family": runs["operatingSystemFamily"],
    }
    return resource(
        "aws_ecs_task_definition",
        plain(unit.label),
        {
            "family": task["family"],
            "requires_compatibilities": ["FARGATE"],
            "network_mode": "awsvpc",
            "cpu": task["cpu"],
            "memory": task["memory"],
            "execution_role_arn": var("execution_role"),
            "task_role_arn": task.get("taskRoleArn"),
            "container_definitions": _json_of([container]),
        },
        Block("runtime_platform", body=platform),
        *volumes,
    )


def _json_of(value: Any) -> Expression:
    """Return a call of `jsonencode`, in which references stay references."""
    return Expression(f"jsonencode({value_text(value)})")


def _group(label: str, group: Mapping[str, Any]) -> Block:
    check = {
        "path": group["HealthCheckPath"],
        "interval": group["HealthCheckIntervalSeconds"],
        "healthy_threshold": group["HealthyThresholdCount"],
        "matcher": group["Matcher"]["HttpCode"],
    }
    return resource(
        "aws_lb_target_group",
        label,
        {"name": group["Name"], "port": PORT, "protocol": "HTTP", "target_type": "ip", "vpc_id": var("vpc")},
        Block("health_check", body=check),
        remarks=["checkov:skip=CKV_AWS_378:TLS ends at the load balancer, the tasks are in its network"],
    )


def _service(label: str, service: Mapping[str, Any]) -> Block:
    network = service["networkConfiguration"]["awsvpcConfiguration"]
    front = {
        "target_group_arn": Expression(f"aws_lb_target_group.{label}.arn"),
        "container_name": tasks.CONTAINER,
        "container_port": PORT,
    }
    inside = {
        "subnets": var("subnets"),
        "security_groups": var("security_groups"),
        "assign_public_ip": network["assignPublicIp"] == "ENABLED",
    }
    return resource(
        "aws_ecs_service",
        label,
        {
            "name": service["serviceName"],
            "cluster": var("cluster"),
            "task_definition": Expression(f"aws_ecs_task_definition.{label}.arn"),
            "desired_count": service["desiredCount"],
            "launch_type": "FARGATE",
            "health_check_grace_period_seconds": service["healthCheckGracePeriodSeconds"],
            "depends_on": [Expression("aws_lb_listener_rule.this")],
        },
        Block("deployment_circuit_breaker", body={"enable": True, "rollback": True}),
        Block("network_configuration", body=inside),
        Block("load_balancer", body=front),
    )
