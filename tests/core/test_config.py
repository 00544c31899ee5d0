from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from kervan.core.checking import Check
from kervan.core.config import Config, SplitSettings
from kervan.core.errors import InvalidConfig
from kervan.core.goals import Goal
from kervan.core.loading import find_folder, load_config


def load(folder: Path, text: str = "", flags: Any = None, **environ: str) -> Config:
    (folder / "kervan.toml").write_text(text, encoding="utf-8")
    return load_config(folder, flags=flags, environ={"XDG_CONFIG_HOME": str(folder / "user"), **environ})


def test_without_any_setting_the_defaults_hold(tmp_path: Path) -> None:
    folder = tmp_path / "gelir ı"
    folder.mkdir()
    config = load(folder)
    assert config == Config(folder=folder)
    assert config.project_name == config.model_name == config.dataset_name == "gelir ı"
    assert config.model.folds == 5


def test_the_nearer_layer_wins_setting_by_setting(tmp_path: Path) -> None:
    user = tmp_path / "user" / "kervan"
    user.mkdir(parents=True)
    (user / "config.toml").write_text("[model]\nfolds = 2\nseed = 2\nname = 'user'\ntask = 'user'\n")
    flags = {"model": {"folds": 4}}
    config = load(tmp_path, "[model]\nfolds = 3\nseed = 3\nname = 'file'\n", flags, KERVAN_MODEL_SEED="7")
    model = config.model
    assert (model.folds, model.seed, model.name, model.task) == (4, 7, "file", "user")
    assert load(tmp_path, "[model]\nfolds = 3\n", KERVAN_MODEL_FOLDS="6").model.folds == 6


def test_a_whole_file_comes_back_typed(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        """
        [project]
        name = "müşteri-kaybı"
        [data]
        source = "müşteriler İstanbul.csv"
        target = "ayrıldı"
        missing = ["?", "yok"]
        split = { train = 0.7, validation = 0.2, test = 0.1 }
        protect = { "TC kimlik" = "drop" }
        [[data.checks]]
        column = "yaş"
        between = [16, 100.5]
        [[data.checks]]
        column = "şehir"
        allowed = ["İstanbul", "Iğdır", "ısparta"]
        severity = "warn"
        [model]
        goal = { metric = "roc_auc", at_least = 1 }
        families = ["tree"]
        """,
    )
    assert config.project_name == "müşteri-kaybı"
    assert config.data.split == SplitSettings(train=0.7, validation=0.2, test=0.1)
    assert config.data.protect == {"TC kimlik": "drop"}
    assert config.data.missing == ("?", "yok")
    assert config.data.checks == (
        Check(column="yaş", between=(16.0, 100.5)),
        Check(column="şehir", allowed=("İstanbul", "Iğdır", "ısparta"), severity="warn"),
    )
    assert config.model.goal == Goal("roc_auc", at_least=1.0)
    assert str(config.model.goal) == "roc_auc ≥ 1"


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        ("[modle]\n", r"kervan\.toml: \[modle\]: unknown setting", 'did you mean "model"?'),
        ("[model]\nfold = 3\n", r"kervan\.toml: \[model\] fold: unknown", 'did you mean "folds"?'),
        ("[model]\nformats = ['c']\n", r"\[model\] formats: unknown", "write 'formats' in [package]"),
        ("[model]\nformat = 'c'\n", r"\[model\] format: unknown", "write 'formats' in [package]"),
        ("[package]\nbudget = '5m'\n", r"\[package\] budget: unknown", "in [model.search]"),
        ("[release]\nname = 'a'\n", r"\[release\] name: unknown", "in [project] or in [data] or in [model]"),
        ("[data]\npackage = {}\n", r"\[data\] package: unknown", "'package' as a table of its own"),
        ("target = 'a'\n", r"\[target\]: unknown", "write 'target' in [data]"),
        ("[model.search]\nfolds = 3\n", r"search\.folds: unknown", "write 'folds' in [model]"),
        ("[data.split]\ntrian = 1\n", r"\[data\] split\.trian: unknown", 'did you mean "train"?'),
        ("[model]\nfolds = '3'\n", r"\[model\] folds: '3' is not a whole number", "like 5"),
        ("[model]\nfolds = 3.5\n", r"\[model\] folds: 3\.5 is not a whole number", "like 5"),
        ("[model]\nfolds = true\n", r"\[model\] folds: True is not a whole number", "like 5"),
        ("[watch]\npsi = 'çok'\n", r"\[watch\] psi: 'çok' is not a number", "like 0.5"),
        ("[watch]\npsi = true\n", r"\[watch\] psi: True is not a number", "like 0.5"),
        ("[model.limits]\nlatency = 5\n", r"limits\.latency: 5 is not a text", 'like "5ms"'),
        ("[model]\nthreshold = true\n", r"threshold: True is not a text", 'like "f1", or a probability'),
        ("[model]\nsearch = { budget = 60 }\n", r"search\.budget: 60 is not a text", 'like "5m"'),
        ("[data]\ntarget = 3\n", r"\[data\] target: 3 is not a text", "quotes"),
        ("[model]\nfamilies = 'tree'\n", r"\[model\] families: 'tree' is not a list", "["),
        ("[model]\nfamilies = ['tree', 3]\n", r"\[model\] families\.1: 3 is not a text", "quotes"),
        ("[data]\nprotect = 'ad'\n", r"\[data\] protect: 'ad' is not a table", "{"),
        ("[data.protect]\nad = 1\n", r"\[data\] protect\.ad: 1 is not a text", "quotes"),
        ("model = 3\n", r"kervan\.toml: \[model\] must be a table", "kervan settings"),
        (
            "[[data.checks]]\nrefers_to = { column = 'a' }\n",
            r"\[data\] checks\.0\.refers_to: 'source' is missing",
            "source",
        ),
        ("[[data.checks]]\ncolumn = 'a'\nunique = 1\n", "1 is not true or false", "true"),
        ("[[data.checks]]\ncolumn = 'a'\nbetween = [1, true]\n", r"checks\.0\.between\.1: True", "0.5"),
        (
            "[data]\nperson = 'no'\nignore = ['no']\n",
            r"\[data\] person: column 'no' is left out by",
            "take it",
        ),
        (
            "[data]\nprotect = { ad = 'drop' }\nignore = ['ad']\n",
            r"\[data\] protect: column 'ad' is left out",
            "take it",
        ),
        (
            "[data]\nprotect = { ad = 'hash' }\n[model]\ntexts = ['ad']\n",
            r"\[model\] texts: no model learns from column 'ad'",
            "one of them",
        ),
        ("[model\n", r"kervan\.toml: .*line 1", "toml.io"),
        ("[model]\nfolds = 3\nfolds = 4\n", r"kervan\.toml: .*line 3", "toml.io"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_a_hint(
    text: str, words: str, hint: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidConfig, match=words) as caught:
        load(tmp_path, text)
    assert hint in caught.value.hint


def test_the_layer_of_a_wrong_value_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match=r"the environment: \[model\] folds: 'üç' is not") as caught:
        load(tmp_path, "[model]\nfolds = 3\n", KERVAN_MODEL_FOLDS="üç")
    assert caught.value.hint
    with pytest.raises(InvalidConfig, match=r"the command line: \[model\] folds"):
        load(tmp_path, "[model]\nfolds = 3\n", {"model": {"folds": "x"}})
    user = tmp_path / "user" / "kervan"
    user.mkdir(parents=True)
    (user / "config.toml").write_text("[model]\nfolds = 'x'\n")
    with pytest.raises(InvalidConfig, match=r"user/kervan/config\.toml: \[model\] folds"):
        load(tmp_path, "[model]\nseed = 3\n")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("KERVAN_DATA_TARGET", "gelir ı", "gelir ı"),
        ("KERVAN_DATA_TARGET", '"0"', "0"),
        ("KERVAN_DATA_MISSING", '["?", "yok"]', ("?", "yok")),
        ("KERVAN_DATA_PROTECT", '{"ad" = "drop"}', {"ad": "drop"}),
    ],
)
def test_the_environment_speaks_toml_where_it_can(name: str, text: str, value: Any, tmp_path: Path) -> None:
    config = load(tmp_path, **{name: text})
    assert getattr(config.data, name.rpartition("_")[2].lower()) == value


def test_other_variables_of_the_environment_are_no_settings(tmp_path: Path) -> None:
    others = {
        "KERVAN_DATA_DIR": "/x",
        "KERVAN_REQUIRE_SERVICES": "1",
        "MODEL_FOLDS": "9",
        "KERVAN_MODEL": "1",
    }
    assert load(tmp_path, **others) == load(tmp_path)


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    (tmp_path / "kervan.toml").write_bytes("\ufeff[project]\nname = 'ışık'\n".encode())
    assert load_config(tmp_path, environ={"XDG_CONFIG_HOME": str(tmp_path)}).project_name == "ışık"


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "kervan.toml").write_bytes("[project]\nname = 'ışık'\n".encode("iso8859-9"))
    with pytest.raises(InvalidConfig, match=r"kervan\.toml is not UTF-8") as caught:
        load_config(tmp_path, environ={"XDG_CONFIG_HOME": str(tmp_path)})
    assert caught.value.hint == "save it as UTF-8"


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "kervan.toml").mkdir()
    with pytest.raises(InvalidConfig, match=r"cannot read .*kervan\.toml") as caught:
        load_config(tmp_path, environ={"XDG_CONFIG_HOME": str(tmp_path)})
    assert caught.value.hint


def test_the_nearest_project_is_found(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "ç"
    deep.mkdir(parents=True)
    assert find_folder(deep) == deep
    (tmp_path / "a" / ".kervan").mkdir()
    assert find_folder(deep) == tmp_path / "a"
    (tmp_path / "a" / "b" / "kervan.toml").touch()
    assert find_folder(deep) == tmp_path / "a" / "b"


@pytest.mark.parametrize(
    ("goal", "value", "reached"),
    [
        (Goal("roc_auc", at_least=0.9), 0.9, True),
        (Goal("roc_auc", at_least=0.9), 0.8999, False),
        (Goal("mae", at_most=2), 2.0, True),
        (Goal("mae", at_most=2), 2.1, False),
        (Goal("rmse", at_least=1, at_most=2), 1.5, True),
        (Goal("rmse", at_least=1, at_most=2), 2.5, False),
        (Goal("rmse"), -1e9, True),
        (Goal("rmse", at_least=1), float("nan"), False),
    ],
)
def test_a_goal_is_reached_at_its_bound(goal: Goal, value: float, reached: bool) -> None:
    assert goal.is_reached(value) is reached


def test_every_table_of_settings_is_described() -> None:
    for entry in fields(Config):
        kind = type(getattr(Config(), entry.name))
        if is_dataclass(kind):
            assert f"`[{entry.name}]`" in (kind.__doc__ or "")
