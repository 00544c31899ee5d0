from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import numpy as np
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from docs.manifest_schema import schema
from journeys.home import SETTINGS
from kervan.app.project import open_project
from kervan.app.register import find_model
from kervan.core.nouns import Package
from kervan.core.ports import Request
from kervan.core.serving import Serving
from kervan.package.contents.card import DATA_CARD, MODEL_CARD
from kervan.package.contents.manifest import FILE_NAME
from kervan.package.contents.materials import MATERIALS
from kervan.package.contents.signing import FILE_NAME as SIGNATURE
from kervan.package.contents.signing import SigningKey
from kervan.package.opening import opened
from kervan.serve.asked import Asked
from kervan.serve.engine import Engine

if TYPE_CHECKING:
    from journeys.home import Home

MODEL = "müşteri-kaybı"


def forget_signature(folder: Path) -> str:
    """Leave a package's signature out of its record, as an older version did; return the manifest's hash."""
    project = open_project(folder)
    package = project.store.catalog.get(Package, find_model(project, MODEL).package)
    parents = tuple(link for link in package.parents if link.role != SIGNATURE)
    assert len(parents) == len(package.parents) - 1
    with project.store.catalog.transaction() as transaction:
        transaction.update(replace(package, parents=parents), action="changed")
    shutil.rmtree(folder / ".kervan" / "cache")
    project.store.close()
    return package.hash


@pytest.mark.parametrize("name", ["paket ı", "paket ı.kervan"])
def test_a_package_is_taken_out_and_checked_by_whoever_has_the_key(name: str, lived: Home) -> None:
    place = lived.folder / name
    assert f"@1.0.0 is in {place}" in lived.ask("package", "export", MODEL, str(place)).out
    assert place.is_file() == name.endswith(".kervan")
    told = lived.ask("package", "key").out
    (lived.folder / "key.pem").write_text(told)
    checked = lived.ask("package", "check", str(place), "--key", str(lived.folder / "key.pem")).out
    assert "@1.0.0 is whole" in checked
    assert f"{told.splitlines()[0]} (the key that you gave)" in checked
    assert "onnx/model.onnx: largest difference" in checked
    found = lived.ask("package", "check", str(place), "--json").json
    assert found["signer"] == lived.ask("package", "key", "--json").json
    assert found["hash"]
    assert not found["trusted"]


PUBLIC = {
    "titanic": ("titanic/titanic.csv", "Survived", "Name", "tree"),
    "credit": ("german-credit/german.csv", "class", "personal_status_sex", "linear"),
    "wine": ("wine-quality/winequality-red.csv", "quality", "density", "forest"),
}


@pytest.mark.data
@pytest.mark.parametrize("name", list(PUBLIC))
def test_a_package_of_real_rows_is_whole_on_its_way(name: str, home: Home, data_dir: Path) -> None:
    file, target, person, family = PUBLIC[name]
    home.write(
        "kervan.toml",
        f"""project = {{ name = "{name}" }}
        data = {{ source = "{data_dir / file}", target = "{target}", protect = {{ "{person}" = "drop" }} }}
        model = {{ families = ["{family}"], folds = 2 }}""",
    )
    home.ask("run", "--quiet")
    one, key = home.folder / "one.kervan", home.folder / "key.pem"
    home.ask("package", "export", name, str(one))
    key.write_text(home.ask("package", "key").out)
    told = home.ask("package", "check", str(one), "--key", str(key), "--json").json
    assert told["trusted"]
    assert len(told["answers"]) == len(told["samples"]) == 20
    with opened(one) as found:
        manifest = json.loads((found.folder / FILE_NAME).read_bytes())
        materials = (found.folder / MATERIALS).read_text()
        model_card, data_card = ((found.folder / card).read_text() for card in (MODEL_CARD, DATA_CARD))
    jsonschema.Draft202012Validator(schema()).validate(manifest)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(materials) is None
    assert person not in json.dumps(told["signature"])
    assert f"`{person}`: drop" in data_card
    assert Path(file).name in data_card
    assert str(data_dir) not in "".join([materials, model_card, data_card, json.dumps(told)])


def test_what_is_registered_says_everything_about_itself(home: Home) -> None:
    said = '[package]\nlicence = "CC-BY-4.0"\nuse = "To try Kervan."\n'
    home.start(settings=SETTINGS.replace("[release]", f"{said}[release]").replace('to = "üretim"', ""))
    model = home.ask("run", "--quiet", "--json").json["model"]
    place = home.folder / "paket"
    home.ask("package", "export", model, str(place))
    told = json.loads((place / FILE_NAME).read_bytes())
    jsonschema.Draft202012Validator(schema()).validate(told)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str((place / MATERIALS).read_text()) is None
    assert {told["model_card"], told["data_card"], told["materials"]} < {
        file["path"] for file in told["files"]
    }
    card = (place / MODEL_CARD).read_text()
    assert "To try Kervan." in card
    assert "CC-BY-4.0" in card
    assert "müşteriler.csv" in (place / DATA_CARD).read_text()
    assert str(home.folder) not in "".join(path.read_text("latin-1") for path in place.rglob("*.*"))
    lineage = told["lineage"]
    assert lineage["run"] in home.ask("runs", "--json").out
    assert lineage["acceptance"]
    assert lineage["dataset"] == "müşteri-kaybı:1"
    assert told["intervals"].keys() <= told["metrics"].keys()
    assert [each["format"] for each in told["facts"]] == ["onnx", "native"]
    checked = home.ask("package", "check", str(place)).out
    assert "CC-BY-4.0" in checked
    assert MODEL_CARD in checked


def test_a_machine_that_answers_differently_is_told_so(lived: Home) -> None:
    """An answer that was changed and signed stands for another machine that rounds differently."""
    place = lived.folder / "paket"
    lived.ask("package", "export", MODEL, str(place))
    assert "sample rows, as where it was made" in lived.ask("package", "check", str(place)).out
    told = json.loads((place / FILE_NAME).read_bytes())
    assert len(told["answers"]) == len(told["samples"]) > 0
    told["answers"][3][0] += 1e-3
    content = json.dumps(told).encode()
    (place / FILE_NAME).write_bytes(content)
    (place / SIGNATURE).write_bytes(SigningKey(bytes(32)).sign(content))
    assert "answers differently here" in lived.ask("package", "check", str(place), code=4).err


def test_another_key_is_refused_by_name(lived: Home) -> None:
    place, other = lived.folder / "paket", SigningKey(bytes(32)).signer
    (lived.folder / "other.pem").write_text(other.public_key)
    lived.ask("package", "export", MODEL, str(place))
    shown = lived.ask("package", "check", str(place), "--key", str(lived.folder / "other.pem"), code=4).err
    assert lived.ask("package", "key", "--json").json["key_id"] in shown
    assert "which is none of those that you trust" in shown


def test_the_key_stays_the_same_and_every_project_has_its_own(lived: Home) -> None:
    first = lived.ask("package", "key").out
    assert lived.ask("package", "key").out == first
    other = lived.folder / "öteki"
    other.mkdir()
    assert type(lived)(other).start(10).ask("package", "key").out != first


def test_a_package_that_nobody_signed_is_checked_by_name_only(lived: Home) -> None:
    place = lived.folder / "paket"
    lived.ask("package", "export", MODEL, str(place))
    (place / SIGNATURE).unlink()
    assert "is not signed" in lived.ask("package", "check", str(place), code=4).err
    assert "nobody" in lived.ask("package", "check", str(place), "--unsigned").out


@pytest.mark.parametrize("name", ["paket", "paket.kervan"])
def test_nothing_is_overwritten(name: str, lived: Home) -> None:
    lived.ask("package", "export", MODEL, str(lived.folder / name))
    assert "exists already" in lived.ask("package", "export", MODEL, str(lived.folder / name), code=5).err


@pytest.mark.parametrize("name", ["paket", "paket.kervan"])
def test_folders_on_the_way_to_a_package_are_made(name: str, lived: Home) -> None:
    place = lived.folder / "yeni klasör" / "alt" / name
    lived.ask("package", "export", MODEL, str(place))
    assert "is whole" in lived.ask("package", "check", str(place), "--quiet").out


def test_what_is_no_key_is_named(lived: Home) -> None:
    place = lived.folder / "paket"
    lived.ask("package", "export", MODEL, str(place))
    key = str(place / FILE_NAME)
    assert "holds no public key" in lived.ask("package", "check", str(place), "--key", key, code=2).err


CHECK = """
import sys
from kervan.cli import main
try:
    main(["package", "check", sys.argv[1]])
except SystemExit as end:
    assert not end.code
print(*(name for name in ("cryptography", "polars", "sqlalchemy", "sklearn", "onnx") if name in sys.modules))
"""


def test_the_base_install_can_check_a_package() -> None:
    frozen = Path(__file__).parents[1] / "package" / "frozen" / "v2" / "package.kervan"
    command = [sys.executable, "-W", "error", "-c", CHECK, str(frozen)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "is whole" in done.stdout
    assert done.stdout.splitlines()[-1] == "cryptography"


def test_one_file_is_served_and_what_nobody_signed_is_not(lived: Home) -> None:
    one, folder = lived.folder / "paket.kervan", lived.folder / "paket"
    for place in (one, folder):
        lived.ask("package", "export", MODEL, str(place))
    records = str(lived.folder / "kayıtlar")
    engine = Engine(Serving(environment="deneme", deployment="D", package=str(one), records=records))
    sample = engine.current.manifest.samples[0]
    answer = engine.answer(engine.current, Request(rows=[sample]), Asked(protocol="predict"))
    np.testing.assert_allclose(answer.values[0], engine.current.manifest.answers[0], rtol=1e-5)
    engine.close()
    (folder / SIGNATURE).unlink()
    assert "is not signed" in lived.ask("serve", str(folder), "--port=0", "--records", records, code=4).err
    one.write_bytes(one.read_bytes()[:-1] + b"?")
    assert (
        "paket.kervan was changed"
        in lived.ask("serve", str(one), "--port=0", "--records", records, code=6).err
    )


def test_a_model_from_before_packages_were_signed_is_signed_when_it_is_taken_out(lived: Home) -> None:
    """Its manifest is the one on record, so the workspace can say that it is its own."""
    place = lived.folder / "paket"
    record = forget_signature(lived.folder)
    lived.ask("package", "export", MODEL, str(place))
    checked = lived.ask("package", "check", str(place), "--json").json
    assert checked["hash"] == record
    assert checked["signer"] == lived.ask("package", "key", "--json").json
    assert json.loads((place / SIGNATURE).read_bytes())["signatures"]


def test_a_package_is_signed_for_people_without_kervan(lived: Home) -> None:
    make_key = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "private.pem"]
    subprocess.run(make_key, cwd=lived.folder, check=True)
    public = ["openssl", "ec", "-in", "private.pem", "-pubout", "-out", "public.pem"]
    subprocess.run(public, cwd=lived.folder, check=True, capture_output=True)
    lived.ask("package", "export", MODEL, "imzalı")
    lived.ask("package", "export", MODEL, "imzalı.kervan")
    assert lived.ask("package", "sign", "imzalı", "imza.sig", "--key", "private.pem").out.startswith(
        "imza.sig signs"
    )
    whose = ("--sigstore", "imza.sig", "--sigstore-key", "public.pem")
    for place in ("imzalı", "imzalı.kervan"):
        assert "signed by whom you named" in lived.ask("package", "check", place, *whose).out
        assert lived.ask("package", "check", place, *whose, "--json").json["bundle"]
    assert not lived.ask("package", "check", "imzalı", "--json").json["bundle"]
    lived.ask("package", "sign", "imzalı", "imza.sig", "--key", "private.pem", code=5)
    for wrong in (
        whose[:2],
        whose[2:],
        (*whose, "--identity", "a"),
        (*whose[:2], "--identity", "ayşe@example.org"),
    ):
        assert (
            "--sigstore BUNDLE wants to know whose"
            in lived.ask("package", "check", "imzalı", *wrong, code=2).err
        )
    shutil.copy(lived.folder / "imzalı" / "MODEL_CARD.md", lived.folder / "imzalı" / "more.md")
    lived.ask("package", "check", "imzalı", *whose, code=6)
