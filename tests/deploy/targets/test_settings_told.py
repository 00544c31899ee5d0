"""Every setting of a target is told in the reference."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from kervan.deploy.targets.aws.endpoints import SagemakerSettings
from kervan.deploy.targets.aws.functions import LambdaSettings
from kervan.deploy.targets.aws.tasks import EcsSettings
from kervan.deploy.targets.infrastructure.ansible import AnsibleSettings
from kervan.deploy.targets.infrastructure.terraform import TerraformSettings

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "settings.md"


@pytest.mark.parametrize(
    "kind", [LambdaSettings, SagemakerSettings, EcsSettings, TerraformSettings, AnsibleSettings]
)
def test_every_setting_is_told(kind: type) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [each.name for each in fields(kind) if f"| `{each.name}` |" not in text] == []
