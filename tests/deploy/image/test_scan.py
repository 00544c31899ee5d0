"""Known vulnerabilities of an image are found by advisories in OSV's format."""

from __future__ import annotations

import json
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kervan.core.errors import InvalidInput, NotFound
from kervan.deploy.image.bill import KIND
from kervan.deploy.image.debian import debian_key, is_older, read_status
from kervan.deploy.image.scan import scan
from kervan.deploy.image.severity import base_score, level

if TYPE_CHECKING:
    from kervan.deploy.image.build import Image


def advisory(name: str, ecosystem: str = "PyPI", **told: Any) -> dict[str, Any]:
    affected = {"package": {"name": name, "ecosystem": ecosystem}, **told}
    return {"id": f"TEST-{name}", "summary": "reads what it may not", "affected": [affected]}


def ranged(*events: dict[str, str]) -> dict[str, Any]:
    return {"ranges": [{"type": "ECOSYSTEM", "events": list(events)}]}


def bill(*components: dict[str, Any]) -> bytes:
    return json.dumps({"components": list(components)}).encode()


NUMPY = {"name": "NumPy", "version": "2.1.0", "purl": "pkg:pypi/numpy@2.1.0"}
SSL = {
    "name": "libssl3",
    "version": "3.0.15-1~deb12u1",
    "purl": "pkg:deb/debian/libssl3@3.0.15-1~deb12u1",
    "properties": [
        {"name": "kervan:release", "value": "debian:12"},
        {"name": "kervan:source", "value": "openssl"},
        {"name": "kervan:sourceVersion", "value": "3.0.15-1~deb12u1"},
    ],
}


def write(folder: Path, *advisories: dict[str, Any]) -> Path:
    for each in advisories:
        (folder / f"{each['id']}.json").write_text(json.dumps(each))
    return folder


@pytest.mark.parametrize(
    ("events", "fixed"),
    [
        (({"introduced": "0"}, {"fixed": "2.1.1"}), "2.1.1"),
        (({"introduced": "0"}, {"fixed": "2.1.0"}), None),
        (({"introduced": "2.2"},), None),
        (({"introduced": "1.0"}, {"last_affected": "2.1.0"}), ""),
        (({"introduced": "1.0"}, {"last_affected": "2.0.9"}), None),
        (
            ({"introduced": "1.0"}, {"fixed": "1.5"}, {"introduced": "2.0rc1"}, {"fixed": "2.1.0.post1"}),
            "2.1.0.post1",
        ),
    ],
)
def test_a_version_is_in_a_range_or_not(
    tmp_path: Path, events: tuple[dict[str, str], ...], fixed: str | None
) -> None:
    found = scan(bill(NUMPY), write(tmp_path, advisory("numpy", **ranged(*events)))).found
    assert [each.fixed for each in found] == ([] if fixed is None else [fixed])


def test_debian_is_looked_up_by_source_package_and_release(tmp_path: Path) -> None:
    mended = ranged({"introduced": "0"}, {"fixed": "3.0.15-1"})
    other = {**advisory("openssl", "Debian:11", **mended), "id": "TEST-other"}
    found = scan(bill(SSL, NUMPY), write(tmp_path, advisory("openssl", "Debian:12", **mended), other))
    (hit,) = found.found
    assert (hit.package, hit.id, hit.fixed) == ("libssl3", "TEST-openssl", "3.0.15-1")
    assert (found.packages, found.advisories) == (2, 2)


def test_what_was_withdrawn_counts_no_more_and_the_worst_comes_first(tmp_path: Path) -> None:
    listed = {"versions": ["2.1.0"]}
    gone = {**advisory("numpy", **listed), "id": "A", "withdrawn": "2026-01-01T00:00:00Z"}
    low = {**advisory("numpy", **listed), "id": "B", "database_specific": {"severity": "LOW"}}
    score = {"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}
    bad = {**advisory("numpy", **listed), "id": "C", "severity": [score]}
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for each in (gone, low, bad):
            archive.writestr(f"{each['id']}.json", json.dumps(each))
    found = scan(bill(NUMPY), tmp_path / "all.zip").found
    assert [(each.id, each.severity) for each in found] == [("C", "critical"), ("B", "low")]


def test_what_is_no_advisory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="holds no advisory"):
        scan(bill(NUMPY), tmp_path)
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(InvalidInput, match=r"x\.json is no advisory"):
        scan(bill(NUMPY), tmp_path)


def test_a_planted_advisory_is_found_in_a_real_image(sample_image: Image, tmp_path: Path) -> None:
    content = (sample_image.folder / "bom.cdx.json").read_bytes()
    parts = {each["name"]: each for each in json.loads(content)["components"]}
    assert parts["uvicorn"]["hashes"]
    assert parts["libssl3"]["purl"].startswith("pkg:deb/debian/libssl3@3.0")
    write(tmp_path, advisory("uvicorn", **ranged({"introduced": "0"}, {"fixed": "999"})))
    write(tmp_path, advisory("openssl", "Debian:12", **ranged({"introduced": "0"})))
    found = scan(content, tmp_path).found
    assert {each.package for each in found} == {"uvicorn", "libssl3"}


def test_the_bill_of_an_image_is_valid(sample_image: Image) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    content = (sample_image.folder / "bom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(content) is None
    (attached,) = (each for each in sample_image.layout.manifests if each.artifact)
    assert attached.artifact == KIND


def test_versions_of_debian_are_in_its_order() -> None:
    ordered = ["0~~", "0~", "0", "0.1", "1.0~rc1-1", "1.0-1", "1.0-1+b1", "1.0-2", "1.0-10", "1:0"]
    assert sorted(set(ordered), key=debian_key) == ordered
    for older, newer in pairwise(ordered):
        assert is_older(older, newer)
        assert not is_older(newer, older)
    assert not is_older("1.0", "1.0")
    assert read_status("Package: x\nStatus: deinstall ok config-files\nVersion: 1\n") == []


def test_scores_are_those_of_the_specification() -> None:
    assert base_score("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N") == 6.1
    assert base_score("CVSS:3.0/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:N/A:N") == 5.5
    assert base_score("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N") == 0.0
    assert level(base_score("nonsense")) == "unknown"
