"""Peers live in virtual environments of their own, as their dependencies fight with ours."""

from __future__ import annotations

import subprocess
import sys
import venv
from importlib.metadata import version
from pathlib import Path

from benchmarks.measure import note

CACHE = Path(__file__).parent / ".cache"
_MODELS = (f"scikit-learn=={version('scikit-learn')}", "pandas")
PACKAGES = {
    "mlflow": ("mlflow-skinny==3.*", "sqlalchemy", "alembic"),
    "m2cgen": ("m2cgen==0.10.0", f"scikit-learn=={version('scikit-learn')}"),
    "tl2cgen": ("tl2cgen==1.0.0", "treelite==4.8.1", f"scikit-learn=={version('scikit-learn')}"),
    "fastapi": ("fastapi", "uvicorn[standard]", "onnxruntime", "numpy"),
    "mlflow-serving": ("mlflow==3.*", *_MODELS),
    "bentoml": ("bentoml", *_MODELS),
    "mlserver": ("mlserver", "mlserver-sklearn", *_MODELS),
    "litserve": ("litserve", *_MODELS),
    "ray": ("ray[serve]", *_MODELS),
}


def python_of(peer: str) -> Path | None:
    """Return the interpreter of a peer's environment, made at first, or None after saying why."""
    folder = CACHE / peer
    python = folder / "bin" / "python"
    ready = folder / ".ready"
    if ready.exists():
        return python
    CACHE.mkdir(exist_ok=True)
    (CACHE / ".gitignore").write_text("*\n")
    note(f"installing {', '.join(PACKAGES[peer])} into {folder.relative_to(Path.cwd())} …")
    venv.create(folder, with_pip=True, clear=True)
    command = [str(python), "-m", "pip", "install", "--quiet", *PACKAGES[peer]]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().splitlines()
        note(f"skipped: {peer} cannot be installed: {reason[-1] if reason else 'pip says nothing'}")
        return None
    ready.touch()
    return python


def version_of(peer: str) -> str:
    """Return which version of a peer its environment has, "" where there is none."""
    package = peer.partition("-")[0]
    found = sorted((CACHE / peer).glob(f"lib/*/site-packages/{package}-*.dist-info"))
    return found[0].name.removesuffix(".dist-info").rpartition("-")[2] if found else ""


def seconds_of(python: Path | str, script: Path, *arguments: str) -> float:
    """Run a peer's script, which measures itself, and return the seconds that it prints last."""
    done = subprocess.run([str(python), str(script), *arguments], capture_output=True, check=True)
    return float(done.stdout.decode().split()[-1])


OURS = sys.executable
