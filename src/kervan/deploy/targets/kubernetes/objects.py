"""The objects of a release in a cluster, as plain mappings, in the order in which they are applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.deploy.targets.kubernetes.pod import mark, pod
from kervan.deploy.targets.kubernetes.shares import SLOT, receiving, replicas, selector, slot
from kervan.deploy.targets.told import grpc_port, told

if TYPE_CHECKING:
    from kervan.deploy.targets.kubernetes.clouds import Cloud
    from kervan.deploy.targets.kubernetes.settings import KubernetesSettings
    from kervan.deploy.workload import Unit, Workload


class Objects:
    """Makes the objects of one release, for a cluster with these settings."""

    def __init__(self, workload: Workload, settings: KubernetesSettings, cloud: Cloud) -> None:
        self._workload = workload
        self._settings = settings
        self._cloud = cloud

    def account(self) -> dict[str, Any]:
        """Whom replicas act as: nobody, unless a cloud gives the account a role."""
        made = self._named("v1", "ServiceAccount", annotations=self._cloud.account)
        return {**made, "automountServiceAccountToken": False}

    def config(self) -> dict[str, Any]:
        """What containers are told."""
        return {**self._named("v1", "ConfigMap"), "data": told(self._workload)}

    def workload(self, unit: Unit) -> dict[str, Any]:
        """One version: a Deployment, or a StatefulSet where its records stay."""
        is_kept = bool(self._settings.records)
        labels = self._labels(unit)
        name = self.name_of(unit)
        kind = "StatefulSet" if is_kept else "Deployment"
        made = self._named("apps/v1", kind, name=name, labels=labels)
        least, most = self._replicas(unit)
        template = {
            "metadata": {
                "labels": {**labels, **self._cloud.pod_labels},
                "annotations": {"kervan.io/told": mark(told(self._workload))},
            },
            "spec": pod(self._workload, unit, self._settings),
        }
        count = {"replicas": least} if least == most else {}
        selected = {"matchLabels": self._slot(unit)}
        if is_kept:
            more: dict[str, Any] = {
                "serviceName": self._workload.name,
                "podManagementPolicy": "Parallel",
                "updateStrategy": {"type": "RollingUpdate"},
                "volumeClaimTemplates": [self._claim()],
            }
        else:
            more = {
                "revisionHistoryLimit": 5,
                "progressDeadlineSeconds": self._settings.patience,
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            }
        return {**made, "spec": {**count, "selector": selected, **more, "template": template}}

    def _claim(self) -> dict[str, Any]:
        spec: dict[str, Any] = {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": self._settings.records}},
        }
        if self._settings.storage_class:
            spec["storageClassName"] = self._settings.storage_class
        return {"metadata": {"name": "records"}, "spec": spec}

    def scaler(self, unit: Unit) -> dict[str, Any] | None:
        """More replicas while they are busy, up to the plan's most."""
        least, most = self._replicas(unit)
        if most <= least:
            return None
        name = self.name_of(unit)
        kind = "StatefulSet" if self._settings.records else "Deployment"
        spec = {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": name},
            "minReplicas": least,
            "maxReplicas": most,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
                }
            ],
        }
        return {**self._named("autoscaling/v2", "HorizontalPodAutoscaler", name=name), "spec": spec}

    def budget(self, unit: Unit) -> dict[str, Any]:
        """Never more than one replica of a version away because a node is emptied."""
        made = self._named("policy/v1", "PodDisruptionBudget", name=self.name_of(unit))
        return {**made, "spec": {"maxUnavailable": 1, "selector": {"matchLabels": self._slot(unit)}}}

    def network(self) -> dict[str, Any]:
        """Who may connect, and that replicas connect nowhere."""
        ports = [{"protocol": "TCP", "port": "http"}]
        if self._workload.plan.grpc_port is not None:
            ports.append({"protocol": "TCP", "port": "grpc"})
        rule: dict[str, Any] = {"ports": ports}
        if self._settings.allow_from:
            rule["from"] = [
                {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": each}}}
                for each in self._settings.allow_from
            ]
        spec: dict[str, Any] = {
            "podSelector": {"matchLabels": self._instance()},
            "policyTypes": ["Ingress"] if self._settings.egress else ["Ingress", "Egress"],
            "ingress": [rule],
        }
        if not self._settings.egress:
            spec["egress"] = []
        return {**self._named("networking.k8s.io/v1", "NetworkPolicy"), "spec": spec}

    def service(self) -> dict[str, Any]:
        """The one address, behind which lie the versions that get traffic."""
        return self._service(self._workload.name, selector(self._workload), self._settings.service)

    def services_of_units(self) -> list[dict[str, Any]]:
        """An address for each version that gets a share, where an Ingress deals these out."""
        if not self._weighs:
            return []
        return [
            self._service(self.name_of(each), self._slot(each), "ClusterIP")
            for each in receiving(self._workload)
        ]

    def _service(self, name: str, selected: dict[str, str], kind: str) -> dict[str, Any]:
        ports: list[dict[str, Any]] = [{"name": "http", "port": 80, "targetPort": "http"}]
        if (number := grpc_port(self._workload.plan)) is not None:
            ports.append({"name": "grpc", "port": number, "targetPort": "grpc"})
        annotations = self._cloud.service if name == self._workload.name else {}
        spec: dict[str, Any] = {"type": kind, "selector": selected, "ports": ports}
        if kind == "LoadBalancer" and self._cloud.balancer_class:
            spec["loadBalancerClass"] = self._cloud.balancer_class
        return {**self._named("v1", "Service", name=name, annotations=annotations), "spec": spec}

    def ingresses(self) -> list[dict[str, Any]]:
        """The way in from outside of the cluster; with weights one more for each version beside the first."""
        if not self._settings.host:
            return []
        if not self._weighs:
            return [self._ingress(self._workload.name, self._workload.name, {})]
        first, *others = receiving(self._workload)
        made = [self._ingress(self._workload.name, self.name_of(first), {})]
        for each in others:
            weight = {
                "nginx.ingress.kubernetes.io/canary": "true",
                "nginx.ingress.kubernetes.io/canary-weight": str(each.percent),
            }
            made.append(self._ingress(self.name_of(each), self.name_of(each), weight))
        return made

    def _ingress(self, name: str, service: str, more: dict[str, str]) -> dict[str, Any]:
        settings = self._settings
        path = {
            "path": "/",
            "pathType": "Prefix",
            "backend": {"service": {"name": service, "port": {"name": "http"}}},
        }
        spec: dict[str, Any] = {"rules": [{"host": settings.host, "http": {"paths": [path]}}]}
        if self._cloud.ingress_class:
            spec["ingressClassName"] = self._cloud.ingress_class
        if settings.tls_secret:
            spec["tls"] = [{"hosts": [settings.host], "secretName": settings.tls_secret}]
        annotations = {**self._cloud.ingress, **settings.annotations, **more}
        made = self._named("networking.k8s.io/v1", "Ingress", name=name, annotations=annotations)
        return {**made, "spec": spec}

    def name_of(self, unit: Unit) -> str:
        """Return how what runs of a version is called."""
        return f"{self._workload.name}-{slot(self._workload, unit)}"

    def slot_of(self, unit: Unit) -> str:
        """Return the label by which the pods of a version are told from others."""
        return slot(self._workload, unit)

    @property
    def _weighs(self) -> bool:
        return self._settings.weights == "ingress" and len(receiving(self._workload)) > 1

    def _replicas(self, unit: Unit) -> tuple[int, int]:
        return replicas(self._workload, unit, by_number=self._settings.weights != "ingress")

    def _instance(self) -> dict[str, str]:
        return {"app.kubernetes.io/instance": self._workload.name}

    def _slot(self, unit: Unit) -> dict[str, str]:
        return {**self._instance(), SLOT: slot(self._workload, unit)}

    def _labels(self, unit: Unit) -> dict[str, str]:
        return {
            **self._workload.labels,
            "app.kubernetes.io/version": unit.manifest.version,
            SLOT: slot(self._workload, unit),
        }

    def _named(
        self,
        version: str,
        kind: str,
        *,
        name: str = "",
        labels: dict[str, str] | None = None,
        annotations: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        metadata: dict[str, Any] = {
            "name": name or self._workload.name,
            "namespace": self._settings.namespace,
            "labels": labels or self._workload.labels,
        }
        if annotations:
            metadata["annotations"] = annotations
        return {"apiVersion": version, "kind": kind, "metadata": metadata}
