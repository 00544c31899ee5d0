"""The reference is whole: every command, setting, metric, error, field and plug-in, as the code has it."""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

import kervan.testing
from kervan.cli.edge import EXIT_CODES
from kervan.core import config, errors
from kervan.core.behaving import BehaviourTest
from kervan.core.checking import Check, Reference
from kervan.core.features import Feature
from kervan.core.goals import Costs, Goal, Limits
from kervan.core.nouns import Prediction
from kervan.core.plugins import TABLE, plugin, plugins
from kervan.model.metrics import Task, metrics_of
from kervan.package.contents.manifest import Manifest
from kervan.serve.metrics import Metrics
from kervan.serve.own import OwnPages
from kervan.serve.problem import BY_ERROR, BY_STATUS, REASONS, to_problem
from kervan.serve.routing import Router
from kervan.serve.tally import Tally
from kervan.store.tables import METADATA

from .cli_reference import PAGE, all_commands
from .cli_reference import page as cli_page
from .pages import DOCS, blocks
from .site_reference import PAGE as SITE
from .site_reference import page as site_page

REFERENCE = DOCS / "reference"


def rows(page: str, heading: str = "") -> dict[str, list[str]]:
    """The rows of the tables under a heading (of the whole page without one), by their first cell."""
    text = (REFERENCE / page).read_text(encoding="utf-8")
    if heading:
        found = re.search(rf"^#+ {re.escape(heading)}$(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
        assert found, f"{page} has no heading {heading!r}"
        text = found[1]
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return {name: row[1:] for row in cells for name in _names(row[0])}


def _names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell) or [cell]


def test_the_page_of_settings_names_every_kind_of_file() -> None:
    (source,) = (cells for name, cells in rows("settings.md", "data").items() if name == "source")
    for row in TABLE:
        if row.kind == "source":
            for ending in row.load().suffixes:
                assert f"`{ending}`" in source[-1], ending


def test_the_commands_are_as_their_help_says() -> None:
    told = "run `python tests/docs/cli_reference.py`"
    assert PAGE.read_text(encoding="utf-8") == cli_page(), told


def test_the_addresses_of_the_site_are_as_its_routes_say() -> None:
    told = "run `python tests/docs/site_reference.py`"
    assert SITE.read_text(encoding="utf-8") == site_page(), told


@pytest.mark.parametrize(("name", "context"), [(name, context) for name, _, context in all_commands()])
def test_the_help_of_a_command_shows_an_example(name: str, context: Any) -> None:
    assert re.search(r"Example:\n +.*kervan ", context.command.get_help(context)), name


SETTINGS = [
    *((name, get_type_hints(config.Config)[name]) for name in config.TABLES if name != "targets"),
    ("data.split", config.SplitSettings),
    ("data.cube", config.CubeSettings),
    ("data.checks", Check),
    ("data.checks.refers_to", Reference),
    ("model.features", Feature),
    ("model.goal", Goal),
    ("model.costs", Costs),
    ("model.limits", Limits),
    ("model.tests", BehaviourTest),
    ("model.candidates", config.CandidateSettings),
    ("model.search", config.SearchSettings),
]


@pytest.mark.parametrize(("heading", "kind"), SETTINGS, ids=[heading for heading, _ in SETTINGS])
def test_every_setting_is_explained(heading: str, kind: Any) -> None:
    told = rows("settings.md", heading)
    hints = get_type_hints(kind)
    wanted = {
        entry.metadata.get("written", entry.name): [_in_words(hints[entry.name]), _default(entry)]
        for entry in fields(kind)
        if entry.name != "_" and entry.metadata.get("written") != ""
    }
    assert {name: told.get(name, [])[:2] for name in wanted} == wanted
    assert all(len(told[name][2]) > 10 for name in wanted)


def _in_words(hint: Any) -> str:
    choices = [choice for choice in get_args(hint) if choice is not NoneType]
    if get_origin(hint) is tuple:
        nested = {tuple: "list of lists", dict: "list of tables"}.get(get_origin(choices[0]))
        if nested and choices[0] is not choices[-1]:
            return nested
        inner = (get_args(choices[0]) or choices)[0]
        words = {str: "list of texts", float: "list of numbers", int: "list of whole numbers"}
        return words.get(inner, "list of tables")
    if get_origin(hint) is dict:
        return "table of texts" if get_args(hint)[1] is str else "table"
    if choices:
        return _in_words(choices[0])
    if is_dataclass(hint):
        return "table"
    return {str: "text", int: "whole number", float: "number", bool: "true or false"}[hint]


def _default(entry: Any) -> str:
    if entry.default is MISSING and entry.default_factory is MISSING:
        return "must be given"
    value = entry.default_factory() if entry.default is MISSING else entry.default
    return "not set" if value is None else f"`{_toml(value)}`"


def _toml(value: Any) -> str:
    if is_dataclass(value) or isinstance(value, dict):
        known = msgspec.to_builtins(value)
        pairs = [f"{name} = {_toml(each)}" for name, each in known.items() if each is not None]
        return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, float) and 0 < value < 1e-4:
        return f"{value:.0e}".replace("e-0", "e-")
    return json.dumps(value)


@pytest.mark.parametrize("task", list(Task))
def test_the_metrics_of_a_goal_are_listed(task: Task) -> None:
    assert re.findall(r"`(\w+)`", rows("settings.md")[task][0]) == [each.name for each in metrics_of(task)]


def test_every_metric_is_explained() -> None:
    metrics = Metrics()
    metrics.count("/", 200, 0.1)
    metrics.refuse("row")
    metrics.drop("sample")
    metrics.name_models([("gelir", "1.0.0", "sha", "production", "01")])
    metrics.watch_models(lambda: [("gelir", "1.0.0", Tally())])
    families = text_string_to_metric_families(metrics.exposition().decode())
    ours = {family.name: family for family in families if family.name.startswith("kervan_")}
    found = {}
    for name, family in ours.items():
        if name.endswith("_created"):
            continue
        labels = sorted(set(family.samples[0].labels) - {"le"})
        shown = f"{name}_total" if family.type == "counter" else name
        found[shown] = [family.type, ", ".join(f"`{label}`" for label in labels), family.documentation]
    told = {
        name: [kind, ", ".join(sorted(filter(None, labels.split(", ")))), meaning]
        for name, (kind, labels, meaning) in {
            name: row for name, row in rows("metrics.md").items() if name.startswith("kervan_")
        }.items()
    }
    assert told == found


def test_every_reason_for_a_refusal_is_explained() -> None:
    told = rows("metrics.md")
    by_error = [(reason, status) for _, status, reason in BY_ERROR]
    by_status = [(reason, status) for status, reason in BY_STATUS.items()]
    for reason, status in [*by_error, *by_status, ("http", 400), ("surprise", 500)]:
        assert f"({status})" in told[reason][0]
    assert set(REASONS) <= set(told)


KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_explained(kind: type[errors.KervanError]) -> None:
    error = kind("polars", "data") if kind is errors.MissingExtra else kind("")  # type: ignore[call-arg]
    code = next((code for known, code in EXIT_CODES if issubclass(kind, known)), 1)
    problem, _ = to_problem(error)
    assert rows("errors.md")[kind.__name__][1:] == [str(code), str(problem.status)]


def test_every_route_is_listed() -> None:
    wires = {name: plugin("protocol", name) for name in plugins("protocol")}
    text = (REFERENCE / "protocols.md").read_text(encoding="utf-8")
    for mounted in Router({"kervan": OwnPages, **wires}).mounted:
        if not re.search("/(versions|labels)/", mounted.route.path):
            assert f"`{mounted.route.method} {mounted.route.path}`" in text


@pytest.mark.parametrize(("heading", "kind"), [("The package", Manifest), ("Prediction records", Prediction)])
def test_every_field_of_a_file_is_explained(heading: str, kind: Any) -> None:
    written = {entry.name for entry in fields(kind)} - {"digest"}  # of a manifest, which is not written
    assert written <= set(rows("files.md", heading))


def test_every_table_of_the_catalog_is_explained() -> None:
    assert set(METADATA.tables) <= set(rows("files.md", "Records in the catalog"))


def test_every_plug_in_is_listed() -> None:
    lines = (REFERENCE / "plug-ins.md").read_text(encoding="utf-8").splitlines()
    told = [line for line in lines if line.startswith("| ") and "`kervan." in line and ":" in line]
    assert told == [f"| {row.kind} | {row.name} | `{row.path}` |" for row in TABLE]


def test_every_suite_is_named() -> None:
    text = (REFERENCE / "plug-ins.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in kervan.testing.__all__)


PAGES = sorted(REFERENCE.glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_json_of_a_page_can_be_read(page: Any) -> None:
    for block in blocks(page):
        if block.kind == "json":
            json.loads(block.text)
