"""A release may live wherever an adapter takes it, and moves from one place to another."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import pytest

from kervan.core import plugins as plugins_module
from kervan.core.errors import ServerFailed
from kervan.core.nouns import Finding, Verdict
from kervan.core.places import Place
from kervan.core.plugins import add, plugins
from kervan.deploy.process import orphans, running
from kervan.deploy.workload import settings_of, workload_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from journeys.home import Home
    from kervan.core.serving import Plan, Serving

pytestmark = pytest.mark.sampled

OLD, NEW = "müşteri-kaybı@1.0.0", "müşteri-kaybı@1.0.1"
ROW = {"yaş": 30, "şehir": "ısparta", "gelir": 10_000.0}


@dataclass(frozen=True, kw_only=True)
class Lines:
    """The notebook's own settings."""

    ink: str = "mavi"


class Notebook:
    """Notes down what is to answer, and lets somebody else see to it."""

    about = Place(title="a notebook", strategies=("at-once", "canary"), checked="eyes", proved="on paper")

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        work = workload_of(serving, plan)
        shares = "\n".join(f"{each.manifest.ref} {each.percent}" for each in work.units)
        ink = settings_of(plan, Lines).ink
        pages = {PurePath("defter.txt"): f"{ink}\n{shares}\n{plan.workers}\n"}
        return pages | ({PurePath("ek/sayfa.txt"): "kırmızı\n"} if ink == "kırmızı" else {})

    def check(self, folder: Path, plan: Plan) -> Sequence[Finding]:
        text = (folder / "defter.txt").read_text()
        names = {"soluk": Verdict.WARNED, "görünmez": Verdict.FAILED}
        return [
            Finding(
                rule="ink",
                subject="ink",
                verdict=verdict,
                message=f"{ink} cannot be read",
                hint="use another",
            )
            for ink, verdict in names.items()
            if ink in text
        ]

    def apply(self, folder: Path, plan: Plan) -> str:
        if "kuru" in (folder / "defter.txt").read_text():
            raise ServerFailed("the pen is dry", hint="fill it")
        return f"http://127.0.0.1:9/{(folder / 'defter.txt').read_text().split()[-1]}"

    def remove(self, folder: Path) -> None:
        (folder / "defter.txt").unlink(missing_ok=True)

    def runs(self, folder: Path) -> bool:
        return (folder / "defter.txt").is_file()


def place(home: Home) -> Path:
    return home.folder / ".kervan/environments/üretim/places/defter"


def ink(home: Home, colour: str) -> None:
    """Choose the ink in the settings."""
    text = (home.folder / "kervan.toml").read_text("utf-8").partition("[targets")[0]
    home.write("kervan.toml", f'{text}[targets.defter]\nink = "{colour}"\n')


@pytest.fixture(autouse=True)
def notebook() -> Iterator[None]:
    add("target", "defter", Notebook())
    yield
    plugins_module._ADDED.clear()
    plugins.cache_clear()


def test_a_release_moves_to_another_target_and_back(grown: Home) -> None:
    folder = grown.folder / ".kervan" / "environments" / "üretim"
    told = grown.ask("release", NEW, "--target", "defter", "--why", "taşın").out
    assert told.startswith(f"{NEW} answers in üretim at http://127.0.0.1:9/1")
    assert running(folder) is None
    assert orphans(folder) == []
    now = grown.ask("releases", "--json").json[0]
    assert (now["state"], now["plan"]["target"]) == ("running", "defter")
    grown.ask("release", OLD, "--target", "local", "--why", "dön")
    assert grown.predict(ROW)["model"] == OLD
    assert not (place(grown) / "defter.txt").exists()
    grown.ask("doctor")


def test_a_target_that_is_not_there_is_named_and_nothing_changes(grown: Home) -> None:
    before = grown.ask("releases", "--json").json
    refused = grown.ask("release", NEW, "--target", "deftr", "--why", "dene", code=2)
    assert "no target 'deftr'" in refused.err
    assert 'mean "defter"?' in refused.err
    assert grown.ask("releases", "--json").json == before


def test_what_runs_elsewhere_is_on_record_like_what_runs_here(grown: Home) -> None:
    grown.ask("deploy", NEW, "--target", "defter", "--why", "taşın")
    now = grown.ask("releases", "--json").json[0]
    assert (now["state"], now["plan"]["target"], now["endpoint"]) == (
        "running",
        "defter",
        "http://127.0.0.1:9/1",
    )
    assert (place(grown) / "defter.txt").read_text().split() == ["mavi", NEW, "100", "1"]
    refused = grown.ask("models", "delete", NEW, "--why", "dene", code=4)
    assert "üretim" in refused.err
    grown.ask("doctor")
    grown.ask("release", "roll-back", "üretim", "--why", "geri")
    assert "1.0.0" in (place(grown) / "defter.txt").read_text()
    grown.ask("release", "--stop", "--to", "üretim")
    assert grown.ask("releases", "--json").json[0]["state"] == "stopped"


def test_what_a_place_would_refuse_is_said_before_anything_changes(grown: Home) -> None:
    grown.ask("deploy", OLD, "--target", "defter", "--why", "taşın")
    before = (place(grown) / "defter.txt").read_text()
    ink(grown, "görünmez")
    refused = grown.ask("deploy", NEW, "--target", "defter", "--why", "dene", code=4)
    assert "görünmez cannot be read" in refused.err
    assert "use another" in refused.err
    shown = grown.ask("deploy", NEW, "--target", "defter", "--dry-run", code=1)
    assert "failed: görünmez cannot be read; use another" in shown.out
    assert (place(grown) / "defter.txt").read_text() == before
    assert grown.ask("releases", "--json").json[0]["shares"] == {OLD: 1.0}


def test_what_a_place_cannot_apply_leaves_what_was_there(grown: Home) -> None:
    grown.ask("deploy", OLD, "--target", "defter", "--why", "taşın")
    before = (place(grown) / "defter.txt").read_text()
    ink(grown, "kuru")
    failed = grown.ask("deploy", NEW, "--target", "defter", "--why", "dene", code=8)
    assert "the pen is dry" in failed.err
    assert (place(grown) / "defter.txt").read_text() == before
    assert grown.ask("releases", "--json").json[0]["shares"] == {OLD: 1.0}


def test_a_place_says_which_strategies_and_settings_it_has(grown: Home) -> None:
    refused = grown.ask("deploy", NEW, "--target", "defter", "--strategy", "shadow", "--why", "dene", code=4)
    assert "defter cannot release by shadow" in refused.err
    assert "at-once, canary" in refused.err
    grown.write(
        "kervan.toml", (grown.folder / "kervan.toml").read_text("utf-8") + '[targets.defter]\ninc = "x"\n'
    )
    wrong = grown.ask("deploy", NEW, "--target", "defter", "--why", "dene", code=2)
    assert "[targets.defter] inc: unknown setting" in wrong.err
    assert "ink" in wrong.err


def test_where_nobody_sees_what_is_answered_somebody_lets_a_canary_go_on(grown: Home) -> None:
    grown.ask("deploy", OLD, "--target", "defter", "--why", "taşın")
    told = grown.ask(
        "deploy", NEW, "--target", "defter", "--strategy", "canary", "--steps", "25", "--why", "d"
    )
    assert "the judge does not see what a notebook sees" in told.err
    assert (place(grown) / "defter.txt").read_text().split() == ["mavi", OLD, "75", NEW, "25", "1"]
    grown.ask("release", "promote", "üretim", "--why", "iyi")
    assert (place(grown) / "defter.txt").read_text().split() == ["mavi", NEW, "100", "1"]


def test_rendered_files_can_be_compared_and_nothing_else_is_lost(grown: Home) -> None:
    ink(grown, "kırmızı")
    folder = grown.folder / "dosyalar"
    told = grown.ask("render", NEW, "--target", "defter", "-o", str(folder))
    assert f"{NEW} for defter, as üretim: 2 files" in told.out
    assert (folder / "ek/sayfa.txt").is_file()
    ink(grown, "soluk")
    warned = grown.ask("render", NEW, "--target", "defter", "-o", str(folder))
    assert "warned: soluk cannot be read" in warned.out
    assert not (folder / "ek/sayfa.txt").exists()
    other = grown.write("başka/defter.txt", "benim").parent
    refused = grown.ask("render", NEW, "--target", "defter", "-o", str(other), code=5)
    assert "was not rendered, and would be lost" in refused.err
    assert (other / "defter.txt").read_text() == "benim"


def test_a_place_without_logs_says_so_and_this_machine_has_some(grown: Home) -> None:
    assert "serving" in grown.ask("logs", "üretim").out
    grown.ask("deploy", NEW, "--target", "defter", "--why", "taşın")
    for command in ("logs", "shell"):
        assert "defter tells nothing of what runs there" in grown.ask(command, "üretim", code=4).err


def test_every_target_is_listed_with_what_is_true_of_it(grown: Home) -> None:
    rows = {row["name"]: row["about"] for row in grown.ask("targets", "--json").json}
    assert rows["defter"]["proved"] == "on paper"
    assert set(rows) == set(plugins("target"))
    assert max(map(len, grown.ask("targets").out.splitlines())) < 120
    assert "on paper" in grown.ask("targets", "defter").out
    assert 'did you mean "defter"' in grown.ask("targets", "deftr", code=3).err


def test_a_canary_can_be_rendered_for_those_who_apply_files_themselves(grown: Home) -> None:
    asked = ("render", NEW, "--target", "defter")
    files = grown.ask(*asked, "--beside", OLD, "--percent", "10", "--json").json["files"]
    assert files["defter.txt"].split() == ["mavi", OLD, "90", NEW, "10", "1"]
    assert "cannot stand beside itself" in grown.ask(*asked, "--beside", NEW, code=2).err
    refused = grown.ask("render", NEW, "--target", "ansible", "--beside", OLD, code=4)
    assert "ansible cannot release by canary" in refused.err


def test_what_kervan_does_not_apply_is_refused_before_an_image_is_made(grown: Home) -> None:
    refused = grown.ask("deploy", NEW, "--target", "terraform", "--why", "dene", code=4)
    assert "Terraform is not applied by Kervan" in refused.err
    assert not (grown.folder / ".kervan/images").exists()


@pytest.mark.service
def test_where_others_apply_the_files_the_zip_lies_beside_them(grown: Home, wheelhouse: Path) -> None:
    text = (grown.folder / "kervan.toml").read_text("utf-8")
    grown.write("kervan.toml", f'{text}\n[image]\nwheels = "{wheelhouse}"\n')
    grown.ask("render", NEW, "--target", "ansible", "-o", str(grown.folder / "sunucu"))
    with zipfile.ZipFile(grown.folder / "sunucu" / "1.0.1.zip") as archive:
        assert {"package/manifest.json", "kervan/serve/container.py"} <= set(archive.namelist())
    defaults = (grown.folder / "sunucu/roles/kervan/defaults/main.yml").read_text("utf-8")
    assert "1.0.1.zip" in defaults


def test_what_a_place_is_likely_to_cost_is_told_by_the_projects_own_prices(grown: Home) -> None:
    assert grown.ask("render", NEW, "--target", "defter", "--json").json["cost"] is None
    price = 'region = "here"\nread = "2026-11-30"\nsource = "https://example.org"\ncpu_hour = 0.1\n'
    grown.write("prices.toml", f"[defter]\n{price}")
    told = grown.ask("deploy", NEW, "--target", "defter", "--dry-run").out
    assert "likely $73.00 to $73.00 a month: 1 to 1 replicas of 1 cores" in told
    assert "as read on 2026-11-30 at https://example.org; an estimate, and no offer" in told
    grown.write("prices.toml", "[defter]\nregion = 1\n")
    wrong = grown.ask("deploy", NEW, "--target", "defter", "--dry-run", code=2).err
    assert "prices.toml is no table of prices" in wrong
