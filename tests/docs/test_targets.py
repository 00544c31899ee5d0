"""The page of targets claims what they say of themselves, and explains each of their settings."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from typing import Any

import msgspec
import pytest

from kervan.deploy.targets.azure.az import AzureSettings
from kervan.deploy.targets.azure.container_instances import ContainerInstancesSettings
from kervan.deploy.targets.azure.functions import AzureFunctionsSettings
from kervan.deploy.targets.azure.iot_edge import IotEdgeSettings
from kervan.deploy.targets.azure.machine_learning import AzureMlSettings
from kervan.deploy.targets.google.app_engine import AppEngineSettings
from kervan.deploy.targets.google.functions import CloudFunctionsSettings
from kervan.deploy.targets.google.gcloud import GoogleSettings
from kervan.deploy.targets.google.run import CloudRunSettings
from kervan.deploy.targets.google.vertex import VertexSettings
from kervan.deploy.targets.kubernetes.kserve import KserveSettings
from kervan.deploy.targets.kubernetes.seldon import SeldonSettings
from kervan.deploy.targets.kubernetes.settings import (
    AksSettings,
    EksSettings,
    GkeSettings,
    KubernetesSettings,
)
from kervan.deploy.targets.power_bi import PowerBiSettings
from kervan.deploy.targets.watson import WatsonSettings

from .targets_reference import PAGE, page

ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| `(.*?)` \|", re.MULTILINE)
TABLES: dict[str, tuple[Any, Any]] = {
    "[targets.kubernetes]": (KubernetesSettings, None),
    "[targets.eks]": (EksSettings, KubernetesSettings),
    "[targets.gke]": (GkeSettings, KubernetesSettings),
    "[targets.aks]": (AksSettings, KubernetesSettings),
    "[targets.kserve]": (KserveSettings, KubernetesSettings),
    "[targets.seldon]": (SeldonSettings, KubernetesSettings),
    "All of `[targets.cloud-run]": (GoogleSettings, None),
    "[targets.cloud-run]": (CloudRunSettings, GoogleSettings),
    "[targets.vertex]": (VertexSettings, GoogleSettings),
    "[targets.app-engine]": (AppEngineSettings, GoogleSettings),
    "[targets.cloud-functions]": (CloudFunctionsSettings, GoogleSettings),
    "All of `[targets.azure-ml]": (AzureSettings, None),
    "[targets.azure-ml]": (AzureMlSettings, AzureSettings),
    "[targets.azure-container-instances]": (ContainerInstancesSettings, AzureSettings),
    "[targets.azure-functions]": (AzureFunctionsSettings, AzureSettings),
    "[targets.azure-iot-edge]": (IotEdgeSettings, AzureSettings),
    "[targets.ibm-watson]": (WatsonSettings, None),
    "[targets.power-bi]": (PowerBiSettings, None),
}


def test_the_table_claims_what_targets_say_of_themselves() -> None:
    text = PAGE.read_text("utf-8")
    assert page(text) == text, "run `python tests/docs/targets_reference.py`"


@pytest.mark.parametrize("name", TABLES)
def test_every_setting_is_explained(name: str) -> None:
    kind, base = TABLES[name]
    heads = [f"\n{start}{name}" for start in ("More for `", "`", "")]
    text = PAGE.read_text("utf-8")
    start = next(text.index(each) for each in heads if each in text)
    tables = text[start:].split("\n\n")
    found = {
        row[0]: row[2] for row in ROW.findall(next(each for each in tables if each.startswith("| setting")))
    }
    inherited = {each.name for each in fields(base)} if base else set()
    own = [each for each in fields(kind) if each.name not in inherited]
    expected = {
        each.name: each.default if each.default is not MISSING else each.default_factory()  # type: ignore[misc]
        for each in own
    }
    assert {key: msgspec.json.decode(value) for key, value in found.items()} == msgspec.to_builtins(
        {key: list(value) if isinstance(value, tuple) else value for key, value in expected.items()}
    )
