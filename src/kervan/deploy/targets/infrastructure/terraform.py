"""Terraform and OpenTofu: a folder of HCL for one of many places, with variables for what differs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.core.places import Artefact, Place
from kervan.deploy.targets.infrastructure import modules_aws, modules_others
from kervan.deploy.targets.infrastructure.elsewhere import Elsewhere
from kervan.deploy.targets.infrastructure.hcl import Block, Expression, hcl_text, quoted
from kervan.deploy.workload import settings_of, workload_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from kervan.core.serving import Plan, Serving
    from kervan.deploy.targets.infrastructure.module import Module
    from kervan.deploy.workload import Workload

MODULES: dict[str, Callable[[Workload, Plan], Module]] = {
    "aci": modules_others.aci,
    "cloud-run": modules_others.cloud_run,
    "container-app": modules_others.container_app,
    "ecs": modules_aws.services,
    "kubernetes": modules_others.kubernetes,
    "lambda-image": modules_aws.function,
    "sagemaker": modules_aws.endpoint,
}
_HEAD = "# Written by Kervan. Change kervan.toml and render again, or take it over as your own.\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class TerraformSettings:
    """`[targets.terraform]`: the `place`, and values for the variables, as in a `.tfvars` file."""

    place: str = "lambda-image"
    variables: dict[str, str] = field(default_factory=dict)


class TerraformTarget(Elsewhere):
    """Writes a module, which `terraform apply` or `tofu apply` brings to its place."""

    about = Place(
        title="Terraform",
        artefact=Artefact.IMAGE,
        strategies=("at-once", "canary", "ab"),
        applies=False,
        tool="terraform init && terraform apply",
        checked="python-hcl2 for all; `terraform validate` with the provider for AWS; checkov",
        proved=(
            "for AWS with terraform's own validation; the modules for Google, Azure and Kubernetes are "
            "parsed, and checked against no provider; nothing was applied"
        ),
    )

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        """Return the files of the module."""
        own = {key: plan.settings[key] for key in ("place", "variables") if key in plan.settings}
        settings = settings_of(replace(plan, settings=own), TerraformSettings)
        place = settings.place
        if place not in MODULES:
            raise InvalidConfig(
                f"[targets.terraform] place: {place!r} is unknown", hint=did_you_mean(place, MODULES)
            )
        given = settings.variables
        inner = replace(
            plan,
            settings={key: each for key, each in plan.settings.items() if key not in own},
        )
        module = MODULES[place](workload_of(serving, inner), inner)
        for name in given:
            if name not in module.variables:
                raise InvalidConfig(
                    f"[targets.terraform] variables: the module has no {name!r}",
                    hint=did_you_mean(name, module.variables),
                )
        files = {
            "main.tf": _HEAD + hcl_text(*module.blocks),
            "variables.tf": hcl_text(*(_variable(name, told) for name, told in module.variables.items())),
            "outputs.tf": hcl_text(
                Block("output", ("url",), {"description": "Where it answers.", "value": module.url})
            ),
            "versions.tf": hcl_text(_versions(module), *module.providers),
        }
        if given:
            files["terraform.tfvars"] = "".join(
                f"{name} = {quoted(value)}\n" for name, value in given.items()
            )
        return {PurePath(name): text for name, text in files.items()}


def _versions(module: Module) -> Block:
    return Block(
        "terraform",
        body={"required_version": ">= 1.5"},
        blocks=[Block("required_providers", body=dict(module.requires))],
    )


def _variable(name: str, told: Mapping[str, Any]) -> Block:
    body = {
        "description": told["description"],
        "type": Expression(str(told.get("type", "string"))),
        "default": told.get("default"),
    }
    return Block("variable", (name,), body)
