"""Compiles the sum of trees into wheels where there is a C compiler; without one they are for every platform.

Nothing needs it: where it is not there, ONNX Runtime does its work.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("src/kervan/package/quick/trees.c")
LIBRARY = SOURCE.with_name("_trees.so")


class CompileTrees(BuildHookInterface):  # type: ignore[type-arg]
    """Runs before a wheel is built or the project is installed in place."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and name the platform that the wheel is for."""
        compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        root = Path(self.root)
        if compiler is None or os.name == "nt":
            return
        command = [compiler, "-O3", "-shared", "-fPIC", "-o", str(root / LIBRARY), str(root / SOURCE)]
        if subprocess.run(command, check=False).returncode != 0:
            return
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["artifacts"].append(str(LIBRARY))
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"
