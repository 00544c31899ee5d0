"""Checks of other libraries, read from files that these libraries wrote: see `foreign/written_by.py`."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from kervan.core.checking import Check
from kervan.core.errors import InvalidInput
from kervan.data.checks.imports.read import read_checks
from kervan.data.checks.usable import check_said
from kervan.data.checks.written import as_lines

FOREIGN = Path(__file__).parent / "foreign"


@pytest.mark.parametrize("name", ["pandera.yaml", "pandera.json"])
def test_a_schema_of_pandera(name: str) -> None:
    found, left = read_checks(FOREIGN / name)
    checks = [each.check for each in found]
    assert checks == [
        Check(column="age", type="integer", least=0, most=120, missing_at_most=0),
        Check(column="sex", type="text", allowed=("Female", "Male"), missing_at_most=0),
        Check(
            column="plate",
            type="text",
            unique=True,
            pattern=r"(?:\d\d [A-Z]+)[\s\S]*",
            length=(4, 9),
            missing_at_most=0,
        ),
        Check(column="rent", type="number", between=(0, 5000)),
        Check(column="start", type="datetime", missing_at_most=0),
        Check(column="city", type="text", missing_at_most=0),
        Check(expression="\"city\" NOT IN ('Atlantis')"),
        Check(column="code", type="text", pattern=r"(?:T\-)[\s\S]*", missing_at_most=0),
        Check(column="height", type="number", missing_at_most=0),
        Check(expression='"height" > 0'),
        Check(column="one", type="integer", between=(1, 1), missing_at_most=0),
        Check(columns=("age", "plate"), unique=True),
    ]
    assert left == ["strict: other columns may be there"]


def test_the_older_forms_of_pandera(tmp_path: Path) -> None:
    columns = {
        "a": {"dtype": "int64", "nullable": True, "checks": {"greater_than_or_equal_to": 1, "odd": 2}},
        "b": {"dtype": "complex128", "nullable": True, "checks": None},
        "c": {
            "nullable": True,
            "checks": [
                {"value": 3, "options": {"check_name": "less_than_or_equal_to", "raise_warning": False}}
            ],
        },
        "d.*": {"regex": True},
    }
    path = tmp_path / "old.json"
    path.write_text(
        json.dumps({"schema_type": "dataframe", "columns": columns, "index": [{"dtype": "int64"}]})
    )
    found, left = read_checks(path)
    assert [each.check for each in found] == [
        Check(column="a", type="integer", least=1),
        Check(column="c", most=3),
    ]
    assert left == [
        "column 'a': odd",
        "column 'b': the type complex128",
        "column 'd.*': one whose name is a pattern",
        "the index",
    ]


def test_a_suite_of_great_expectations() -> None:
    found, left = read_checks(FOREIGN / "expectations.json")
    assert [each.check for each in found] == [
        Check(column="age", missing_at_most=1),
        Check(column="age", between=(0, 120), at_least=0.995),
        Check(column="age", missing_at_most=0),
        Check(column="rent", missing_at_most=0.1),
        Check(column="sex", allowed=("Female", "Male")),
        Check(column="plate", pattern=r"\d\d [A-Z]+"),
        Check(column="plate", length=(4, 9)),
        Check(column="plate", unique=True),
        Check(columns=("age", "plate"), unique=True),
        Check(rows=(10, 1000)),
        Check(expression='"end" >= "start"'),
        Check(column="age", type="integer"),
        Check(expression="\"city\" NOT IN ('Atlantis')"),
    ]
    assert left == ["expect_column_mean_to_be_between of 'age'"]


@pytest.mark.parametrize("name", ["pandera.yaml", "expectations.json"])
def test_what_is_read_can_be_written_and_used(name: str) -> None:
    found, _ = read_checks(FOREIGN / name)
    for each in found:
        check_said(each.check)
    written = tomllib.loads(as_lines(found))["data"]["checks"]
    assert len(written) == len(found)
    assert written[2].get("pattern") == found[2].check.pattern or name == "expectations.json"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is no JSON"),
        ("a: [", "is no YAML"),
        ("[1, 2]", "neither a schema of pandera"),
        ("{}", "neither a schema of pandera"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "x"
    path.write_text(content)
    with pytest.raises(InvalidInput, match=words) as caught:
        read_checks(path)
    assert caught.value.hint
