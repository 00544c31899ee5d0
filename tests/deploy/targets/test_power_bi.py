"""Power BI: queries by Microsoft's own parser of M, what they send and read by a real server."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from deploy.targets.rendered import Make
from kervan.core.errors import Refused
from kervan.deploy.targets.power_bi import text
from serve.live import running
from serve.real_packages import ROW
from tools import ROOT, tool

pytestmark = pytest.mark.service  # programs that `make setup-tools` brings

PARSE = """
const fs = require("fs");
const { DefaultSettings, TaskUtils } = require("@microsoft/powerquery-parser");
(async () => {
  for (const path of process.argv.slice(2)) {
    const task = await TaskUtils.tryLexParse(DefaultSettings, fs.readFileSync(path, "utf8"));
    console.log(TaskUtils.isParseStageOk(task) ? "ok" : "error: " + (task.error && task.error.message));
  }
})();
"""


def parsed(*paths: Path) -> list[str]:
    folders = [os.environ.get("KERVAN_TOOLS", ""), str(ROOT / ".tools")]
    places = [Path(each) / "powerquery" / "node_modules" for each in folders if each]
    modules = next((each for each in places if each.is_dir()), None)
    if modules is None:
        reason = "Microsoft's parser of M is not among the tools: `make setup-tools`"
        pytest.fail(reason) if os.environ.get("KERVAN_REQUIRE_SERVICES") == "1" else pytest.skip(reason)
    words, told = (
        [tool("node"), "-e", PARSE, "-", *map(str, paths)],
        {**os.environ, "NODE_PATH": str(modules)},
    )
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, env=told, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_queries_are_m(make: Make) -> None:
    rendering = make("power-bi", settings={"url": "https://model.example.org", "scores": 'C:\\a "b".csv'})
    assert rendering.render() == rendering.render()
    live, scored = rendering.folder / "live.pq", rendering.folder / "scored.pq"
    assert parsed(live, scored) == ["ok", "ok"]
    live.write_text(live.read_text().replace("in\n    Table.FromColumns", "Table.FromColumns"))
    assert parsed(live)[0].startswith("error")


def test_what_it_sends_and_reads_is_what_a_server_takes(
    make: Make, packages: dict[str, Path], tmp_path: Path
) -> None:
    rendering = make("power-bi")
    rendering.render()
    query = (rendering.folder / "live.pq").read_text()
    inputs = re.findall(r'"((?:[^"]|"")*)"', re.search(r"Inputs = \{(.*)\},", query)[1])  # type: ignore[index]
    assert inputs == list(ROW)
    body = re.search(r"Json.FromValue\(\[(\w+) = ", query)[1]  # type: ignore[index]
    answer = re.search(r"Answer\[(\w+)\]", query)[1]  # type: ignore[index]
    field = re.search(r'Record.Field\(_, "(\w+)"\)', query)[1]  # type: ignore[index]
    with running(tmp_path, packages["1.0.0"]) as server:
        reply = server.ask("POST", "/predict", {body: [{name: ROW[name] for name in inputs}] * 2})
        assert [type(each[field]) for each in reply.json[answer]] == [str, str]


def test_texts_are_written_as_m_wants_them() -> None:
    assert text('a "b" #(c)\n') == '"a ""b"" #(#)(c)#(0000000A)"'


def test_what_power_bi_does_not_take(make: Make) -> None:
    release = make("power-bi", settings={"url": "model", "batch": 0})
    assert len(release.findings()) == 2
    with pytest.raises(Refused, match="from people alone"):
        release.apply()
    release.target.remove(release.folder)
    assert not release.target.runs(release.folder)
