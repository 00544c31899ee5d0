"""Datasets described, named, found, and told of to other catalogues."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kervan.app.audit import verify
from kervan.app.catalogue import Change, describe_data, name_version, search_data
from kervan.app.data import describe_dataset
from kervan.app.ingest import ingest_data
from kervan.app.metadata import metadata_of
from kervan.app.project import Project, open_project
from kervan.core.about import About
from kervan.core.errors import InvalidInput, NotFound
from kervan.core.identity import Ref
from kervan.core.nouns import Dataset, Role
from tools import tool

TOML = """
[data]
source = "rows.csv"
target = "y"
name = "{name}"
{more}
"""


def made(folder: Path, name: str = "flats", more: str = "", rows: int = 60) -> Project:
    lines = [f"{at},{at % 7},{'yes' if at % 3 else 'no'}" for at in range(rows)]
    (folder / "rows.csv").write_text("\n".join(["alan,oda sayısı,y", *lines]), encoding="utf-8")
    (folder / "kervan.toml").write_text(TOML.format(name=name, more=more), encoding="utf-8")
    project = open_project(folder)
    ingest_data(project)
    return project


def refs(project: Project, text: str) -> list[str]:
    return [each.ref for each in search_data(project, text)]


def test_what_people_say_is_kept_and_changed_without_a_new_version(tmp_path: Path) -> None:
    about = '[data.about]\nowner = "Ayşe"\ntags = ["emlak"]\n'
    project = made(tmp_path, more=about)
    changed = describe_data(
        project, "flats", Change(licence="CC-BY-4.0", tag=("yeni",), untag=("emlak",)), why="audit"
    )
    assert changed.about == About(owner="Ayşe", licence="CC-BY-4.0", tags=("yeni",))
    assert describe_dataset(project, "flats").dataset == changed
    assert changed.version == "1"
    told = project.store.catalog.events(subject=changed.id)
    assert [(each.action, each.why) for each in told][-1] == ("described dataset", "audit")
    assert verify(project).events == len(list(project.store.catalog.events()))
    assert ingest_data(project).about == About(owner="Ayşe", licence="CC-BY-4.0", tags=("emlak",))


def test_a_new_version_inherits_what_was_said(tmp_path: Path) -> None:
    describe_data(made(tmp_path), "flats", Change(owner="Ada"))
    assert ingest_data(made(tmp_path, rows=80)).about.owner == "Ada"


def test_nothing_new_is_no_event(tmp_path: Path) -> None:
    project = made(tmp_path)
    before = project.store.catalog.head()
    describe_data(project, "flats", Change())
    assert project.store.catalog.head() == before


def test_a_tag_that_is_not_there_cannot_be_taken_away(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no tag 'x'"):
        describe_data(made(tmp_path), "flats", Change(untag=("x",)))


def test_an_alias_moves_from_version_to_version(tmp_path: Path) -> None:
    name_version(made(tmp_path), "flats:1", "altın", why="checked")
    project = made(tmp_path, rows=80)
    find = project.store.catalog.find
    assert find(Dataset, Ref.parse("flats:altın")).ref == "flats:1"
    name_version(project, "flats:2", "altın")
    assert find(Dataset, Ref.parse("flats:altın")).ref == "flats:2"
    assert search_data(project, "alias:altın")[0].aliases == ("altın",)
    with pytest.raises(NotFound, match="gümüş"):
        find(Dataset, Ref.parse("flats:gümüş"))
    with pytest.raises(InvalidInput, match="looks like a version"):
        name_version(project, "flats:2", "2b")


def test_datasets_are_found_by_words_and_fields(tmp_path: Path) -> None:
    made(tmp_path, "flats", '[data.about]\nowner = "Ayşe"\ntags = ["emlak", "finans"]\n')
    project = made(tmp_path, "cars", '[data.about]\ndescription = "Second hand cars"\n', rows=90)
    assert refs(project, "") == ["cars:1", "flats:1"]
    assert refs(project, "hand") == ["cars:1"]
    assert refs(project, "tag:emlak owner:ayşe") == ["flats:1"]
    assert refs(project, "tag:emlak owner:ada") == []
    assert refs(project, "rows>70") == ["cars:1"]
    assert refs(project, "rows<=60 columns=3") == ["flats:1"]
    assert refs(project, 'column:"oda sayısı" created>1d') == ["cars:1", "flats:1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rosw>3", "rosw>3"),
        ("rows>many", "'many' is no number"),
        ("tag>3", "tag>3"),
        ('"open', "cannot be read"),
        ("created>soon", "soon"),
    ],
)
def test_a_search_that_cannot_be_read_says_which_part(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        search_data(made(tmp_path), text)
    assert message in str(caught.value)


ABOUT = """[data.about]
owner = "Ayşe"
licence = "https://creativecommons.org/licenses/by/4.0/"
tags = ["emlak"]
"""


@pytest.mark.service
def test_croissant_is_what_its_own_validator_takes(tmp_path: Path) -> None:
    project = made(tmp_path, more=ABOUT)
    found = metadata_of(project, "flats", "croissant")
    path = tmp_path / "croissant.json"
    path.write_text(json.dumps(found), encoding="utf-8")
    done = subprocess.run(
        [tool("mlcroissant"), "validate", "--jsonld", path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Done." in done.stderr
    assert "warning(s)" not in done.stderr
    dataset = project.store.catalog.find(Dataset, Ref.parse("flats"))
    files = {each["name"]: each["sha256"] for each in found["distribution"]}
    assert files == {f"{role}.parquet": dataset.part(role).blob for role in (Role.TRAIN, Role.VALIDATION)}


@pytest.mark.service
def test_dcat_is_a_graph_with_what_the_vocabulary_asks_for(tmp_path: Path) -> None:
    path = tmp_path / "dcat.json"
    path.write_text(json.dumps(metadata_of(made(tmp_path, more=ABOUT), "flats", "dcat")), encoding="utf-8")
    program = (
        "import rdflib, sys; from rdflib.namespace import DCAT, DCTERMS, RDF;"
        "g = rdflib.Graph().parse(sys.argv[1], format='json-ld'); s, = g.subjects(RDF.type, DCAT.Dataset);"
        "print(*(g.value(s, p) is not None for p in (DCTERMS.title, DCTERMS.description, DCTERMS.publisher,"
        "DCTERMS.license, DCTERMS.issued, DCAT.keyword, DCAT.distribution)))"
    )
    python = Path(tool("mlcroissant")).parent / "python"
    done = subprocess.run([python, "-c", program, path], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"] * 7


def test_openlineage_events_hold_to_the_published_schema(tmp_path: Path, data_dir: Path) -> None:
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource

    schemas = data_dir.parent / "schemas"
    files = [schemas / "openlineage.json", *(schemas / "openlineage-facets").glob("*.json")]
    read: list[dict[str, Any]] = [json.loads(each.read_text()) for each in files]
    registry: Any = Registry().with_resources([(each["$id"], Resource.from_contents(each)) for each in read])
    events = metadata_of(made(tmp_path, more=ABOUT), "flats", "openlineage")
    whole = Draft202012Validator({"$ref": events[0]["schemaURL"]}, registry=registry)
    for event in events:
        whole.validate(event)
        for dataset in (*event["inputs"], *event["outputs"]):
            facets = {**dataset.get("facets", {}), **dataset.get("outputFacets", {})}
            for name, facet in facets.items():
                Draft202012Validator({"$ref": facet["_schemaURL"]}, registry=registry).validate({name: facet})
    assert [each["name"] for each in events[0]["inputs"]] == ["rows.csv"]


def test_a_form_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no form 'dcta'"):
        metadata_of(made(tmp_path), "flats", "dcta")
