"""Objects of a cluster as templates of a chart: what may differ comes from its values, and nothing else does.

There is no logic in them: a chart has an Ingress, or a scaler, if its release asked for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.deploy.targets.kubernetes.shares import slot
from kervan.deploy.targets.yaml_text import Written, yaml_text

if TYPE_CHECKING:
    from kervan.deploy.workload import Unit, Workload

NAME = "{{ .Release.Name }}"
_MARK = '{{ omit .Values.config "KERVAN_DEPLOYMENT" | toJson | sha256sum | trunc 16 | quote }}'


def key_of(workload: Workload, unit: Unit) -> str:
    """Return the name of a version among the values, as templates can write it."""
    return slot(workload, unit).replace("-", "_")


def template(document: dict[str, Any], workload: Workload) -> str:
    """Return an object's template, where the release's name and the namespace are Helm's."""
    made = {**document, "metadata": _metadata(document["metadata"])}
    changes = {
        "ConfigMap": _config,
        "Deployment": _deployment,
        "StatefulSet": _deployment,
        "HorizontalPodAutoscaler": _scaler,
        "Service": _service,
        "Ingress": _ingress,
        "ServiceAccount": _account,
    }
    change = changes.get(document["kind"])
    if change is not None:
        change(made, workload)
    return yaml_text(made).replace(workload.name, NAME)


def _metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    labels = {**metadata["labels"], "app.kubernetes.io/managed-by": Written("{{ .Release.Service }}")}
    return {**metadata, "namespace": Written("{{ .Release.Namespace }}"), "labels": labels}


def _value(path: str, *, how: str = "quote") -> Written:
    return Written(f"{{{{ .Values.{path} | {how} }}}}" if how else f"{{{{ .Values.{path} }}}}")


def _config(made: dict[str, Any], workload: Workload) -> None:
    made["data"] = _value("config", how="toJson")


def _account(made: dict[str, Any], workload: Workload) -> None:
    made["metadata"]["annotations"] = _value("serviceAccount.annotations", how="toJson")


def _deployment(made: dict[str, Any], workload: Workload) -> None:
    key = _key(made)
    spec = made["spec"] = {**made["spec"]}
    if "replicas" in spec:
        spec["replicas"] = _value(f"versions.{key}.replicas", how="")
    pod = {**spec["template"]["spec"]}
    container = {**pod["containers"][0], "image": _value(f"versions.{key}.image")}
    container["resources"] = _value("resources", how="toJson")
    pod["containers"] = [container]
    pod["volumes"] = [
        {**each, "secret": {"secretName": _value("keysSecret")}} if each["name"] == "keys" else each
        for each in pod["volumes"]
    ]
    metadata = {**spec["template"]["metadata"], "annotations": {"kervan.io/told": Written(_MARK)}}
    metadata["labels"] = made["metadata"]["labels"] | {
        name: text for name, text in metadata["labels"].items() if name not in made["metadata"]["labels"]
    }
    spec["template"] = {"metadata": metadata, "spec": pod}


def _scaler(made: dict[str, Any], workload: Workload) -> None:
    name = made["metadata"]["name"]
    key = name.removeprefix(f"{workload.name}-").replace("-", "_")
    least, most = (_value(f"versions.{key}.{each}", how="") for each in ("replicas", "mostReplicas"))
    made["spec"] = {**made["spec"], "minReplicas": least, "maxReplicas": most}


def _service(made: dict[str, Any], workload: Workload) -> None:
    if made["metadata"]["name"] == workload.name:
        made["spec"] = {**made["spec"], "type": _value("service.type")}
        made["metadata"]["annotations"] = _value("service.annotations", how="toJson")


def _ingress(made: dict[str, Any], workload: Workload) -> None:
    host = _value("ingress.host")
    spec = {**made["spec"], "rules": [{**each, "host": host} for each in made["spec"]["rules"]]}
    if "tls" in spec:
        spec["tls"] = [{"hosts": [host], "secretName": _value("ingress.tlsSecret")}]
    made["spec"] = spec


def _key(made: dict[str, Any]) -> str:
    return str(made["metadata"]["labels"]["kervan.io/slot"]).replace("-", "_")
