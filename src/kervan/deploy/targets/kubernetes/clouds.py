"""What the clusters of clouds want said in annotations: whom replicas act as, and which load balancer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kervan.deploy.targets.kubernetes.settings import (
        AksSettings,
        EksSettings,
        GkeSettings,
        KubernetesSettings,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """Annotations of the service account, the Service and the Ingress, labels of pods, and classes."""

    account: dict[str, str] = field(default_factory=dict)
    service: dict[str, str] = field(default_factory=dict)
    ingress: dict[str, str] = field(default_factory=dict)
    pod_labels: dict[str, str] = field(default_factory=dict)
    ingress_class: str = ""
    balancer_class: str = ""


def any_cluster(settings: KubernetesSettings) -> Cloud:
    """Nothing that only one cloud understands."""
    return Cloud(ingress_class=settings.ingress_class)


def eks(settings: EksSettings) -> Cloud:
    """IAM roles for service accounts, and the AWS Load Balancer Controller."""
    scheme = "internet-facing" if settings.public else "internal"
    balancer = "service.beta.kubernetes.io/aws-load-balancer-"
    ingress = {
        "alb.ingress.kubernetes.io/scheme": scheme,
        "alb.ingress.kubernetes.io/target-type": "ip",
        "alb.ingress.kubernetes.io/healthcheck-path": "/readyz",
    }
    if settings.certificate:
        ingress["alb.ingress.kubernetes.io/certificate-arn"] = settings.certificate
        ingress["alb.ingress.kubernetes.io/listen-ports"] = '[{"HTTPS": 443}]'
    is_balanced = settings.service == "LoadBalancer"
    return Cloud(
        account={"eks.amazonaws.com/role-arn": settings.role} if settings.role else {},
        service={f"{balancer}scheme": scheme, f"{balancer}nlb-target-type": "ip"} if is_balanced else {},
        ingress=ingress,
        ingress_class=settings.ingress_class or "alb",
        balancer_class="service.k8s.aws/nlb" if is_balanced else "",
    )


def gke(settings: GkeSettings) -> Cloud:
    """Workload identity, and Google's load balancers, which reach pods by themselves.

    The class of an Ingress is an annotation here: GKE's controller does not read `ingressClassName`.
    """
    service = {"cloud.google.com/neg": '{"ingress": true}'} if settings.host else {}
    if settings.service == "LoadBalancer" and not settings.public:
        service["networking.gke.io/load-balancer-type"] = "Internal"
    usual = "gce" if settings.public else "gce-internal"
    ingress = {"kubernetes.io/ingress.class": settings.ingress_class or usual}
    if settings.certificate:
        ingress["networking.gke.io/managed-certificates"] = settings.certificate
        ingress["kubernetes.io/ingress.allow-http"] = "false"
    return Cloud(
        account={"iam.gke.io/gcp-service-account": settings.account} if settings.account else {},
        service=service,
        ingress=ingress,
    )


def aks(settings: AksSettings) -> Cloud:
    """Workload identity, Azure's load balancer, and the application routing add-on."""
    is_inside = settings.service == "LoadBalancer" and not settings.public
    return Cloud(
        account={"azure.workload.identity/client-id": settings.identity} if settings.identity else {},
        pod_labels={"azure.workload.identity/use": "true"} if settings.identity else {},
        service={"service.beta.kubernetes.io/azure-load-balancer-internal": "true"} if is_inside else {},
        ingress_class=settings.ingress_class or "webapprouting.kubernetes.azure.com",
    )
