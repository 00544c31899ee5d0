"""A role for plain servers: linted, and run twice on this machine into a folder of its own.

There is no systemd here, so the steps that start the unit are left out by their own condition.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from kervan.core.errors import Refused
from kervan.deploy.targets.infrastructure.ansible import AnsibleTarget
from tools import tool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from deploy.targets.rendering import Rendering


def told_of(folder: Path) -> dict[str, str]:
    """Nothing of this machine's own configuration of Ansible, and no look for newer versions."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_DEVEL_WARNING": "0",
        "PATH": f"{os.path.dirname(tool('ansible-lint'))}:{os.environ['PATH']}",  # noqa: PTH120
        "LC_ALL": "C.UTF-8",
    }


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [
        tool("ansible-lint"),
        "--offline",
        "--nocolor",
        "-q",
        "--profile",
        "production",
        "playbook.yml",
    ]
    return subprocess.run(
        command, cwd=folder, env=told_of(folder.parent), capture_output=True, text=True, check=False
    )


@pytest.fixture
def role(rendering: Callable[..., Rendering]) -> Rendering:
    made = rendering(AnsibleTarget(), "ansible", {})
    made.render()
    return made


@pytest.mark.service
def test_ansible_lint_accepts_it_and_finds_a_planted_fault(role: Rendering) -> None:
    done = lint(role.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    tasks = role.folder / "roles" / "kervan" / "tasks" / "main.yml"
    tasks.write_text(tasks.read_text().replace("ansible.builtin.unarchive", "ansible.builtin.unarchiv"))
    wrong = lint(role.folder)
    assert wrong.returncode != 0
    assert "unarchiv" in wrong.stdout + wrong.stderr


@pytest.mark.service
def test_a_second_run_changes_nothing(role: Rendering, tmp_path: Path) -> None:
    with zipfile.ZipFile(role.folder / "1.0.0.zip", "w") as archive:
        archive.writestr("package/manifest.json", "{}")
        archive.writestr("handler.txt", "x")
    root = tmp_path / "root"
    root.mkdir()
    group = subprocess.run(["id", "-gn"], capture_output=True, text=True, check=True).stdout.strip()
    variables: dict[str, Any] = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys._base_executable,  # type: ignore[attr-defined]
        "ansible_become": False,
        "kervan_make_user": False,
        "kervan_user": os.environ.get("USER", "root"),
        "kervan_group": group,
        "kervan_keys": '{"version":1,"keys":[]}',
        "kervan_certificate": "certificate",
        "kervan_certificate_key": "key",
        **{f"kervan_{name}": str(root / name) for name in ("home", "records", "config", "units")},
    }
    (root / "units").mkdir()
    inventory = role.folder / "inventory.json"
    inventory.write_text(json.dumps({"kervan": {"hosts": {"here": variables}}}))

    def play() -> dict[str, int]:
        done = subprocess.run(
            [tool("ansible-playbook"), "-i", str(inventory), "playbook.yml"],
            cwd=role.folder,
            env=told_of(tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        counts = re.search(r"here\s+: (.*)", done.stdout)
        assert counts, done.stdout
        return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", counts[1])}

    first = play()
    assert first["changed"] > 5
    assert first["skipped"] >= 3  # no user is made, and no unit started
    assert (root / "home" / "current" / "handler.txt").read_text() == "x"
    unit = (root / "units" / "gelir-production.service").read_text()
    assert "ProtectSystem=strict" in unit
    assert f"KERVAN_KEYS={root / 'config'}/access.json" in (root / "config" / "environment").read_text()
    second = play()
    assert (second["changed"], second["failed"], second["unreachable"]) == (0, 0, 0)
    analyze = shutil.which("systemd-analyze")
    if analyze:
        done = subprocess.run(
            [analyze, "verify", str(root / "units" / "gelir-production.service")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Unknown key" not in done.stderr, done.stderr


def test_no_secret_is_written(role: Rendering) -> None:
    defaults = yaml.safe_load((role.folder / "roles" / "kervan" / "defaults" / "main.yml").read_text())
    assert [defaults[f"kervan_{name}"] for name in ("keys", "certificate", "certificate_key")] == ["", "", ""]
    with pytest.raises(Refused, match="one version"):
        role.render("1.0.0", candidate="2.0.0")
