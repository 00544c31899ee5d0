"""What a cluster can be told beside the plan: `[targets.kubernetes]`, and more for the clusters of clouds."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesSettings:
    """Where in a cluster, and how callers reach it.

    `context` is one of kubectl's, "" for the current one. With `host` there is an Ingress, of the class
    `ingress_class`, with the certificate in the Secret `tls_secret`. `service` is the type of the Service.
    `keys_secret` is the Secret with `access.json`, "" for one that is called like the release with `-keys`.
    With `records`, a size such as "10Gi", there is a StatefulSet with a volume of `storage_class` for the
    records of each replica; without, a Deployment whose records end with a pod. `allow_from` are the
    namespaces that may ask, empty: all; with `egress` replicas may connect elsewhere. `weights` says how
    shares are dealt out: by the number of "replicas", or by the "ingress" of nginx. `pull_secret` opens the
    registry, `patience` is how many seconds a rollout may take.
    """

    namespace: str = "default"
    context: str = ""
    host: str = ""
    ingress_class: str = ""
    tls_secret: str = ""
    service: str = "ClusterIP"
    keys_secret: str = ""
    records: str = ""
    storage_class: str = ""
    allow_from: tuple[str, ...] = ()
    egress: bool = False
    weights: str = "replicas"
    annotations: dict[str, str] = field(default_factory=dict)
    pull_secret: str = ""
    patience: int = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class EksSettings(KubernetesSettings):
    """`role` is the IAM role of the service account; with `public` the load balancer faces the internet.

    `certificate` is the ARN of one in ACM, for the Ingress.
    """

    role: str = ""
    public: bool = False
    certificate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GkeSettings(KubernetesSettings):
    """`account` is the Google service account that replicas act as; with `public` callers come from anywhere.

    `certificate` is the name of a ManagedCertificate, for the Ingress.
    """

    account: str = ""
    public: bool = False
    certificate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AksSettings(KubernetesSettings):
    """`identity` is the client id of the managed identity that replicas act as.

    With `public` the load balancer faces the internet.
    """

    identity: str = ""
    public: bool = False
