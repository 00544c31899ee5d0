"""Ansible: a role and a playbook for plain servers, which unpack a package and run it by systemd.

The ZIP of a package brings Kervan and its wheels, so a server needs Python 3.11 and nothing else. Each
release lies in a folder of its own; `current` leads to the one that answers, so the way back is a link.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from kervan.core.errors import Refused
from kervan.core.places import Artefact, Place
from kervan.deploy.bundle import SERVER
from kervan.deploy.targets.infrastructure.elsewhere import Elsewhere
from kervan.deploy.targets.told import told
from kervan.deploy.targets.yaml_text import yaml_text
from kervan.deploy.workload import settings_of, workload_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kervan.core.serving import Plan, Serving
    from kervan.deploy.workload import Workload

_DIGITS = 12
_MODES = {"owner": "root", "group": "{{ kervan_group }}"}
_ROLE = "roles/kervan"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsibleSettings:
    """`[targets.ansible]`: the group of `hosts`, and how many are changed at once (`serial`)."""

    hosts: str = "kervan"
    serial: str = "1"
    port: int = 8443


class AnsibleTarget(Elsewhere):
    """Writes a playbook and its role, which `ansible-playbook` applies."""

    about = Place(
        title="Ansible",
        artefact=Artefact.ZIP,
        strategies=("at-once", "rolling"),
        applies=False,
        tool="ansible-playbook -i inventory.yml playbook.yml",
        checked="ansible-lint, offline",
        proved=(
            "two runs on one machine into a folder of its own, without systemd: the second changed nothing; "
            "the unit was never started"
        ),
    )
    runtime = SERVER

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        """Return the playbook, the role, and an example of an inventory."""
        settings = settings_of(plan, AnsibleSettings)
        workload = workload_of(serving, plan)
        if len(workload.units) > 1:
            raise Refused("a plain server answers with one version", hint="release by at-once or rolling")
        files = {
            "playbook.yml": yaml_text_of([_play(settings)]),
            "inventory.example.yml": _marked({settings.hosts: {"hosts": {"server.example.com": {}}}}),
            f"{_ROLE}/defaults/main.yml": _marked(_defaults(workload, settings)),
            f"{_ROLE}/tasks/main.yml": yaml_text_of(_TASKS),
            f"{_ROLE}/handlers/main.yml": yaml_text_of(_HANDLERS),
            f"{_ROLE}/meta/main.yml": _marked(_META),
            f"{_ROLE}/templates/kervan.service.j2": _UNIT,
            f"{_ROLE}/templates/environment.j2": _ENVIRONMENT,
        }
        return {PurePath(name): text for name, text in files.items()}


def yaml_text_of(items: list[dict[str, Any]]) -> str:
    """Write a list as the whole of a document, its first line marked as Ansible wants it."""
    lines = yaml_text({"all": items}).splitlines()[1:]
    return "---\n" + "".join(f"{line[2:]}\n" for line in lines)


def _marked(content: Mapping[str, Any]) -> str:
    return "---\n" + yaml_text(content)


def _play(settings: AnsibleSettings) -> dict[str, Any]:
    return {
        "name": "Answer for a model",
        "hosts": settings.hosts,
        "become": True,
        "serial": settings.serial,
        "max_fail_percentage": 0,
        "roles": ["kervan"],
    }


def _defaults(workload: Workload, settings: AnsibleSettings) -> dict[str, Any]:
    unit = workload.main
    left_out = {"KERVAN_PLATFORM", "KERVAN_PROXY", "KERVAN_GRPC_PORT"}
    variables = {name: value for name, value in told(workload).items() if name not in left_out}
    return {
        "kervan_release": f"{unit.manifest.version}-{unit.manifest.hash[:_DIGITS]}",
        "kervan_archive": f"{{{{ playbook_dir }}}}/{unit.manifest.version}.zip",
        "kervan_name": workload.name,
        "kervan_home": "/opt/kervan",
        "kervan_records": "/var/lib/kervan/records",
        "kervan_config": "/etc/kervan",
        "kervan_units": "/etc/systemd/system",
        "kervan_user": "kervan",
        "kervan_group": "kervan",
        "kervan_make_user": True,
        "kervan_python": "/usr/bin/python3",
        "kervan_port": settings.port,
        # Given by the inventory, from a vault: none of it is written here.
        "kervan_keys": "",
        "kervan_certificate": "",
        "kervan_certificate_key": "",
        "kervan_variables": variables,
    }


_WHERE = "{{ kervan_home }}/releases/{{ kervan_release }}"
_HAS_SYSTEMD = "ansible_facts['service_mgr'] == 'systemd'"
_TASKS: list[dict[str, Any]] = [
    {
        "name": "Find out that there are keys and a certificate",
        "ansible.builtin.assert": {
            "that": [
                "kervan_keys | length > 0",
                "kervan_certificate | length > 0",
                "kervan_certificate_key | length > 0",
            ],
            "fail_msg": "give kervan_keys, kervan_certificate and kervan_certificate_key, from a vault",
            "quiet": True,
        },
        "no_log": True,
    },
    {
        "name": "Make the group",
        "ansible.builtin.group": {"name": "{{ kervan_group }}", "system": True},
        "when": "kervan_make_user",
    },
    {
        "name": "Make the user",
        "ansible.builtin.user": {
            "name": "{{ kervan_user }}",
            "group": "{{ kervan_group }}",
            "system": True,
            "home": "{{ kervan_home }}",
            "create_home": False,
            "shell": "/usr/sbin/nologin",
        },
        "when": "kervan_make_user",
    },
    {
        "name": "Make the folders that root alone changes",
        "ansible.builtin.file": {"path": "{{ item }}", "state": "directory", "mode": "0750", **_MODES},
        "loop": ["{{ kervan_home }}", "{{ kervan_home }}/releases", _WHERE, "{{ kervan_config }}"],
    },
    {
        "name": "Make the folder of records",
        "ansible.builtin.file": {
            "path": "{{ kervan_records }}",
            "state": "directory",
            "mode": "0700",
            "owner": "{{ kervan_user }}",
            "group": "{{ kervan_group }}",
        },
    },
    {
        "name": "Unpack the release",
        "ansible.builtin.unarchive": {
            "src": "{{ kervan_archive }}",
            "dest": _WHERE,
            "creates": f"{_WHERE}/package/manifest.json",
            **_MODES,
        },
    },
    {
        "name": "Write keys and certificate",
        "ansible.builtin.copy": {
            "content": "{{ item.content }}",
            "dest": "{{ kervan_config }}/{{ item.name }}",
            "mode": "0640",
            **_MODES,
        },
        "loop": [
            {"name": "access.json", "content": "{{ kervan_keys }}"},
            {"name": "certificate.pem", "content": "{{ kervan_certificate }}"},
            {"name": "certificate.key", "content": "{{ kervan_certificate_key }}"},
        ],
        "loop_control": {"label": "{{ item.name }}"},
        "no_log": True,
        "notify": "Restart Kervan",
    },
    {
        "name": "Write the environment",
        "ansible.builtin.template": {
            "src": "environment.j2",
            "dest": "{{ kervan_config }}/environment",
            "mode": "0640",
            **_MODES,
        },
        "notify": "Restart Kervan",
    },
    {
        "name": "Lead to the release",
        "ansible.builtin.file": {
            "src": _WHERE,
            "dest": "{{ kervan_home }}/current",
            "state": "link",
            "force": True,
        },
        "notify": "Restart Kervan",
    },
    {
        "name": "Write the unit",
        "ansible.builtin.template": {
            "src": "kervan.service.j2",
            "dest": "{{ kervan_units }}/{{ kervan_name }}.service",
            "mode": "0644",
            "owner": "root",
            "group": "root",
        },
        "notify": "Restart Kervan",
    },
    {
        "name": "Start the unit",
        "ansible.builtin.systemd_service": {
            "name": "{{ kervan_name }}",
            "enabled": True,
            "state": "started",
            "daemon_reload": True,
        },
        "when": _HAS_SYSTEMD,
    },
    {
        "name": "Bring what was changed into being",
        "ansible.builtin.meta": "flush_handlers",
    },
    {
        "name": "Wait until it is ready, before the next server is changed",
        "ansible.builtin.uri": {
            "url": "https://127.0.0.1:{{ kervan_port }}/readyz",
            "validate_certs": False,
        },
        "register": "kervan_ready",
        "until": "kervan_ready.status == 200",
        "retries": 30,
        "delay": 2,
        "when": _HAS_SYSTEMD,
    },
]
_HANDLERS: list[dict[str, Any]] = [
    {
        "name": "Restart Kervan",
        "ansible.builtin.systemd_service": {
            "name": "{{ kervan_name }}",
            "state": "restarted",
            "daemon_reload": True,
        },
        "when": _HAS_SYSTEMD,
    }
]
_META = {
    "galaxy_info": {
        "author": "Kervan",
        "description": "Answers for a model",
        "license": "Apache-2.0",
        "min_ansible_version": "2.15",
        "platforms": [{"name": "Debian", "versions": ["bookworm"]}],
    },
    "dependencies": [],
}
_ENVIRONMENT = """\
# {{ ansible_managed }}
PORT={{ kervan_port }}
PYTHONPATH={{ kervan_home }}/current
PYTHONDONTWRITEBYTECODE=1
PYTHONUNBUFFERED=1
KERVAN_PACKAGE={{ kervan_home }}/current/package
KERVAN_RECORDS={{ kervan_records }}
KERVAN_KEYS={{ kervan_config }}/access.json
KERVAN_CERTIFICATE={{ kervan_config }}/certificate.pem
KERVAN_CERTIFICATE_KEY={{ kervan_config }}/certificate.key
{% for name, value in kervan_variables.items() %}
{{ name }}={{ value | string | to_json }}
{% endfor %}
"""
_UNIT = """\
# {{ ansible_managed }}
[Unit]
Description=Kervan: {{ kervan_name }}
After=network-online.target
Wants=network-online.target

[Service]
User={{ kervan_user }}
Group={{ kervan_group }}
EnvironmentFile={{ kervan_config }}/environment
ExecStart={{ kervan_python }} -m kervan.serve.container
Restart=on-failure
RestartSec=2
TimeoutStopSec=60
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ReadWritePaths={{ kervan_records }}
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
UMask=0077

[Install]
WantedBy=multi-user.target
"""
