from __future__ import annotations

import json
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from kervan.package.contents.background import Background
from kervan.package.contents.manifest import Lineage
from kervan.package.contents.materials import bill_of_materials
from package.backgrounds import FILES, HASH, background

VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)


def read(told: Background) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bill_of_materials(told, FILES))
    return found


def named(parts: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {part["name"]: part for part in parts}


CASES = {
    "usual": background(use="Only for tests.", licence="CC-BY-4.0"),
    "bare": background(metrics={}, intervals={}, requirements={}, samples=(), lineage=Lineage(), family=""),
    "letters": background(name="şehir-İ", creator="ı", licence='"<|', use="çok\nsatır"),
}


@pytest.mark.parametrize("case", list(CASES))
def test_the_strict_validator_accepts_it(case: str) -> None:
    found = VALIDATOR.validate_str(bill_of_materials(CASES[case], FILES).decode())
    assert found is None, found


def test_the_strict_validator_refuses_what_is_wrong() -> None:
    told = read(CASES["usual"])
    told["metadata"]["component"]["type"] = "model"
    assert VALIDATOR.validate_str(json.dumps(told)) is not None
    told = read(CASES["usual"])
    told["metadata"]["component"]["modelCard"]["unknown"] = 1
    assert VALIDATOR.validate_str(json.dumps(told)) is not None


def test_the_model_is_what_it_is_about() -> None:
    model = read(CASES["usual"])["metadata"]["component"]
    assert (model["type"], model["name"], model["version"]) == ("machine-learning-model", "gelir", "1.2.0")
    assert model["licenses"] == [{"license": {"name": "CC-BY-4.0"}}]
    card = model["modelCard"]
    assert card["modelParameters"]["task"] == "binary classification"
    assert card["modelParameters"]["datasets"] == [{"ref": "data"}]
    assert len(card["modelParameters"]["inputs"]) == 4
    assert card["considerations"]["useCases"] == ["Only for tests."]
    assert card["considerations"]["technicalLimitations"] == list(CASES["usual"].limitations())
    assert card["quantitativeAnalysis"]["performanceMetrics"] == [
        {
            "type": "roc_auc",
            "value": "0.9",
            "slice": "validation part",
            "confidenceInterval": {"lowerBound": "0.85", "upperBound": "0.95"},
        },
        {"type": "log_loss", "value": "0.2", "slice": "validation part"},
    ]


def test_data_files_and_libraries_are_its_parts() -> None:
    told = read(CASES["usual"])
    parts = named(told["components"])
    assert parts["müşteriler"]["hashes"] == [{"alg": "SHA-256", "content": HASH}]
    assert parts["onnx/model.onnx"]["hashes"] == [{"alg": "SHA-256", "content": HASH}]
    assert parts["onnxruntime"]["purl"] == "pkg:pypi/onnxruntime@1.31.1"
    [needs] = told["dependencies"]
    assert set(needs["dependsOn"]) == {part["bom-ref"] for part in told["components"]}


def test_it_says_how_the_model_was_made() -> None:
    [formula] = read(CASES["usual"])["formulation"]
    [workflow] = formula["workflows"]
    assert workflow["uid"] == "01R"
    assert {"name": "kervan:commit", "value": "c0ffee"} in workflow["properties"]


def test_the_same_content_gives_the_same_bytes_and_another_another_number() -> None:
    once, again = (bill_of_materials(background(), FILES) for _ in range(2))
    assert once == again
    assert read(background())["serialNumber"] != read(background(version="1.2.1"))["serialNumber"]
