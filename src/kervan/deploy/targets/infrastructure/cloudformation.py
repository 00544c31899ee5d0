"""AWS CloudFormation: one template with the resources that the target of the same place makes by calls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidConfig, Refused, did_you_mean
from kervan.core.places import Artefact, Place
from kervan.deploy.targets.aws import endpoints, functions, tasks
from kervan.deploy.targets.infrastructure.elsewhere import Elsewhere
from kervan.deploy.targets.yaml_text import yaml_text
from kervan.deploy.workload import settings_of, workload_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kervan.core.serving import Plan, Serving
    from kervan.deploy.workload import Workload

TEMPLATE = "template.yaml"
PLACES = ("lambda-image", "sagemaker", "ecs")


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudformationSettings:
    """`[targets.cloudformation]`: the `place`, and beside it that place's own settings."""

    place: str = "sagemaker"


class CloudformationTarget(Elsewhere):
    """Writes a template, which `aws cloudformation deploy` applies."""

    about = Place(
        title="AWS CloudFormation",
        artefact=Artefact.IMAGE,
        strategies=("at-once", "canary", "ab"),
        applies=False,
        tool="aws cloudformation deploy --template-file template.yaml --stack-name NAME",
        checked="cfn-lint, with its schemas of the resources",
        proved="nothing was applied: the template is validated alone",
    )

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        """Return the template."""
        place = str(plan.settings.get("place", CloudformationSettings().place))
        if place not in PLACES:
            raise InvalidConfig(
                f"[targets.cloudformation] place: {place!r} is unknown", hint=did_you_mean(place, PLACES)
            )
        workload = workload_of(serving, plan)
        inner = replace(plan, settings={key: each for key, each in plan.settings.items() if key != "place"})
        template = {
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": f"{workload.main.manifest.ref} in {workload.environment}, by Kervan",
            **_RESOURCES[place](workload, inner),
        }
        return {PurePath(TEMPLATE): yaml_text(template)}


def _function(workload: Workload, plan: Plan) -> dict[str, Any]:
    """Return a function with one published version: its code is what the template says."""
    if len(workload.units) > 1:
        raise Refused(
            "a template holds one version of a function", hint="let the target lambda share the traffic"
        )
    settings = settings_of(plan, functions.LambdaSettings)
    bodies = functions.bodies(workload, settings, is_image=True)
    body = bodies["create-function"]
    digest = bodies["release"]["parts"][0]["digest"]
    version = f"Version{digest}"
    resources: dict[str, Any] = {
        "Log": _resource(
            "Logs::LogGroup", {"LogGroupName": f"/aws/lambda/{workload.name}", "RetentionInDays": 30}
        ),
        "Function": {
            **_resource(
                "Lambda::Function",
                {
                    **{name: value for name, value in body.items() if name not in {"Tags", "Role"}},
                    "Role": {"Ref": "Role"},
                    "Code": {"ImageUri": {"Ref": f"Image{_camel(workload.main.label)}"}},
                    "Tags": _tags(body["Tags"]),
                },
            ),
            "DependsOn": "Log",
        },
        # Another digest is another resource: so each release publishes a version, and the old ones stay.
        version: {
            **_resource("Lambda::Version", {"FunctionName": {"Ref": "Function"}}),
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
        },
        "Alias": _resource(
            "Lambda::Alias",
            {
                "FunctionName": {"Ref": "Function"},
                "Name": settings.alias,
                "FunctionVersion": {"Fn::GetAtt": [version, "Version"]},
            },
        ),
    }
    outputs: dict[str, Any] = {"Function": {"Value": {"Ref": "Alias"}}}
    if bodies["create-function-url-config"]:
        auth = bodies["create-function-url-config"]["AuthType"]
        resources["Url"] = _resource("Lambda::Url", {"TargetFunctionArn": {"Ref": "Alias"}, "AuthType": auth})
        outputs["Url"] = {"Value": {"Fn::GetAtt": ["Url", "FunctionUrl"]}}
    return {
        "Parameters": _parameters(workload, Role=settings.role),
        "Resources": resources,
        "Outputs": outputs,
    }


def _endpoint(workload: Workload, plan: Plan) -> dict[str, Any]:
    settings = settings_of(plan, endpoints.SagemakerSettings)
    bodies = endpoints.bodies(workload, settings)
    config = {**bodies["create-endpoint-config"]}
    resources: dict[str, Any] = {}
    models: dict[str, str] = {}
    for unit in workload.units:
        name = f"Model{_camel(unit.label)}"
        body = bodies[f"create-model.{unit.label}"]
        models[body["ModelName"]] = name
        container = {**body["PrimaryContainer"], "Image": {"Ref": f"Image{_camel(unit.label)}"}}
        resources[name] = _resource(
            "SageMaker::Model",
            {**body, "PrimaryContainer": container, "ExecutionRoleArn": {"Ref": "Role"}},
        )
    for variants in ("ProductionVariants", "ShadowProductionVariants"):
        if variants in config:
            config[variants] = [
                {**each, "ModelName": {"Fn::GetAtt": [models[each["ModelName"]], "ModelName"]}}
                for each in config[variants]
            ]
    resources["Config"] = _resource("SageMaker::EndpointConfig", config)
    endpoint = {
        "EndpointName": workload.name,
        "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
        "Tags": config["Tags"],
    }
    resources["Endpoint"] = _resource("SageMaker::Endpoint", endpoint)
    return {
        "Parameters": _parameters(workload, Role=settings.role),
        "Resources": resources,
        "Outputs": {"Endpoint": {"Value": {"Fn::GetAtt": ["Endpoint", "EndpointName"]}}},
    }


def _services(workload: Workload, plan: Plan) -> dict[str, Any]:
    settings = settings_of(plan, tasks.EcsSettings)
    bodies = tasks.bodies(workload, settings)
    resources: dict[str, Any] = {
        "Log": _resource("Logs::LogGroup", {"LogGroupName": f"/ecs/{workload.name}", "RetentionInDays": 30})
    }
    groups = []
    for unit in workload.units:
        label = _camel(unit.label)
        task = _upper(bodies[f"register-task-definition.{unit.label}"])
        task["ContainerDefinitions"][0]["Image"] = {"Ref": f"Image{label}"}
        task |= {"ExecutionRoleArn": {"Ref": "ExecutionRole"}}
        log = task["ContainerDefinitions"][0]["LogConfiguration"]["Options"]
        log |= {"awslogs-group": {"Ref": "Log"}, "awslogs-region": {"Ref": "AWS::Region"}}
        log.pop("awslogs-create-group")
        resources[f"Task{label}"] = _resource("ECS::TaskDefinition", task)
        group = {**bodies[f"create-target-group.{unit.label}"], "VpcId": {"Ref": "Vpc"}}
        resources[f"Group{label}"] = _resource("ElasticLoadBalancingV2::TargetGroup", _but(group, "Name"))
        service = _upper(bodies[f"create-service.{unit.label}"])
        network = service["NetworkConfiguration"]["AwsvpcConfiguration"]
        network |= {"Subnets": {"Ref": "Subnets"}, "SecurityGroups": {"Ref": "SecurityGroups"}}
        service |= {
            "TaskDefinition": {"Ref": f"Task{label}"},
            "LoadBalancers": [
                {
                    "ContainerName": tasks.CONTAINER,
                    "ContainerPort": 8080,
                    "TargetGroupArn": {"Ref": f"Group{label}"},
                }
            ],
        }
        resources[f"Service{label}"] = {
            **_resource("ECS::Service", _but(service, "ServiceName")),
            "DependsOn": "Rule",
        }
        groups.append({"TargetGroupArn": {"Ref": f"Group{label}"}, "Weight": unit.percent})
    rule = {
        **bodies["create-rule"],
        "ListenerArn": {"Ref": "Listener"},
        "Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}],
    }
    resources["Rule"] = _resource("ElasticLoadBalancingV2::ListenerRule", rule)
    parameters = _parameters(workload, ExecutionRole=settings.execution_role, Listener=settings.listener)
    parameters["Vpc"] = _parameter("AWS::EC2::VPC::Id", settings.vpc)
    parameters["Subnets"] = _parameter("List<AWS::EC2::Subnet::Id>", ",".join(settings.subnets))
    several = ",".join(settings.security_groups)
    parameters["SecurityGroups"] = _parameter("List<AWS::EC2::SecurityGroup::Id>", several)
    return {"Parameters": parameters, "Resources": resources}


_RESOURCES: dict[str, Callable[[Workload, Plan], dict[str, Any]]] = {
    "lambda-image": _function,
    "sagemaker": _endpoint,
    "ecs": _services,
}


def _resource(kind: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": dict(properties)}


def _parameters(workload: Workload, **told: str) -> dict[str, Any]:
    """Return what differs between environments: images, roles, whatever else is told."""
    images = {f"Image{_camel(unit.label)}": _parameter("String", unit.image) for unit in workload.units}
    return {**images, **{name: _parameter("String", value) for name, value in told.items()}}


def _parameter(kind: str, default: str) -> dict[str, Any]:
    return {"Type": kind, **({"Default": default} if default else {})}


def _camel(label: str) -> str:
    return label.replace("-", "").capitalize()


def _but(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Leave a name out: what has to be replaced could not have it twice."""
    return {key: value for key, value in body.items() if key != name}


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": name, "Value": value} for name, value in sorted(tags.items())]


_UNLIKE = {"efsVolumeConfiguration": "EFSVolumeConfiguration", "fileSystemId": "FilesystemId"}


def _upper(value: Any) -> Any:
    """Return a body of ECS as CloudFormation writes it: members begin with a capital letter."""
    if isinstance(value, list):
        return [_upper(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        _UNLIKE.get(name, name[:1].upper() + name[1:]): dict(each) if name == "options" else _upper(each)
        for name, each in value.items()
    }
