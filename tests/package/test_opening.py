from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kervan.package.build import load_package
from kervan.serve.decode import RowDecoder

FROZEN = sorted((Path(__file__).parent / "frozen").glob("v*"))


@pytest.mark.parametrize("folder", FROZEN, ids=lambda folder: folder.name)
def test_a_frozen_package_answers_as_it_did(folder: Path) -> None:
    stored = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    manifest, predictor = load_package(folder / "package")
    matrix = RowDecoder(manifest.signature).decode(stored["rows"])
    np.testing.assert_allclose(predictor.predict(matrix), stored["answers"], rtol=1e-6)
