"""A pipeline of Azure DevOps that deploys: for those who release from there, and not from a machine."""

from __future__ import annotations

import shlex
from importlib.metadata import version
from typing import TYPE_CHECKING

from kervan.deploy.targets.yaml_text import yaml_text

if TYPE_CHECKING:
    from kervan.deploy.workload import Workload

FILE = "azure-pipelines.yml"


def pipeline(workload: Workload, connection: str) -> dict[str, str]:
    """Return the file of a pipeline that uses a service connection, or nothing without one.

    The pipeline runs when somebody starts it: the version that answers is a decision, not a push.
    """
    if not connection:
        return {}
    manifest = workload.main.manifest
    ref = f"{manifest.name}@{manifest.version}"
    to = ("--target", workload.plan.target, "--to", workload.environment)
    deploy = shlex.join(["kervan", "deploy", ref, *to])
    steps = [
        {"task": "UsePythonVersion@0", "inputs": {"versionSpec": "3.12"}},
        {"script": f"python -m pip install kervan=={version('kervan')}", "displayName": "Install Kervan"},
        {
            "task": "AzureCLI@2",
            "displayName": "Deploy",
            "inputs": {
                "azureSubscription": connection,
                "scriptType": "bash",
                "scriptLocation": "inlineScript",
                "inlineScript": deploy,
            },
        },
    ]
    made = {"trigger": "none", "pool": {"vmImage": "ubuntu-latest"}, "steps": steps}
    return {FILE: yaml_text(made)}
