"""What the features of `kervan.toml` are on the rows to learn from, and in a model that has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import kervan as kv
from kervan.app.features import features
from kervan.app.model import model_view
from kervan.core.errors import InvalidConfig
from kervan.core.schema import Type

SETTINGS = """
[project]
name = "parcels"
[data]
target = "late"
[model]
families = ["linear"]
folds = 2
[package]
formats = ["onnx"]
[[model.features]]
name = "took"
is = "end - start"
[[model.features]]
name = "size"
is = "if(took > 50, 'long', lower(city))"
[[model.features]]
bins = ["took"]
"""


@pytest.fixture
def workspace(tmp_path: Path) -> kv.Session:
    random = np.random.default_rng(0)
    start = 1_760_000_000 + random.integers(0, 10**7, 300)
    took = random.integers(0, 100, 300)
    table = pl.DataFrame(
        {
            "start": start,
            "end": start + took,
            "city": random.choice(["Ankara", "Van"], 300),
            "late": np.where(took > 60, "yes", "no"),
        }
    )
    table.write_csv(tmp_path / "parcels.csv")
    (tmp_path / "kervan.toml").write_text(SETTINGS)
    workspace = kv.open(tmp_path, progress=False)
    workspace.ingest(tmp_path / "parcels.csv")
    return workspace


def test_features_are_told_of_before_anything_is_trained(workspace: kv.Session) -> None:
    with workspace:
        took, size, bins = features(workspace.project)
        (tried,) = features(workspace.project, tried="sqrt(took - 50)")
        with pytest.raises(InvalidConfig, match="takes no column 'tok'"):
            features(workspace.project, tried="tok")
    assert (took.type, took.missing, took.least, took.most) == (Type.NUMBER, 0, 0, 99)
    assert (size.type, size.categories, size.mean) == (Type.CATEGORY, ("long", "ankara", "van"), None)
    assert (bins.name, bins.most) == ("bin of took", 3)
    assert 0 < tried.missing < tried.rows == took.rows


def test_a_model_answers_by_its_features_and_says_which_they_are(workspace: kv.Session) -> None:
    given = [kv.Feature("took", "end - start")]
    with workspace:
        model = workspace.train("parcels:1", features=given, goal=kv.Goal("roc_auc", at_least=0.99))
        page = model_view(workspace.project, model.ref)
    assert list(page.features) == given
    assert "`end - start`" in "".join(card.text for card in page.cards)
