"""What every target of releases must do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import pytest

from kervan.core.errors import ServerFailed
from kervan.core.ports import Target
from kervan.core.serving import Plan, Serving
from kervan.testing.sample import ROWS, make_package
from kervan.testing.suite import Suite

PLAN = Plan(port=0)


@dataclass(frozen=True, slots=True)
class Site:
    """A folder to release from, and packages of two versions."""

    folder: Path
    target: Target
    packages: dict[str, Path]

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
        for path, text in self.target.render(self.serving(version, **changes), PLAN).items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(text, encoding="utf-8")
        return self.target.apply(self.folder, PLAN)


class TargetSuite(Suite):
    """Tests of a `Target`. Give `adapter`; `model_at` asks an endpoint which model answers."""

    def adapter(self) -> Target:
        """Return the target to test."""
        raise NotImplementedError

    def model_at(self, url: str) -> str:
        """Ask for one row and return the `name@version` that answered; raise `ServerFailed` if none does."""
        from kervan.deploy.client import ask

        return str(ask(url, [ROWS[0]])[0]["model"])

    @pytest.fixture
    def place(self, tmp_path: Path) -> Iterator[Site]:
        """Give a folder with Turkish letters; what runs at the end is removed."""
        packages = {
            version: make_package(tmp_path / "packages" / version, version) for version in ("1.0.0", "2.0.0")
        }
        folder = tmp_path / "üretim ı"
        folder.mkdir()
        made = Site(folder, self.adapter(), packages)
        yield made
        made.target.remove(folder)

    def test_is_a_target(self) -> None:
        assert isinstance(self.adapter(), Target)

    def test_renders_texts_inside_the_folder_and_does_nothing(self, place: Site) -> None:
        rendered = place.target.render(place.serving("1.0.0"), PLAN)
        assert rendered
        for path, text in rendered.items():
            assert isinstance(path, PurePath)
            assert isinstance(text, str)
            assert not path.is_absolute()
            assert ".." not in path.parts
        assert place.target.render(place.serving("1.0.0"), PLAN) == rendered
        assert place.target.render(place.serving("2.0.0"), PLAN) != rendered
        assert list(place.folder.iterdir()) == []

    def test_a_release_answers_and_is_replaced_by_the_next(self, place: Site) -> None:
        assert self.model_at(place.release("1.0.0")) == "gelir@1.0.0"
        url = place.release("2.0.0")
        assert self.model_at(url) == "gelir@2.0.0"
        assert place.target.apply(place.folder, PLAN) == url
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

    def test_removing_what_never_was_does_nothing(self, tmp_path: Path) -> None:
        self.adapter().remove(tmp_path)
        self.adapter().remove(tmp_path / "never was")
        assert not (tmp_path / "never was").exists()
