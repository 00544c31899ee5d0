from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kervan.core.nouns import Run
from kervan.flow.runner import run
from kervan.flow.track import Tracker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.store.open import Store


@dataclass
class Project:
    """A user's project: modules in a folder, run like `kervan` runs them."""

    folder: Path
    store: Store
    modules: list[str] = field(default_factory=list)

    @property
    def done(self) -> list[str]:
        """What the steps say that they did, in order; see `note` in the modules below."""
        path = self.folder / "done"
        return path.read_text().split() if path.exists() else []

    def write(self, **texts: str) -> None:
        """Write or replace modules; all are imported anew."""
        self.forget()
        for name, text in texts.items():
            (self.folder / f"{name}.py").write_text(text)
            self.modules.append(name)

    def change(self, name: str, old: str, new: str) -> None:
        """Edit a module."""
        text = (self.folder / f"{name}.py").read_text()
        assert old in text
        self.write(**{name: text.replace(old, new)})

    def module(self, name: str = "project") -> Any:
        return importlib.import_module(name)

    def run(self, name: str = "project", **arguments: Any) -> Any:
        """Run the pipeline `flow` of a module on record, and return what it gives."""
        flow = self.module(name).flow
        with Tracker(self.store, flow.name, folder=self.folder, parameters=arguments) as tracker:
            return run(flow, arguments, store=self.store, tracker=tracker)

    @property
    def last(self) -> Run:
        """The newest run."""
        return self.store.catalog.all(Run)[0]

    def cached(self) -> dict[str, bool]:
        """Which steps of the newest run came from the cache."""
        return {step.name: step.cached for step in self.last.steps}

    def forget(self) -> None:
        importlib.invalidate_caches()
        for name in self.modules:
            sys.modules.pop(name, None)


@pytest.fixture
def project(tmp_path: Path, local_store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    folder = tmp_path / "proje ı"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.chdir(folder)
    # Byte code is looked up by the second of the change, and these files change faster.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    opened = Project(folder, local_store)
    yield opened
    opened.forget()
