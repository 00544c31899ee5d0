"""What every target but this machine has to render, and that it does nothing by that."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from deploy.targets.rendered import IMAGE
from kervan.core.places import ImageSettings
from kervan.core.plugins import TABLE, plugin
from kervan.core.serving import Plan
from kervan.testing.target import RenderSuite, Site

AWS = {"region": "eu-central-1", "role": "arn:aws:iam::123456789012:role/kervan"}
SETTINGS: dict[str, dict[str, Any]] = {  # of those that render nothing without
    "lambda": AWS,
    "lambda-image": AWS,
    "sagemaker": AWS,
    "terraform": {"place": "sagemaker"},
    "ecs": {
        **AWS,
        "execution_role": "arn:aws:iam::123456789012:role/run",
        "listener": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/a/b/c",
        "vpc": "vpc-1",
        "subnets": ["subnet-1"],
        "security_groups": ["sg-1"],
        "guarded": True,
    },
    "cloud-run": {"project": "my-project"},
    "vertex": {"project": "my-project"},
    "app-engine": {"project": "my-project"},
    "cloud-functions": {"project": "my-project"},
    "azure-ml": {"resource_group": "models", "workspace": "team"},
    "azure-container-instances": {
        "resource_group": "models",
        "subnet": "/subscriptions/s/subnets/a",
        "key_vault": "/vaults/v",
        "keys_secret": "keys",
    },
    "azure-functions": {"resource_group": "models", "app": "gelir", "storage": "gelir"},
    "azure-iot-edge": {"hub": "hub", "resource_group": "models"},
}


GUARDED = ("app-engine",)  # by the platform alone
ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/kervan"
OF_AWS = ImageSettings(registry=ECR, requirements=("awslambdaric==4.2.2",))


class _Suite(RenderSuite):
    """The suite with packages that are made once."""

    name: ClassVar[str]

    def adapter(self) -> Any:
        return plugin("target", self.name)

    def plan(self) -> Plan:
        settings = SETTINGS.get(self.name, {})
        image = OF_AWS if settings.get("region") else IMAGE
        return Plan(target=self.name, image=image, settings=settings, platform=self.name in GUARDED)

    @pytest.fixture
    def place(self, packages: dict[str, Path], tmp_path: Path) -> Site:
        folder = tmp_path / "üretim ı"
        folder.mkdir()
        return Site(folder, self.adapter(), packages, self.plan())


for _name in sorted(row.name for row in TABLE if row.kind == "target" and row.name != "local"):
    _class = f"Test{_name.title().replace('-', '')}"
    globals()[_class] = type(_class, (_Suite,), {"name": _name, "is_here": _name == "local-container"})
del _Suite, RenderSuite
