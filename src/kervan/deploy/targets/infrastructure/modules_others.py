"""Terraform for Google, Azure and Kubernetes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import Refused
from kervan.core.places import PORT
from kervan.deploy.targets.infrastructure.hcl import Block, Expression
from kervan.deploy.targets.infrastructure.module import Module, image, image_variables, resource, var
from kervan.deploy.targets.told import told
from kervan.deploy.workload import NoSettings, settings_of

if TYPE_CHECKING:
    from kervan.core.serving import Plan
    from kervan.deploy.workload import Unit, Workload

_AZURE = {"azurerm": {"source": "hashicorp/azurerm", "version": ">= 4.0"}}
_AZURE_PROVIDER = Block("provider", ("azurerm",), {}, [Block("features")])


def cloud_run(workload: Workload, plan: Plan) -> Module:
    """A service of Cloud Run with the main version: Terraform gives the traffic to one revision."""
    unit = _alone(workload, "Cloud Run")
    env = [Block("env", body={"name": name, "value": value}) for name, value in _guarded(workload).items()]
    limits = {"cpu": f"{max(plan.cpu, 1):g}", "memory": f"{_mib(plan)}Mi"}
    container = Block(
        "containers",
        body={"image": var(image(unit))},
        blocks=[
            Block("ports", body={"container_port": PORT}),
            Block("resources", body={"limits": limits}),
            Block("startup_probe", blocks=[Block("http_get", body={"path": "/readyz", "port": PORT})]),
            *env,
        ],
    )
    scaling = Block(
        "scaling",
        body={"min_instance_count": plan.workers, "max_instance_count": max(plan.most_workers, plan.workers)},
    )
    service = resource(
        "google_cloud_run_v2_service",
        "this",
        {
            "name": workload.name,
            "location": var("region"),
            "ingress": "INGRESS_TRAFFIC_ALL",
            "deletion_protection": False,
        },
        Block("template", body={"service_account": var("service_account")}, blocks=[scaling, container]),
    )
    return Module(
        blocks=[service],
        variables={
            "project": {"description": "The project."},
            "region": {"description": "The region."},
            "service_account": {"description": "The account in whose name it runs."},
            **image_variables(workload),
        },
        requires={"google": {"source": "hashicorp/google", "version": ">= 6.0"}},
        providers=[Block("provider", ("google",), {"project": var("project"), "region": var("region")})],
        url=Expression("google_cloud_run_v2_service.this.uri"),
    )


def container_app(workload: Workload, plan: Plan) -> Module:
    """An app of Azure Container Apps."""
    unit = _alone(workload, "this module")
    env = [Block("env", body={"name": name, "value": value}) for name, value in _keyed(workload).items()]
    container = Block(
        "container",
        body={
            "name": "kervan",
            "image": var(image(unit)),
            "cpu": max(plan.cpu, 0.5),
            "memory": f"{max(plan.cpu, 0.5) * 2:g}Gi",
        },
        blocks=[
            *env,
            Block("volume_mounts", body={"name": "keys", "path": "/run/secrets/kervan"}),
            Block("readiness_probe", body={"transport": "HTTP", "port": PORT, "path": "/readyz"}),
        ],
    )
    template = Block(
        "template",
        body={"min_replicas": plan.workers, "max_replicas": max(plan.most_workers, plan.workers)},
        blocks=[container, Block("volume", body={"name": "keys", "storage_type": "Secret"})],
    )
    weight = Block("traffic_weight", body={"latest_revision": True, "percentage": 100})
    app = resource(
        "azurerm_container_app",
        "this",
        {
            "name": workload.name[:32].rstrip("-"),
            "resource_group_name": var("resource_group"),
            "container_app_environment_id": var("container_environment"),
            "revision_mode": "Single",
        },
        Block(
            "secret",
            body={"name": "access.json", "key_vault_secret_id": var("keys_secret"), "identity": "System"},
        ),
        Block("identity", body={"type": "SystemAssigned"}),
        template,
        Block("ingress", body={"external_enabled": True, "target_port": PORT}, blocks=[weight]),
    )
    return Module(
        blocks=[app],
        variables={
            "resource_group": {"description": "The resource group."},
            "container_environment": {"description": "The id of the environment of Container Apps."},
            "keys_secret": {"description": "The id of the secret of Key Vault that holds access.json."},
            **image_variables(workload),
        },
        requires=_AZURE,
        providers=[_AZURE_PROVIDER],
        url=Expression('"https://${azurerm_container_app.this.ingress[0].fqdn}"'),
    )


def aci(workload: Workload, plan: Plan) -> Module:
    """A group of Azure Container Instances, in a network of its own: nobody there brings TLS."""
    unit = _alone(workload, "Container Instances")
    container = Block(
        "container",
        body={
            "name": "kervan",
            "image": var(image(unit)),
            "cpu": max(plan.cpu, 1),
            "memory": max(_mib(plan) / 1024, 1),
            "environment_variables": _keyed(workload),
        },
        blocks=[
            Block("ports", body={"port": PORT, "protocol": "TCP"}),
            Block(
                "volume",
                body={
                    "name": "keys",
                    "mount_path": "/run/secrets/kervan",
                    "read_only": True,
                    "secret": {"access.json": Expression("base64encode(var.keys)")},
                },
            ),
            Block(
                "readiness_probe",
                body={"period_seconds": 10},
                blocks=[Block("http_get", body={"path": "/readyz", "port": PORT, "scheme": "http"})],
            ),
        ],
    )
    group = resource(
        "azurerm_container_group",
        "this",
        {
            "name": workload.name,
            "location": var("location"),
            "resource_group_name": var("resource_group"),
            "os_type": "Linux",
            "ip_address_type": "Private",
            "subnet_ids": [var("subnet")],
        },
        Block("identity", body={"type": "SystemAssigned"}),
        container,
        remarks=["checkov:skip=CKV_AZURE_235:the variables are no secrets, the keys come by a secret volume"],
    )
    return Module(
        blocks=[group],
        variables={
            "location": {"description": "The region."},
            "resource_group": {"description": "The resource group."},
            "subnet": {"description": "The id of a subnet that is delegated to Container Instances."},
            "keys": {"description": "The content of access.json: hashes alone, give it by TF_VAR_keys."},
            **image_variables(workload),
        },
        requires=_AZURE,
        providers=[_AZURE_PROVIDER],
        url=Expression(f'"http://${{azurerm_container_group.this.ip_address}}:{PORT}"'),
    )


def kubernetes(workload: Workload, plan: Plan) -> Module:
    """A deployment and a service of Kubernetes for the main version."""
    unit = _alone(workload, "this module")
    labels = workload.labels
    env = [Block("env", body={"name": name, "value": value}) for name, value in _keyed(workload).items()]
    size = {"cpu": f"{plan.cpu or 1:g}", "memory": f"{_mib(plan)}Mi"}
    security = Block(
        "security_context",
        body={
            "run_as_non_root": True,
            "run_as_user": 10001,
            "read_only_root_filesystem": True,
            "allow_privilege_escalation": False,
        },
        blocks=[Block("capabilities", body={"drop": ["ALL"]})],
    )
    probe = [Block("http_get", body={"path": "/readyz", "port": PORT})]
    container = Block(
        "container",
        body={"name": "kervan", "image": var(image(unit)), "image_pull_policy": "Always"},
        blocks=[
            *env,
            Block("port", body={"container_port": PORT}),
            Block("resources", body={"limits": size, "requests": size}),
            Block("readiness_probe", blocks=probe),
            Block("liveness_probe", blocks=[Block("http_get", body={"path": "/livez", "port": PORT})]),
            security,
            Block("volume_mount", body={"name": "records", "mount_path": "/var/lib/kervan/records"}),
            Block(
                "volume_mount",
                body={"name": "keys", "mount_path": "/run/secrets/kervan", "read_only": True},
            ),
        ],
    )
    spec = Block(
        "spec",
        body={"automount_service_account_token": False},
        blocks=[
            Block("security_context", body={"fs_group": 10001}),
            container,
            Block("volume", body={"name": "records"}, blocks=[Block("empty_dir")]),
            Block(
                "volume",
                body={"name": "keys"},
                blocks=[Block("secret", body={"secret_name": var("keys_secret")})],
            ),
        ],
    )
    metadata = Block(
        "metadata", body={"name": workload.name, "namespace": var("namespace"), "labels": labels}
    )
    template = Block("template", blocks=[Block("metadata", body={"labels": labels}), spec])
    selector = Block("selector", body={"match_labels": labels})
    blocks = [
        resource(
            "kubernetes_deployment_v1",
            "this",
            {},
            metadata,
            Block("spec", body={"replicas": plan.workers}, blocks=[selector, template]),
            remarks=[
                "checkov:skip=CKV_K8S_43:the tag names what the package holds; a digest may be given too"
            ],
        ),
        resource(
            "kubernetes_service_v1",
            "this",
            {},
            metadata,
            Block(
                "spec",
                body={"selector": labels},
                blocks=[Block("port", body={"name": "http", "port": 80, "target_port": PORT})],
            ),
        ),
    ]
    return Module(
        blocks=blocks,
        variables={
            "namespace": {"description": "The namespace."},
            "keys_secret": {
                "description": "The secret whose access.json holds the keys.",
                "default": "kervan-keys",
            },
            **image_variables(workload),
        },
        requires={"kubernetes": {"source": "hashicorp/kubernetes", "version": ">= 2.30"}},
        url=Expression(f'"http://{workload.name}.${{var.namespace}}.svc"'),
    )


def _alone(workload: Workload, where: str) -> Unit:
    settings_of(workload.plan, NoSettings)  # what differs there is a variable
    if len(workload.units) > 1:
        raise Refused(f"{where} holds one version", hint="let the place's own target share the traffic")
    return workload.main


def _guarded(workload: Workload) -> dict[str, str]:
    """Return the variables of a container behind a platform that lets in only who may ask."""
    found = {name: value for name, value in told(workload).items() if name != "KERVAN_GRPC_PORT"}
    return {**found, "KERVAN_PLATFORM": "1"}


def _keyed(workload: Workload) -> dict[str, str]:
    """Return the variables of a container that asks for keys."""
    left_out = {"KERVAN_GRPC_PORT", "KERVAN_PLATFORM"}
    return {name: value for name, value in told(workload).items() if name not in left_out}


def _mib(plan: Plan) -> int:
    return plan.memory >> 20 or 1024
