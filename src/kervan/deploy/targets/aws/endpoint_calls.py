"""The calls by which an endpoint of SageMaker gets its models, its variants and their traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.core.errors import ServerFailed
from kervan.deploy.targets.aws.account import ask, client
from kervan.deploy.targets.aws.bodies import read_body

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kervan.deploy.targets.aws.parts import Note
    from kervan.deploy.targets.aws.undo import Undo

_WEIGHT = "InitialVariantWeight"


class Endpoint:
    """One endpoint; what is made for it can be undone."""

    def __init__(self, note: Note) -> None:
        self._note = note
        self._sagemaker = client("sagemaker", note.region, note.endpoint_url)
        self._named = {"EndpointName": note.name}

    @property
    def told(self) -> Any:
        """What SageMaker says of it, None if it is not there."""
        return ask(self._sagemaker.describe_endpoint, **self._named)

    def bring(self, folder: Path, undo: Undo) -> None:
        """Make the endpoint what was rendered into a folder, and wait until it is.

        Raises `ServerFailed` if SageMaker goes back to what ran before.
        """
        self._make_models(folder, undo)
        config = read_body(folder, "create-endpoint-config")
        before = self.told
        if before is None:
            self._make_config(config, undo)
            self._sagemaker.create_endpoint(**read_body(folder, "create-endpoint"))
            undo.add("the endpoint", self._sagemaker.delete_endpoint, **self._named)
        elif self._differs_by_weights(before, config):
            self._move(config)
        elif before.get("EndpointConfigName") != config["EndpointConfigName"]:
            self._make_config(config, undo)
            self._sagemaker.update_endpoint(**read_body(folder, "update-endpoint"))
        self._wait(config)

    def remove(self) -> None:
        """Delete the endpoint, and all configurations and models that were made for it."""
        ask(self._sagemaker.delete_endpoint, **self._named)
        for name in self._ours("list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"):
            ask(self._sagemaker.delete_endpoint_config, EndpointConfigName=name)
        for name in self._ours("list_models", "Models", "ModelName"):
            ask(self._sagemaker.delete_model, ModelName=name)

    def _make_models(self, folder: Path, undo: Undo) -> None:
        for part in self._note.parts:
            body = read_body(folder, f"create-model.{part.label}")
            named = {"ModelName": body["ModelName"]}
            if ask(self._sagemaker.describe_model, **named) is None:
                self._sagemaker.create_model(**body)
                undo.add(f"the model {body['ModelName']}", self._sagemaker.delete_model, **named)

    def _make_config(self, config: dict[str, Any], undo: Undo) -> None:
        named = {"EndpointConfigName": config["EndpointConfigName"]}
        if ask(self._sagemaker.describe_endpoint_config, **named) is None:
            self._sagemaker.create_endpoint_config(**config)
            undo.add("the configuration", self._sagemaker.delete_endpoint_config, **named)

    def _differs_by_weights(self, before: Any, config: dict[str, Any]) -> bool:
        """Say whether the same variants are wanted with other shares: then no machine has to be replaced."""
        named = {"EndpointConfigName": before["EndpointConfigName"]}
        now = ask(self._sagemaker.describe_endpoint_config, **named) or {}
        parts = [_but_weights(each) for each in (now, config)]
        return parts[0] == parts[1] and len(config["ProductionVariants"]) > 1

    def _move(self, config: dict[str, Any]) -> None:
        weights = [
            {"VariantName": each["VariantName"], "DesiredWeight": each[_WEIGHT]}
            for each in config["ProductionVariants"]
        ]
        self._sagemaker.update_endpoint_weights_and_capacities(
            **self._named, DesiredWeightsAndCapacities=weights
        )

    def _wait(self, config: dict[str, Any]) -> None:
        self._sagemaker.get_waiter("endpoint_in_service").wait(**self._named)
        now = self.told or {}
        told = ask(
            self._sagemaker.describe_endpoint_config, EndpointConfigName=now.get("EndpointConfigName", "")
        )
        if told is None or _but_weights(told) != _but_weights(config):
            reason = now.get("FailureReason") or "its new variants did not come up"
            raise ServerFailed(f"SageMaker went back to what ran before: {reason}")

    def _ours(self, call: str, found: str, name: str) -> Iterator[str]:
        pages = self._sagemaker.get_paginator(call).paginate(NameContains=self._note.name)
        for page in pages:
            yield from (each[name] for each in page[found] if each[name].startswith(f"{self._note.name}-"))


def _but_weights(config: dict[str, Any]) -> list[dict[str, Any]]:
    variants = [*config.get("ProductionVariants", ()), *config.get("ShadowProductionVariants", ())]
    kept = ("VariantName", "ModelName", "InitialInstanceCount", "InstanceType", "ServerlessConfig")
    return [{name: each.get(name) for name in kept} for each in variants]
