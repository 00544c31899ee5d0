from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from kervan.core.errors import MissingTool
from package.code.tools import needing_tools

if TYPE_CHECKING:
    from journeys.home import Home

MODEL = "müşteri-kaybı"
FILES = {
    "wheel": "musteri_kaybi_model-1.0.0-py3-none-any.whl",
    "npm": "musteri-kaybi-model-1.0.0.tgz",
    "jar": "musteri-kaybi-model-1.0.0.jar",
}
TOOLS = {"npm": "node", "jar": "javac"}


@pytest.mark.parametrize("kind", FILES)
def test_a_model_becomes_something_to_install(kind: str, lived: Home) -> None:
    if kind in TOOLS and shutil.which(TOOLS[kind]) is None:
        with needing_tools():
            raise MissingTool(f"{TOOLS[kind]} is not installed", hint=f"install {TOOLS[kind]}")
    reply = lived.ask("package", kind, MODEL, str(lived.folder / "dağıtım ı"), "--json").json
    path = lived.folder / "dağıtım ı" / FILES[kind]
    assert reply["file"] == str(path)
    assert (reply["name"], reply["module"]) == ("musteri-kaybi-model", "musteri_kaybi_model")
    assert all(proof["over"] == 0 and proof["rows"] > 100 for proof in reply["parity"])
    content = path.read_bytes()
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    again = lived.ask("package", kind, MODEL, str(path.parent), code=5)
    assert "exists already" in again.err
    lived.ask("package", kind, f"{MODEL}@1.0.0", str(lived.folder / "two"))
    assert (lived.folder / "two" / path.name).read_bytes() == content
