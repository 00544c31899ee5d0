"""Models and datasets go, on record; what answers, stands by or is on its way does not."""

from __future__ import annotations

import json
import shutil
import time
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from journeys.home import Home, as_csv, customers
from kervan.api.session import open as open_workspace
from kervan.app.gc import collect_garbage
from kervan.core.errors import Refused
from kervan.core.identity import new_id
from kervan.core.nouns import Deployment
from kervan.core.serving import Plan, ShareRole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OLD, NEW = "müşteri-kaybı@1.0.0", "müşteri-kaybı@1.0.1"
ROW = {"yaş": 30, "şehir": "ısparta", "gelir": 10_000.0}


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[Home]:
    """A project whose first model answered once and was replaced by a second one of more rows."""
    folder = tmp_path_factory.mktemp("iki") / "Müşteri Kaybı"
    shutil.copytree(template, folder)
    here = Home(folder)
    try:
        here.ask("release")
        answer = here.predict(ROW)
        here.write("yanıt.json", json.dumps(answer))
        here.write("müşteriler.csv", as_csv([*customers(200), *customers(100, seed=1)]))
        here.ask("run", "--quiet", "--why", "yeni satırlar")
        here.ask("trace", answer["id"])
    finally:
        here.stop()
    yield here
    here.stop()


@pytest.fixture
def replaced(twice: Home, home: Home) -> Home:
    shutil.copytree(twice.folder, home.folder, dirs_exist_ok=True)
    return home


def test_what_answers_is_refused_and_the_environment_named(replaced: Home) -> None:
    before = replaced.ask("audit", "--json").json
    said = replaced.ask("models", "delete", NEW, "--why", "deneme", "--json", code=4).problem
    assert "in üretim" in said["message"]
    assert "--to üretim" in said["hint"]
    for dataset, model in (("müşteri-kaybı:1", OLD), ("müşteri-kaybı:2", NEW)):
        said = replaced.ask("data", "delete", dataset, "--why", "deneme", "--json", code=4).problem
        assert f"{dataset} trained {model}" in said["message"]
    assert replaced.ask("audit", "--json").json == before


def test_a_model_that_is_gone_is_explained_by_its_predictions_and_its_number_stays_taken(
    replaced: Home,
) -> None:
    answer = json.loads((replaced.folder / "yanıt.json").read_text(encoding="utf-8"))
    before = datetime.now().isoformat()
    replaced.environ["KERVAN_WORKSPACE_ACTOR"] = "Işıl Öğüt"
    gone = replaced.ask("models", "delete", OLD, "--why", "yanlış ayraç")
    assert gone.out == f"{OLD} is deleted; `kervan gc` removes its files\n"
    assert [each["version"] for each in replaced.ask("models", "--json").json] == ["1.0.1"]
    for arguments in (("models", OLD), ("release", OLD), ("replay", answer["id"])):
        said = replaced.ask(*arguments, code=3).err
        assert f"{OLD} was deleted by Işıl Öğüt" in said
        assert "yanlış ayraç" in said
    text = replaced.ask("trace", answer["id"]).out
    assert "deleted      by Işıl Öğüt" in text
    assert "müşteri-kaybı:1" in text
    replaced.ask("data", "delete", "müşteri-kaybı:1", "--why", "yanlış ayraç")
    with open_workspace(replaced.folder) as ws:
        swept = collect_garbage(ws.project, young=0)
    assert len(swept.files) > 5
    assert replaced.ask("trace", answer["id"], "--json").json["dataset"]["rows"] == 200
    for command in ("audit verify", "data", "models", "registry"):
        replaced.ask(*command.split())
    replaced.ask("release")
    replaced.ask("doctor")
    assert replaced.ask("models", "delete", OLD, "--why", "bir daha", code=3)
    then = replaced.ask("registry", "--at", before, "--json")
    assert {each["model"] for each in then.json["models"]} == {OLD, NEW}


def test_versions_go_on_after_the_newest_was_deleted(replaced: Home) -> None:
    replaced.ask("release", OLD, "--why", "geri dönüş")
    replaced.ask("models", "delete", NEW, "--why", "olmadı")
    replaced.ask("data", "delete", "müşteri-kaybı:2", "--why", "olmadı")
    ran = replaced.ask("run", "--quiet", "--why", "baştan", "--json").json
    assert (ran["model"], ran["data"]) == ("müşteri-kaybı@1.0.2", "müşteri-kaybı:3")
    replaced.ask("audit", "verify")
    replaced.ask("doctor")


@pytest.mark.parametrize("role", [ShareRole.STANDBY, ShareRole.SHADOW, ShareRole.CANDIDATE])
def test_what_stands_by_or_is_tried_is_refused_too(replaced: Home, role: ShareRole) -> None:
    with open_workspace(replaced.folder) as ws:
        _deploy(ws.project, endpoint="http://127.0.0.1:1", role=role, point=True)
        with pytest.raises(Refused, match=f"as {role} in üretim"):
            ws.delete_model(OLD, why="deneme")


def test_what_is_only_coming_up_is_refused(replaced: Home) -> None:
    with open_workspace(replaced.folder) as ws:
        _deploy(ws.project, endpoint="", role=ShareRole.STABLE, point=False)
        with pytest.raises(Refused, match="coming up"):
            ws.delete_model(OLD, why="deneme")


def _deploy(project: object, *, endpoint: str, role: ShareRole, point: bool) -> None:
    deployment = Deployment(
        id=new_id(),
        name="üretim",
        creator="ayşe",
        time=time.time(),
        shares={NEW: 0.95, OLD: 0.05},
        roles={OLD: role},
        plan=Plan(),
        endpoint=endpoint,
        why="deneme",
    )
    with project.store.catalog.transaction() as transaction:  # type: ignore[attr-defined]
        transaction.put(deployment, why="deneme")
        if point:
            transaction.point("environment", "üretim", deployment.id, why="deneme")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("models", "delete", "müşteri-kaybı", "--why", "x"), 2, "names no version"),
        (("models", "delete", OLD, "--why", " "), 2, "nothing is said why"),
        (("models", "delete", OLD), 2, "--why"),
        (("models", "delete", "müşteri-kaybı@7.0.0", "--why", "x"), 3, "no version 7.0.0"),
        (("data", "delete", "müşteri-kaybı:9", "--why", "x"), 3, "no version 9"),
        (("models", "yok"), 3, "there is no model 'yok'"),
        (("registry", "--at", "dün"), 2, "is no time"),
    ],
)
def test_mistakes_are_named(twice: Home, arguments: tuple[str, ...], code: int, said: str) -> None:
    assert said in twice.ask(*arguments, code=code).err


def test_the_registry_says_what_answered_where_and_when(twice: Home) -> None:
    now = twice.ask("registry", "--json").json
    (row,) = now["environments"]
    assert (row["environment"], row["model"], row["share"], row["why"]) == ("üretim", NEW, 1, "yeni satırlar")
    with open_workspace(twice.folder) as ws:
        (then,) = ws.registry(at=row["since"] - 0.001).environments
        assert then.model == OLD
        first = ws.registry(at=1.0)
        assert (first.environments, first.models) == ((), ())
    assert NEW in twice.ask("registry").out
    assert twice.ask("models", NEW).out.startswith("model")
    assert len(twice.ask("models", "-q", "--json").json) == 2
