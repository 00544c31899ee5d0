"""Templates hold what the targets make by calls, and cfn-lint finds nothing wrong with them."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from deploy.targets import test_aws_ecs, test_aws_lambda, test_aws_sagemaker
from kervan.core.errors import Refused
from kervan.deploy.targets.infrastructure.cloudformation import CloudformationTarget
from tools import tool

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.targets.rendering import Rendering

NETWORK = {"vpc": "", "subnets": (), "security_groups": ()}
PLACES: dict[str, dict[str, Any]] = {
    "lambda-image": test_aws_lambda.SETTINGS,
    "sagemaker": test_aws_sagemaker.SETTINGS,
    "ecs": {**test_aws_ecs.SETTINGS, **NETWORK},
}


def lint(rendered: Rendering) -> str:
    command = [tool("cfn-lint"), "--non-zero-exit-code", "warning", "-r", "eu-central-1", "-t"]
    done = subprocess.run(
        [*command, str(rendered.folder / "template.yaml")], capture_output=True, text=True, check=False
    )
    return done.stdout if done.returncode else ""


@pytest.mark.service
@pytest.mark.parametrize("place", PLACES)
def test_cfn_lint_accepts_the_template(rendering: Callable[..., Rendering], place: str) -> None:
    made = rendering(CloudformationTarget(), "cloudformation", {"place": place, **PLACES[place]})
    made.render("1.0.0", candidate="" if place == "lambda-image" else "2.0.0")
    assert lint(made) == ""


@pytest.mark.service
def test_cfn_lint_finds_a_planted_fault(rendering: Callable[..., Rendering]) -> None:
    made = rendering(CloudformationTarget(), "cloudformation", PLACES["sagemaker"])
    made.render()
    template = made.folder / "template.yaml"
    template.write_text(template.read_text().replace("ExecutionRoleArn", "ExecutionRolArn"))
    assert "ExecutionRolArn" in lint(made)


def test_a_release_of_a_function_is_another_version(rendering: Callable[..., Rendering]) -> None:
    made = rendering(
        CloudformationTarget(), "cloudformation", {"place": "lambda-image", **PLACES["lambda-image"]}
    )
    versions = set()
    for version in ("1.0.0", "2.0.0"):
        template = yaml.safe_load(made.render(version)["template.yaml"])
        (name,) = [
            key for key, each in template["Resources"].items() if each["Type"] == "AWS::Lambda::Version"
        ]
        versions.add(name)
    assert len(versions) == 2
    with pytest.raises(Refused, match="one version of a function"):
        made.render("1.0.0", candidate="2.0.0")


def test_it_is_not_applied_by_kervan(rendering: Callable[..., Rendering]) -> None:
    made = rendering(CloudformationTarget(), "cloudformation", PLACES["sagemaker"])
    made.render()
    with pytest.raises(Refused, match="not applied by Kervan"):
        made.apply()
    made.target.remove(made.folder)
    assert not made.target.runs(made.folder)
