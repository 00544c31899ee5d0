"""IBM Watson: metadata by the names of IBM's library, the function by calling it."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.targets.rendered import Make
from deploy.targets.test_azure import tools_python
from kervan.core.errors import Refused
from serve.real_packages import ROW

pytestmark = pytest.mark.service  # programs that `make setup-tools` brings

NAMES = """
import json, sys
from ibm_watsonx_ai import metanames
for kind, path in zip(sys.argv[1::2], sys.argv[2::2]):
    names = getattr(metanames, kind)
    known = {getattr(names, each) for each in dir(names) if each.isupper()}
    for each in json.load(open(path)):
        if each not in known:
            print(kind, each, "is unknown")
"""
KINDS = {
    "conda_extension.json": "PkgExtnMetaNames",
    "package_extension.json": "PkgExtnMetaNames",
    "software_specification.json": "SwSpecMetaNames",
    "function.json": "FunctionMetaNames",
    "deployment.json": "DeploymentMetaNames",
}
CALL = """
import json, sys
sys.path.insert(0, sys.argv[1])
from function import deployable
print(json.dumps(deployable()(json.loads(sys.argv[2]))))
"""


def test_ibms_library_knows_the_names(make: Make) -> None:
    rendering = make("ibm-watson", workers=2)
    assert rendering.render() == rendering.render()
    words = [each for name, kind in KINDS.items() for each in (kind, str(rendering.folder / name))]
    done = tools_python(NAMES, *words)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    path = rendering.folder / "deployment.json"
    path.write_text(path.read_text().replace('"online"', '"onlin"'))
    assert tools_python(NAMES, *words).stdout == "DeploymentMetaNames onlin is unknown\n"
    ast.parse((rendering.folder / "release.py").read_text())


def test_the_function_answers(make: Make, packages: dict[str, Path], tmp_path: Path) -> None:
    rendering = make("ibm-watson")
    rendering.render()
    payload = {"input_data": [{"fields": list(ROW), "values": [list(ROW.values())] * 2}]}
    told = {**os.environ, "KERVAN_PACKAGE": str(packages["1.0.0"])}
    words = [sys.executable, "-c", CALL, str(rendering.folder), json.dumps(payload)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, env=told, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])["predictions"][0]
    assert answer["fields"] == ["label", "probabilities"]
    assert len(answer["values"]) == 2


def test_what_watson_does_not_do(make: Make) -> None:
    release = make("ibm-watson", most_workers=3, grpc_port=0, settings={"size": "HUGE"})
    assert len(release.findings()) == 3
    with pytest.raises(Refused, match=r"run release\.py|does not release"):
        release.apply()
    with pytest.raises(Refused, match="one version"):
        make("ibm-watson", candidate=0.5).render()
    release.target.remove(release.folder)
    assert not release.target.runs(release.folder)
