"""What every command has: help with an example, JSON, exit codes, colours only where somebody sees them."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import click
import pytest

from cli.person import PERSON
from journeys.home import KERVAN
from kervan.cli.edge import EXIT_CODES
from kervan.cli.root import COMMANDS, kervan
from kervan.core import errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from journeys.home import Home

ESCAPE = "\x1b["


CHANGING = {"train", "data ingest", "predict", "drift"}  # they add to what is counted


def commands(group: click.Group, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*above, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*above, name))


ALL = sorted(commands(kervan))
READING = {
    "settings": ["settings"],
    "data": ["data"],
    "data list": ["data", "list"],
    "data show": ["data", "show", "müşteri-kaybı"],
    "data ingest": ["data", "ingest"],
    "train": ["train"],
    "runs": ["runs"],
    "runs by a line": ["runs", "--where", "roc_auc > 0"],
    "runs by metric": ["runs", "--metric", "validation.roc_auc"],
    "models": ["models"],
    "one model": ["models", "müşteri-kaybı@1.0.0"],
    "releases": ["releases"],
    "predict": ["predict", "üretim", "--row", json.dumps(PERSON)],
    "drift": ["drift", "üretim"],
    "audit": ["audit"],
    "audit list": ["audit", "list", "--subject", "üretim"],
    "audit by who and when": ["audit", "--action", "registered", "--since", "7d", "--limit", "3"],
    "audit verify": ["audit", "verify"],
    "gc": ["gc", "--dry-run"],
    "doctor": ["doctor"],
}


def test_every_command_is_listed_and_loads() -> None:
    shown = subprocess.run([*KERVAN, "--help"], capture_output=True, check=True).stdout.decode()
    for name, (_, line) in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(line[:20])}", shown, re.MULTILINE), name


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_of_every_command_shows_an_example(home: Home, words: tuple[str, ...]) -> None:
    for flag in ("--help", "-h"):
        shown = home.ask(*words, flag).out
        assert "Example:\n" in shown
        assert f"kervan {' '.join(words)}" in shown.partition("Example:")[2]


@pytest.mark.parametrize("words", [words for words in ALL if words[0] != "completion"], ids=" ".join)
def test_wrong_usage_ends_with_2_and_says_so(home: Home, words: tuple[str, ...]) -> None:
    reply = home.ask(*words, "--no-such-option", code=2)
    assert reply.out == ""
    assert "--no-such-option" in reply.err
    as_json = home.ask(*words, "--no-such-option", "--json", code=2)
    assert as_json.problem["error"] == "UsageError"


@pytest.mark.parametrize("name", READING)
def test_what_is_shown_to_people_is_there_for_programs(shop: Home, name: str) -> None:
    command = READING[name]
    for_people = shop.ask(*command, "--quiet")
    for_programs = shop.ask(*command, "--quiet", "--json")
    assert for_people.out.strip()
    assert for_people.err == for_programs.err == ""
    assert for_programs.json is not None
    assert "\\u" not in for_programs.out  # letters stay letters
    assert ESCAPE not in for_people.out + for_programs.out


@pytest.mark.parametrize("name", sorted(READING.keys() - CHANGING))
def test_commands_work_from_a_folder_below_and_from_elsewhere(shop: Home, tmp_path: Path, name: str) -> None:
    below = shop.folder / "notlar" / "ı"
    below.mkdir(parents=True, exist_ok=True)
    here = shop.ask(*READING[name], "--json").json
    assert shop.ask(*READING[name], "--json", cwd=below).json == here
    assert shop.ask(*READING[name], "--json", "-C", str(shop.folder), cwd=tmp_path).json == here
    relative = os.path.relpath(shop.folder, tmp_path)
    assert shop.ask(*READING[name], "--json", "--project", relative, cwd=tmp_path).json == here


def test_a_run_from_a_folder_below_finds_its_table(home: Home) -> None:
    below = home.start(150).folder / "alt" / "klasör"
    below.mkdir(parents=True)
    first = home.ask("run", "--quiet", "--json", cwd=below).json
    again = home.ask("run", "--quiet", "--json").json
    assert again["model"] == first["model"] == "müşteri-kaybı@1.0.0"
    assert not list(below.iterdir())


NOT_THERE = {
    "model": (["models", "yok"], "there is no model 'yok'", "müşteri-kaybı"),
    "misspelt model": (["models", "müsteri-kaybi"], "there is no model", 'mean "müşteri-kaybı"?'),
    "version": (["models", "müşteri-kaybı@9.0.0"], "has no version 9.0.0", "known: 1.0.0"),
    "dataset": (["data", "show", "yok"], "there is no dataset 'yok'", "müşteri-kaybı"),
    "dataset's version": (["data", "show", "müşteri-kaybı:9"], "has no version 9", "known: 1"),
    "environment": (["drift", "yok"], "nothing was released to 'yok'", "üretim"),
    "environment to stop": (["release", "--stop", "--to", "yok"], "nothing was released to 'yok'", "üretim"),
    "prediction": (["trace", "01M7XE67HTCS3Z0XT54D3Q2HZ9"], "there is no prediction", "in the answer"),
    "run": (["runs", "--show", "01M7XE67HTCS3Z0XT54D3Q2HZ9"], "there is no run", "26 letters"),
    "package": (["package", "check", "yok"], "yok holds no package", "manifest.json"),
    "model to release": (["release", "yok@1.0.0"], "there is no model 'yok'", "müşteri-kaybı"),
}


@pytest.mark.parametrize("case", NOT_THERE)
def test_what_is_not_there_ends_with_3_and_names_what_is_near(shop: Home, case: str) -> None:
    command, message, hint = NOT_THERE[case]
    reply = shop.ask(*command, "--json", code=3)
    assert reply.out == ""
    assert reply.problem["error"] == "NotFound"
    assert message in reply.problem["message"]
    assert hint in reply.problem["hint"]
    assert message in shop.ask(*command, code=3).err


def test_where_nothing_is_yet_the_first_step_is_named(home: Home) -> None:
    home.start()
    for command in (("models", "yok"), ("package", "formats")):
        assert "`kervan run` makes the first" in home.ask(*command, code=3).err
    assert "`kervan data ingest` makes the first" in home.ask("data", "show", "yok", code=3).err


NOT_USABLE = {
    "version": (["models", "müşteri-kaybı@9"], "'9' is not a version", "MAJOR.MINOR.PATCH"),
    "id": (["trace", "yok"], "'yok' is not a prediction's id", "26 letters"),
    "time": (["drift", "üretim", "--since", "dün"], "'dün' is no time", "2026-05-01"),
    "anchor": (["audit", "verify", "--anchor", "x"], "'x' is no anchor", "12:ab34"),
    "kind of file": (
        ["data", "export", "müşteri-kaybı", "a.xlsx"],
        "a.xlsx names no kind of file",
        ".parquet",
    ),
}


@pytest.mark.parametrize("case", NOT_USABLE)
def test_what_cannot_be_used_ends_with_2(shop: Home, case: str) -> None:
    command, message, hint = NOT_USABLE[case]
    problem = shop.ask(*command, "--json", code=2).problem
    assert message in problem["message"]
    assert hint in problem["hint"]


def test_other_exit_codes(shop: Home, tmp_path: Path) -> None:
    sealed = shop.ask("data", "export", "müşteri-kaybı", str(tmp_path / "t.csv"), "--part", "test", code=4)
    assert "the test part of müşteri-kaybı:1 is sealed" in sealed.err
    assert not list(tmp_path.iterdir())
    assert "kervan.toml exists already" in shop.ask("init", code=5).err
    nowhere = shop.ask("data", "export", "müşteri-kaybı", str(tmp_path / "yok" / "t.csv"), code=2)
    assert "there is no folder" in nowhere.err
    assert (
        "No such file" in shop.ask("drift", "üretim", "--html", str(tmp_path / "yok" / "t.html"), code=6).err
    )


def test_every_error_has_the_exit_code_that_help_lists(home: Home) -> None:
    shown = " ".join(home.ask("--help").out.split())
    listed = dict(re.findall(r"(\d) ([a-z ]+)", shown.partition("Exit:")[2]))
    codes = dict(EXIT_CODES)
    assert {str(code) for code in codes.values()} == set(listed) - {"0", "1"}
    known = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)}
    without = {kind for kind in known if not issubclass(kind, tuple(codes))}
    assert without == {errors.KervanError}


def test_unknown_commands_suggest_the_near_one(home: Home) -> None:
    assert 'did you mean "predict"?' in home.ask("predictt", code=2).err
    assert "did you mean" in home.ask("data", "shw", code=2).err.lower()
    assert "--why" in home.ask("run", "--wy", "x", code=2).err


def test_the_part_that_is_exported_is_the_part(shop: Home, tmp_path: Path) -> None:
    rows = {}
    for part in ("train", "validation"):
        for ending in ("csv", "parquet"):
            target = tmp_path / f"{part}.{ending}"
            rows[part] = shop.ask(
                "data", "export", "müşteri-kaybı", str(target), "--part", part, "--json"
            ).json["rows"]
            assert target.stat().st_size > 0
        content = (tmp_path / f"{part}.csv").read_text(encoding="utf-8").splitlines()
        assert content[0] == "müşteri,yaş,şehir,gelir,0,ayrıldı"
        assert len(content) == rows[part] + 1
        assert "MÜŞ-" not in "".join(content)
    assert rows["train"] > rows["validation"] > 0


def test_a_package_goes_out_whole_and_is_checked(shop: Home, tmp_path: Path) -> None:
    folder = tmp_path / "paket ı"
    shop.ask("package", "export", "müşteri-kaybı", str(folder))
    assert "müşteri-kaybı@1.0.0 is whole" in shop.ask("package", "check", str(folder)).out
    assert shop.ask("package", "check", str(folder), "--json").json["name"] == "müşteri-kaybı"
    assert "exists already" in shop.ask("package", "export", "müşteri-kaybı", str(folder), code=5).err
    model = next(folder.rglob("*.onnx"))
    model.write_bytes(model.read_bytes()[:-1] + b"?")
    assert f"{model.name} was changed" in shop.ask("package", "check", str(folder), code=6).err


def test_pages_show_turkish_letters_and_no_clear_value(shop: Home, tmp_path: Path) -> None:
    shop.ask("data", "show", "müşteri-kaybı", "--html", str(tmp_path / "veri.html"))
    shop.ask("drift", "üretim", "--html", str(tmp_path / "kayma.html"))
    pages = [*tmp_path.iterdir(), *(shop.folder / ".kervan" / "reports").iterdir()]
    assert len(pages) >= 4
    for page in pages:
        content = page.read_text(encoding="utf-8")
        assert "MÜŞ-0-" not in content
        assert '<meta charset="utf-8"' in content.lower()
    assert "İstanbul" in (tmp_path / "veri.html").read_text(encoding="utf-8")
    assert "şehir" in (tmp_path / "kayma.html").read_text(encoding="utf-8")


def test_drift_can_end_with_4_when_something_shifted(shop: Home) -> None:
    assert shop.ask("drift", "üretim", "--quiet").code == 0
    assert "gelir" in shop.ask("drift", "üretim", "--quiet", "--strict", code=4).out
    later = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(time.time() + 3600))
    assert "was not asked for any prediction" in shop.ask("drift", "üretim", "--since", later, code=3).err


def test_runs_are_searched_by_a_metric(shop: Home) -> None:
    found = shop.ask("runs", "--metric", "validation.roc_auc", "--json").json
    assert found
    assert "no run has a metric 'yok'" in shop.ask("runs", "--metric", "yok").out
    assert "validation.roc_auc" in shop.ask("runs", "--show", found[0]["id"]).out
    assert "0 is not in the range" in shop.ask("runs", "--limit", "0", code=2).err


def test_the_audit_trail_is_searched_and_taken_along(shop: Home, tmp_path: Path) -> None:
    everything = shop.ask("audit", "--json").json
    registered = shop.ask("audit", "list", "--action", "registered", "--json").json
    assert [event["action"] for event in registered] == ["registered model"]
    assert shop.ask("audit", "--limit", "2", "--json").json == everything[-2:]
    assert "no such event" in shop.ask("audit", "--actor", "kimse").out
    assert shop.ask("audit", "--text", "İLK SÜRÜM", "--json").json == []
    assert shop.ask("audit", "--text", "ilk sürüm", "--json").json
    assert "'gestern' is no time" in shop.ask("audit", "--since", "gestern", code=2).err
    file = tmp_path / "iz.jsonl"
    assert "wrote" in shop.ask("audit", "export", str(file)).out
    assert [json.loads(line)["hash"] for line in file.read_text("utf-8").splitlines()] == [
        event["hash"] for event in everything
    ]
    shop.ask("audit", "export", "--subject", "üretim", str(tmp_path / "iz.csv"))
    assert "üretim" in (tmp_path / "iz.csv").read_text("utf-8")
    assert "not written as 'xls'" in shop.ask("audit", "export", str(tmp_path / "iz.xls"), code=2).err
    assert not (tmp_path / "iz.xls").exists()


@pytest.mark.parametrize(("extra", "is_coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_only_on_a_terminal_and_not_with_no_color(
    shop: Home, extra: dict[str, str], is_coloured: bool
) -> None:
    env = {**shop.surroundings(), "TERM": "xterm-256color"}
    env.pop("NO_COLOR", None)
    assert (ESCAPE in on_terminal([*KERVAN, "models"], shop.folder, {**env, **extra})) is is_coloured
    assert (ESCAPE in on_terminal([*KERVAN, "models", "yok"], shop.folder, {**env, **extra})) is is_coloured
    assert ESCAPE not in shop.run("models").out
    assert ESCAPE not in shop.run("models", "yok", code=3).err


def on_terminal(command: list[str], folder: Path, env: dict[str, str]) -> str:
    """Run a command on a terminal of its own and return everything that it showed."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command, cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:  # the other end is closed
            pass
        process.wait(timeout=60)
    os.close(ours)
    return shown.decode()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed(home: Home, shell: str) -> None:
    script = home.run("completion", shell).out
    assert f"_KERVAN_COMPLETE={shell}_complete" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script.encode(), check=True)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("package write income torch", ["torch-export", "torchscript"]),
        ("package formats income --only sav", ["savedmodel"]),
        ("package import model.txt to --formats onnx,nat", ["onnx,native"]),
        ("package import model.pt to --allow torc", ["torch", "torchscript"]),
        ("package inspect model.pkl --allow pi", ["pickle"]),
    ],
)
def test_names_of_formats_and_kinds_of_files_are_completed(words: str, names: list[str], home: Home) -> None:
    home.environ |= {
        "_KERVAN_COMPLETE": "bash_complete",
        "COMP_WORDS": f"kervan {words}",
        "COMP_CWORD": str(len(words.split())),
    }
    assert home.run().out.split() == [f"plain,{name}" for name in names]


def test_bash_completes_commands_and_options(home: Home) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    home.write("kervan", f'#!/bin/sh\nexec {" ".join(KERVAN)} "$@"\n').chmod(0o755)
    script = home.run("completion", "bash").out
    ask = 'COMPREPLY=(); _kervan_completion kervan; echo "${COMPREPLY[@]}"'
    asked = f"""{script}
        COMP_WORDS=(kervan pre); COMP_CWORD=1; {ask}
        COMP_WORDS=(kervan run --w); COMP_CWORD=2; {ask}
    """
    env = {**home.surroundings(), "PATH": f"{home.folder}:{os.environ['PATH']}"}
    done = subprocess.run([bash, "-c", asked], cwd=home.folder, env=env, capture_output=True, check=True)
    assert done.stdout.decode().split() == ["predict", "predictions", "--why"]


def test_settings_come_from_the_nearest_place(home: Home) -> None:
    home.start(60)
    assert home.ask("settings", "--json").json["model"]["folds"] == 2
    home.environ["KERVAN_MODEL_FOLDS"] = "7"
    found = home.ask("settings", "--json").json
    assert (found["model"]["folds"], found["origins"]["model.folds"]) == (7, "KERVAN_MODEL_FOLDS")
    assert (found["origins"]["model.families"], found["origins"]["model.seed"]) == ("kervan.toml", "default")
    assert re.search(r"folds +7 +KERVAN_MODEL_FOLDS", home.ask("settings").out)
    home.environ["KERVAN_MODEL_FOLDS"] = "yedi"
    assert "the environment: [model] folds: 'yedi' is not a whole number" in home.ask("settings", code=2).err


def test_a_new_project_says_what_is_next(home: Home) -> None:
    folder = home.folder / "Yeni"
    options = ("--name", "şehir", "--source", 'a "b"\\ı.csv', "--target", "çıktı")
    made = home.ask("init", "Yeni", *options, "--quiet")
    assert "wrote kervan.toml, .gitignore" in made.out
    assert not made.err
    found = home.ask("settings", "--json", cwd=folder).json
    assert found["project"]["name"] == "şehir"
    assert (found["data"]["source"], found["data"]["target"]) == ('a "b"\\ı.csv', "çıktı")
    home.write("tablo ı.csv", "a,b\n1,2\n")
    home.ask("init", "Başka", "--name", "başka", "--source", "tablo ı.csv", "--target", "b")
    there = home.ask("settings", "--json", cwd=home.folder / "Başka").json
    assert there["data"]["source"] == "../tablo ı.csv"
    assert "a project" in home.ask("init", "Kötü Ad", code=2).err
    assert not (home.folder / "Kötü Ad").exists()
