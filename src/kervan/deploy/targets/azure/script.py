"""What Azure's own inference server runs: an entry script with `init` and `run`, and its Conda file."""

from __future__ import annotations

from importlib.metadata import version

SCORE = '''"""Answers for a package on Azure's inference server: `init` loads it, `run` answers rows."""

import json
import os
from pathlib import Path

from kervan.serve.function import RequestRefused, aws, warm


def init():
    """Load the package that was registered as a model."""
    folder = Path(os.environ["AZUREML_MODEL_DIR"])
    found = sorted(folder.rglob("manifest.json"), key=lambda path: len(path.parts))
    if not found:
        raise RuntimeError(f"there is no package of Kervan in {folder}")
    os.environ["KERVAN_PACKAGE"] = str(found[0].parent)
    os.environ.setdefault("KERVAN_RECORDS", "log")
    warm()


def run(raw_data):
    """Answer what `POST /predict` takes: one row, or rows."""
    try:
        return aws(json.loads(raw_data))
    except RequestRefused as refused:
        return _problem(json.loads(str(refused)))
    except ValueError as error:
        return _problem({"status": 400, "title": "Bad Request", "detail": f"not JSON: {error}"})


def _problem(problem):
    """Return a problem with its status, where the server can tell one."""
    try:
        from azureml_inference_server_http.api.aml_response import AMLResponse
    except ImportError:
        return problem
    return AMLResponse(problem, int(problem.get("status", 400)), json_str=True)
'''

CONDA = f"""name: kervan
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip
  - pip:
      - azureml-inference-server-http
      - kervan[onnx]=={version("kervan")}
"""
