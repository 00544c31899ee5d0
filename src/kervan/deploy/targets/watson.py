"""IBM Watson Machine Learning as a target: a function over the package, with its software specification.

Watson runs functions of Python, not images. What is rendered is applied by `release.py` with IBM's own
library; Kervan sends nothing there itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.core.errors import Refused
from kervan.core.places import Artefact, Place
from kervan.deploy.targets.findings import failed, warned
from kervan.deploy.targets.told import told
from kervan.deploy.targets.written import note_of, with_note
from kervan.deploy.workload import settings_of, workload_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from kervan.core.nouns import Finding
    from kervan.core.serving import Plan, Serving

_SIZES = ("XXS", "XS", "S", "M", "L", "XL")

FUNCTION = '''"""The function that Watson runs: `deployable` once, what it returns for each request."""


def deployable(variables=VARIABLES):
    """Load the package, and return what answers."""
    import os
    from glob import glob

    os.environ.update(variables)
    if "KERVAN_PACKAGE" not in os.environ:
        os.environ["KERVAN_PACKAGE"] = glob("/opt/**/kervan_package", recursive=True)[0]
    from kervan.serve.function import aws

    def score(payload):
        """Answer `{"input_data": [{"fields": [...], "values": [[...]]}]}` with labels or values."""
        answers = []
        for part in payload["input_data"]:
            rows = part["values"]
            if "fields" in part:
                rows = [dict(zip(part["fields"], row)) for row in rows]
            predictions = aws({"features": rows})["predictions"]
            fields = sorted(predictions[0])
            values = [[each[name] for name in fields] for each in predictions]
            answers.append({"fields": fields, "values": values})
        return {"predictions": answers}

    return score
'''

SCRIPT = '''"""Applies the files beside it with ibm-watsonx-ai: `python release.py package.zip`.

`package.zip` holds a setup.py and the package as the folder kervan_package. WATSONX_URL, WATSONX_APIKEY and
WATSONX_SPACE say where.
"""

import json
import os
import sys
from pathlib import Path

from ibm_watsonx_ai import APIClient, Credentials

here = Path(__file__).parent


def read(name):
    return json.loads((here / name).read_text())


client = APIClient(Credentials(url=os.environ["WATSONX_URL"], api_key=os.environ["WATSONX_APIKEY"]))
client.set.default_space(os.environ["WATSONX_SPACE"])
extensions = [
    client.package_extensions.store(meta_props=read(f"{name}_extension.json"), file_path=path)
    for name, path in (("conda", str(here / "conda.yml")), ("package", sys.argv[1]))
]
specification = read("software_specification.json")
base = client.software_specifications.get_id_by_name(specification["base_software_specification"]["name"])
specification["base_software_specification"] = {"guid": base}
stored = client.software_specifications.store(meta_props=specification)
specification_id = client.software_specifications.get_id(stored)
for each in extensions:
    client.software_specifications.add_package_extension(
        specification_id, client.package_extensions.get_id(each)
    )
sys.path.insert(0, str(here))
from function import deployable

properties = {**read("function.json"), "software_spec_id": specification_id}
function = client.repository.store_function(meta_props=properties, function=deployable)
deployment = client.deployments.create(client.repository.get_function_id(function), read("deployment.json"))
print(client.deployments.get_scoring_href(deployment))
'''


@dataclass(frozen=True, slots=True, kw_only=True)
class WatsonSettings:
    """`base` is the software specification that ours stands on, `size` that of the machine of each copy."""

    base: str = "runtime-24.1-py3.11"
    size: str = "S"


class WatsonTarget:
    """IBM Watson Machine Learning (watsonx.ai Runtime)."""

    about = Place(
        title="IBM Watson Machine Learning",
        artefact=Artefact.NONE,
        applies=False,
        tool="python release.py, with ibm-watsonx-ai",
        checked="the names and types of ibm-watsonx-ai",
        proved="the function answers; release.py was never run against IBM",
    )

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        """Return the function, its specifications, and the script that applies them."""
        settings = settings_of(plan, WatsonSettings)
        workload = workload_of(serving, replace(plan, platform=True))
        if len(workload.units) > 1:
            raise Refused("a deployment of Watson has one version", hint="release at once")
        name, manifest = workload.name, workload.main.manifest
        conda = f"name: kervan\ndependencies:\n  - pip\n  - pip:\n      - kervan[onnx]=={version('kervan')}\n"
        values = {**told(workload), "KERVAN_RECORDS": "log"}
        made: dict[str, Any] = {
            "conda_extension.json": {"name": f"{name}-kervan", "type": "conda_yml"},
            "package_extension.json": {"name": f"{name}-{workload.main.label}", "type": "pip_zip"},
            "software_specification.json": {
                "name": f"{name}-{workload.main.label}",
                "description": f"Kervan with the package of {manifest.name}@{manifest.version}",
                "base_software_specification": {"name": settings.base},
            },
            "function.json": {
                "name": f"{name}-{workload.main.label}",
                "type": "python",
                "tags": ["kervan", f"{manifest.name}-{manifest.version}"],
            },
            "deployment.json": {
                "name": name,
                "description": f"{manifest.name}@{manifest.version} in {workload.environment}",
                "online": {},
                "hardware_spec": {"name": settings.size, "num_nodes": plan.workers},
            },
        }
        texts = {
            path: msgspec.json.format(msgspec.json.encode(each)).decode() + "\n"
            for path, each in made.items()
        }
        texts |= {
            "function.py": FUNCTION.replace("VARIABLES", repr(values)),
            "conda.yml": conda,
            "release.py": SCRIPT,
        }
        note = note_of(
            workload,
            "ibm-watson",
            name=name,
        )
        return with_note({PurePath(path): text for path, text in texts.items()}, note)

    def check(self, folder: Path, plan: Plan) -> Sequence[Finding]:
        """Return what Watson would refuse, or does otherwise than the plan says."""
        settings = settings_of(plan, WatsonSettings)
        found = []
        if settings.size not in _SIZES:
            found.append(failed("size", "size", f"there is no size {settings.size!r}", ", ".join(_SIZES)))
        if plan.most_workers > plan.workers:
            found.append(warned("plan", "most_workers", "the number of copies does not change by itself"))
        if plan.grpc_port is not None:
            found.append(failed("port", "grpc_port", "Watson speaks HTTP alone", "leave out grpc_port"))
        return found

    def apply(self, folder: Path, plan: Plan) -> str:
        """Kervan sends nothing to Watson itself."""
        raise Refused("Kervan does not release to Watson itself", hint="render it, and run release.py there")

    def remove(self, folder: Path) -> None:
        """Nothing was applied."""

    def runs(self, folder: Path) -> bool:
        """Nobody here knows."""
        return False
