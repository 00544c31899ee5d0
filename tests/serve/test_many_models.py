"""One server answers with many models and versions, which come and go while it runs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from kervan.core.errors import Conflict, NotFound
from kervan.serve.engine import Engine
from kervan.serve.record import find
from serve.live import Live
from serve.real_packages import ROW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kervan.core.serving import Serving


@pytest.fixture
def many(serving: Callable[..., Serving], packages: dict[str, Path], tmp_path: Path) -> Iterator[Live]:
    folder = tmp_path / "server"
    folder.mkdir()
    models = tmp_path / "models"
    models.mkdir()
    others = (str(packages["2.0.0"]), str(packages["regression"]))
    server = Live(folder, replace(serving(), others=others, folder=str(models)))
    server.start()
    yield server
    server.kill()


def asked(server: Live, path: str = "/predict", version: str = "") -> Any:
    body: dict[str, Any] = {"features": ROW}
    if version:
        body["model_version"] = version
    reply = server.ask("POST", path, body)
    return reply.json["model"] if reply.status == 200 else reply.status


def test_path_body_and_environment_choose(many: Live) -> None:
    assert asked(many) == "gelir@1.0.0"
    assert asked(many, version="2.0.0") == "gelir@2.0.0"
    assert asked(many, version="v2") == "gelir@2.0.0"
    assert asked(many, version="v1.0") == "gelir@1.0.0"
    assert asked(many, version="production") == "gelir@1.0.0"
    assert asked(many, version="v3") == 404
    assert asked(many, version="staging") == 404
    assert asked(many, "/models/gelir/predict") == "gelir@1.0.0"
    assert asked(many, "/models/gelir/versions/2.0.0/predict") == "gelir@2.0.0"
    assert asked(many, "/models/gelir/versions/2.0.0/predict", "1.0.0") == 400
    assert asked(many, "/models/kira/predict") == "kira@1.0.0"
    assert asked(many, "/models/kira/predict", "production") == 404
    reply = many.ask("POST", "/models/gelir/versions/9/predict", {"features": ROW})
    assert "gelir@1.0.0, gelir@2.0.0, kira@1.0.0" in reply.json["hint"]


def test_all_of_them_are_listed_and_counted(many: Live) -> None:
    models = many.ask("GET", "/models").json["models"]
    assert [(each["name"], each["version"], each["default"]) for each in models] == [
        ("gelir", "1.0.0", True),
        ("gelir", "2.0.0", False),
        ("kira", "1.0.0", True),
    ]
    assert many.ask("GET", "/metrics").body.count(b"kervan_model_info{") == 3
    assert [each["name"] for each in many.ask("GET", "/models/kira").json["models"]] == ["kira"]
    assert many.ask("GET", "/models/other").status == 404


def test_the_record_says_which_one_answered(many: Live, tmp_path: Path) -> None:
    idents = {
        path: many.ask("POST", path, {"features": ROW}).json["id"]
        for path in ("/predict", "/models/kira/predict", "/models/gelir/versions/2.0.0/predict")
    }
    assert many.terminate() == 0
    found = {path: find(tmp_path / "records", ident) for path, ident in idents.items()}
    assert {path: record.model for path, record in found.items() if record} == {
        "/predict": "gelir@1.0.0",
        "/models/kira/predict": "kira@1.0.0",
        "/models/gelir/versions/2.0.0/predict": "gelir@2.0.0",
    }


def test_what_is_put_into_the_folder_answers_until_it_is_taken_away(
    many: Live, packages: dict[str, Path], tmp_path: Path
) -> None:
    assert asked(many, "/models/numeric/predict") == 404
    place = tmp_path / "models" / "numeric"
    shutil.copytree(packages["numeric"], place)
    many.until(lambda: many.ask("GET", "/models/numeric").status == 200)
    row = {"x": 1.5, "n": 2, "ok": True}
    assert many.ask("POST", "/models/numeric/predict", row).json["model"] == "numeric@1.0.0"
    (tmp_path / "models" / "no package").mkdir()
    shutil.copytree(packages["regression"], tmp_path / "models" / "broken")
    (tmp_path / "models" / "broken" / "manifest.json").write_text("{}")
    shutil.rmtree(place)
    many.until(lambda: many.ask("GET", "/models/numeric").status == 404)
    assert asked(many) == "gelir@1.0.0"


def test_an_engine_loads_and_unloads_but_for_its_default(
    serving: Callable[..., Serving], packages: dict[str, Path], tmp_path: Path
) -> None:
    engine = Engine(replace(serving(), folder=str(packages["1.0.0"].parent)))
    engine.load(engine.find_package("gelir"))
    assert [each.manifest.ref for each in engine.table.rows] == ["gelir@1.0.0", "gelir@2.0.0"]
    engine.load(engine.find_package("kira", "1.0.0"))
    with pytest.raises(NotFound, match="holds no package of kira@9"):
        engine.find_package("kira", "9")
    engine.unload("kira")
    engine.unload("gelir", "2.0.0")
    with pytest.raises(Conflict, match=r"gelir@1\.0\.0 answers whoever names no version"):
        engine.unload("gelir")
    with pytest.raises(NotFound):
        engine.unload("kira")
    engine.close()
