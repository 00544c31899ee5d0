"""What every target of releases must do: render files that can be trusted, and let them come true."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any, ClassVar

import pytest

from kervan.core.errors import InvalidConfig, ServerFailed
from kervan.core.nouns import Verdict
from kervan.core.places import ABOUT_HERE
from kervan.core.ports import Checking, Target
from kervan.core.serving import Plan, Rival, Serving, ShareRole
from kervan.deploy.rendered import write_files
from kervan.testing.sample import ROWS, make_package
from kervan.testing.suite import Suite

PLAN = Plan(port=0)
STRATEGIES = {"at-once", "blue-green", "canary", "rolling", "shadow", "ab", "bandit"}


@dataclass(frozen=True, slots=True)
class Site:
    """A folder to release from, packages of two versions, and the plan for the target."""

    folder: Path
    target: Target
    packages: dict[str, Path]
    plan: Plan = PLAN

    def serving(self, version: str, **changes: Any) -> Serving:
        """Say what is to be served."""
        values = {
            "environment": "üretim",
            "deployment": f"D{version}",
            "package": str(self.packages[version]),
            "records": str(self.folder / "records"),
            "port": 0,
            **changes,
        }
        return Serving(**values)

    def release(self, version: str, **changes: Any) -> str:
        """Render into the folder and apply; return the URL."""
        write_files(self.folder, self.target.render(self.serving(version, **changes), self.plan))
        return self.target.apply(self.folder, self.plan)

    def shared(self) -> Serving:
        """Say that a second version gets a quarter of the requests."""
        rival = Rival(package=str(self.packages["2.0.0"]), role=ShareRole.CANDIDATE, share=0.25)
        return self.serving("1.0.0", rivals=(rival,))


class RenderSuite(Suite):
    """Tests of what a `Target` renders. Give `adapter`, and `plan` where it needs settings.

    One that runs on this machine may name paths of it: then `is_here` is true. `missing_here` are rules of
    findings that say what a machine of tests lacks, and not what is wrong with the files.
    """

    is_here = False
    missing_here: ClassVar[frozenset[str]] = ABOUT_HERE

    def adapter(self) -> Target:
        """Return the target to test."""
        raise NotImplementedError

    def plan(self) -> Plan:
        """Return a plan that the target can realise, with its own settings."""
        return PLAN

    @pytest.fixture
    def place(self, tmp_path: Path) -> Iterator[Site]:
        """Give a folder with Turkish letters; what runs at the end is removed."""
        packages = {
            version: make_package(tmp_path / "packages" / version, version) for version in ("1.0.0", "2.0.0")
        }
        folder = tmp_path / "üretim ı"
        folder.mkdir()
        made = Site(folder, self.adapter(), packages, self.plan())
        yield made
        made.target.remove(folder)

    def test_is_a_target_and_says_what_is_true_of_it(self) -> None:
        target = self.adapter()
        assert isinstance(target, Target)
        assert target.about.title
        assert target.about.proved
        assert target.about.strategies
        assert set(target.about.strategies) <= STRATEGIES
        assert target.about.applies or target.about.tool

    def test_renders_texts_inside_the_folder_and_does_nothing(self, place: Site) -> None:
        rendered = place.target.render(place.serving("1.0.0"), place.plan)
        assert rendered
        for path, text in rendered.items():
            assert isinstance(path, PurePath)
            assert isinstance(text, str)
            assert not path.is_absolute()
            assert ".." not in path.parts
        assert place.target.render(place.serving("1.0.0"), place.plan) == rendered
        assert place.target.render(place.serving("2.0.0"), place.plan) != rendered
        assert list(place.folder.iterdir()) == []

    def test_renders_the_same_wherever_packages_lie(self, place: Site, tmp_path: Path) -> None:
        if self.is_here:
            return
        moved = shutil.copytree(place.packages["1.0.0"], tmp_path / "elsewhere")
        files = place.target.render(place.serving("1.0.0"), place.plan)
        assert place.target.render(place.serving("1.0.0", package=str(moved)), place.plan) == files
        assert not [path for path, text in files.items() if str(tmp_path) in text]

    def test_a_share_of_a_second_version_is_rendered(self, place: Site) -> None:
        if {"canary", "ab"}.isdisjoint(place.target.about.strategies):
            return
        alone = place.target.render(place.serving("1.0.0"), place.plan)
        shared = place.target.render(place.shared(), place.plan)
        assert shared != alone
        assert place.target.render(place.shared(), place.plan) == shared
        whole = "\n".join(shared.values())
        assert "1.0.0" in whole
        assert "2.0.0" in whole

    def test_says_which_of_its_own_settings_it_does_not_know(self, place: Site) -> None:
        if self.is_here:
            return
        wrong = replace(place.plan, settings={**place.plan.settings, "yok_böyle": 1})
        with pytest.raises(InvalidConfig, match="yok_böyle"):
            place.target.render(place.serving("1.0.0"), wrong)

    def test_finds_nothing_that_the_place_would_refuse(self, place: Site) -> None:
        if isinstance(place.target, Checking):
            write_files(place.folder, place.target.render(place.serving("1.0.0"), place.plan))
            found = place.target.check(place.folder, place.plan)
            refused = [each for each in found if each.verdict is Verdict.FAILED]
            assert [each for each in refused if each.rule not in self.missing_here] == []

    def test_removing_what_never_was_does_nothing(self, tmp_path: Path) -> None:
        self.adapter().remove(tmp_path)
        self.adapter().remove(tmp_path / "never was")
        assert not (tmp_path / "never was").exists()


class TargetSuite(RenderSuite):
    """Tests of a `Target` that applies. Give also `model_at`: it asks an endpoint which model answers."""

    def model_at(self, url: str) -> str:
        """Ask for one row and return the `name@version` that answered; raise `ServerFailed` if none does."""
        from kervan.deploy.client import ask

        return str(ask(url, [ROWS[0]])[0]["model"])

    def test_a_release_answers_and_is_replaced_by_the_next(self, place: Site) -> None:
        assert self.model_at(place.release("1.0.0")) == "gelir@1.0.0"
        url = place.release("2.0.0")
        assert self.model_at(url) == "gelir@2.0.0"
        assert place.target.apply(place.folder, place.plan) == url
        assert self.model_at(url) == "gelir@2.0.0"

    def test_a_release_that_does_not_come_up_leaves_the_old_one(self, place: Site, tmp_path: Path) -> None:
        url = place.release("1.0.0")
        with pytest.raises(ServerFailed):
            place.release("2.0.0", package=str(tmp_path / "missing"))
        assert self.model_at(url) == "gelir@1.0.0"
        assert self.model_at(place.release("2.0.0")) == "gelir@2.0.0"

    def test_what_was_removed_is_gone_and_can_come_back(self, place: Site) -> None:
        url = place.release("1.0.0")
        for _ in range(2):
            place.target.remove(place.folder)
        with pytest.raises(ServerFailed):
            self.model_at(url)
        assert not place.target.runs(place.folder)
        assert self.model_at(place.release("2.0.0")) == "gelir@2.0.0"
        assert place.target.runs(place.folder)
