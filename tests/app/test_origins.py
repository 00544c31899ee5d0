"""Every setting says who set it: the strongest that did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kervan.app.origins import Origin, Setting, settings_of
from kervan.app.project import Project
from kervan.core.loading import load_config
from kervan.core.workspace import workspace_of
from kervan.store.open import Store

if TYPE_CHECKING:
    from pathlib import Path

FILE = """
[model]
folds = 3
seed = 3
goal = { metric = "roc_auc" }
[data]
protect = { "TC kimli\u0307k" = "drop" }
[workspace]
catalog = "postgresql://ayse:gizli@db/kervan"
[targets.kubernetes]
namespace = "models"
"""


@pytest.fixture
def found(tmp_path: Path) -> dict[str, Setting]:
    user = tmp_path / "user" / "kervan"
    user.mkdir(parents=True)
    (user / "config.toml").write_text(
        "[model]\nfolds = 2\ntask = 'regression'\n[model.goal]\nat_least = 0.5\n"
    )
    (tmp_path / "kervan.toml").write_text(FILE, encoding="utf-8")
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "user"), "KERVAN_MODEL_SEED": "7"}
    environ["KERVAN_DATA_SPLIT"] = "{ train = 0.7, test = 0.2 }"
    config = load_config(tmp_path, flags={"release": {"port": 9000}}, environ=environ)
    project = Project(config=config, store=Store(workspace_of(config)))
    return {f"{each.table}.{each.name}": each for each in settings_of(project)}


@pytest.mark.parametrize(
    ("name", "value", "origin", "place"),
    [
        ("model.folds", 3, Origin.FILE, "kervan.toml"),
        ("model.seed", 7, Origin.ENVIRONMENT, "KERVAN_MODEL_SEED"),
        ("release.port", 9000, Origin.FLAG, ""),
        ("release.host", "127.0.0.1", Origin.DEFAULT, ""),
        ("data.split.train", 0.7, Origin.ENVIRONMENT, "KERVAN_DATA_SPLIT"),
        ("data.split.seed", 0, Origin.DEFAULT, ""),
        ("model.goal.metric", "roc_auc", Origin.FILE, "kervan.toml"),
        ("model.goal.at_most", None, Origin.DEFAULT, ""),
        ("data.protect.TC kimli\u0307k", "drop", Origin.FILE, "kervan.toml"),
        ("data.units", {}, Origin.DEFAULT, ""),
        ("targets.kubernetes.namespace", "models", Origin.FILE, "kervan.toml"),
        ("workspace.catalog", "postgresql://ayse:***@db/kervan", Origin.FILE, "kervan.toml"),
    ],
)
def test_the_strongest_that_set_it_is_named(
    name: str, value: object, origin: Origin, place: str, found: dict[str, Setting]
) -> None:
    setting = found[name]
    assert (setting.value, setting.origin, setting.place) == (value, origin, place)


def test_the_users_own_file_is_named_by_its_path(found: dict[str, Setting]) -> None:
    for name, value in (("model.task", "regression"), ("model.goal.at_least", 0.5)):
        assert (found[name].value, found[name].origin) == (value, Origin.USER)
        assert found[name].place.endswith("user/kervan/config.toml")


def test_every_setting_knows_its_default(found: dict[str, Setting]) -> None:
    assert (found["model.folds"].default, found["data.split.train"].default) == (5, 0.8)
    assert found["targets.kubernetes.namespace"].default is None
