"""A run done again: whether the same rows, settings and seed give the same model, and what differs if not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kervan.app.how import how_of
from kervan.app.parts import read_part
from kervan.app.register import find_model
from kervan.core.errors import NotFound
from kervan.core.identity import sha256_file
from kervan.core.nouns import Dataset, Role, Run
from kervan.flow.surroundings import code_state, installed_packages
from kervan.flow.values import Value, listing, load, scratch_space
from kervan.model.steps import describe, encode, fit_candidate, read_card
from kervan.package.encoding import encode_table
from kervan.package.proving.build import load_format, served_format

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import polars as pl

    from kervan.app.project import Project

TOLERANCE = 1e-6
_ROWS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A package that was of another version when the run was done; "" for one that was not there."""

    name: str
    then: str
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduced:
    """What came of doing a run again.

    `differing` are the files that are not the same, bit for bit. If there are any, `largest` is how far the
    answers to rows of the validation part are from those of before. `commit` and `was` are those of the code.
    """

    run: str
    recipe: str
    files: int
    differing: tuple[str, ...]
    largest: float
    tolerance: float
    rows: int
    was: str
    commit: str
    packages: tuple[Changed, ...]

    @property
    def is_same(self) -> bool:
        """Whether the model is the same, bit for bit."""
        return not self.differing

    @property
    def is_close(self) -> bool:
        """Whether its answers are the same within the tolerance."""
        return self.largest <= self.tolerance

    @property
    def told(self) -> str:
        """Say in a sentence what came of it."""
        if self.is_same:
            return f"{self.recipe}: the same model, bit for bit, in {self.files} files"
        far = f"answers to {self.rows:,} rows differ by at most {self.largest:.2g}"
        some = ", ".join(self.differing)
        if self.is_close:
            return f"{self.recipe}: the same within {self.tolerance:g}: {far}; other bytes in {some}"
        return f"{self.recipe}: another model: {far}, more than {self.tolerance:g}"


def reproduce(project: Project, ident: str, *, tolerance: float = TOLERANCE) -> Reproduced:
    """Do a run again, from its dataset to its model, without anything that is known, and compare.

    `ident` is a run's id or a model. Raises `InvalidInput` for a run that trained no model here.
    """
    run = _run(project, ident)
    how = how_of(project, run)
    before = load(Value("folder", _output(run)), project.store)
    dataset = project.store.catalog.get(Dataset, how.dataset)
    train, validation = (read_part(project, dataset, role) for role in (Role.TRAIN, Role.VALIDATION))
    with project.stage("reproduce") as tell, scratch_space():
        interface = describe(train, how.schema, how.target, how.task, how.choice)
        rows = encode(train, interface, how.folds)
        again = fit_candidate(rows, validation, interface, how.recipe, how.choice)
        recorded = listing(_output(run), project.store)
        made = {
            str(path.relative_to(again)): sha256_file(path) for path in again.rglob("*") if path.is_file()
        }
        differing = tuple(sorted(name for name in recorded | made if recorded.get(name) != made.get(name)))
        largest = _apart(before, again, validation.head(_ROWS)) if differing else 0.0
        found = Reproduced(
            run=run.id,
            recipe=how.recipe.told,
            files=len(recorded),
            differing=differing,
            largest=largest,
            tolerance=tolerance,
            rows=min(_ROWS, validation.height),
            was=run.code.commit,
            commit=code_state(project.config.folder, project.store.blobs).commit,
            packages=_changed(run.environment),
        )
        tell(found.told)
    return found


def _run(project: Project, ident: str) -> Run:
    catalog = project.store.catalog
    try:
        return catalog.get(Run, ident)
    except NotFound:
        return catalog.get(Run, find_model(project, ident).run)


def _output(run: Run) -> str:
    return next(step.outputs[0] for step in run.steps if step.name == fit_candidate.name)


def _apart(before: Path, again: Path, table: pl.DataFrame) -> float:
    """Return the largest difference between what two written models answer to some rows."""
    answers = []
    for folder in (before, again):
        card = read_card(folder)
        name = served_format(card.formats)
        predictor = load_format(name, folder / name, card.signature)
        answers.append(predictor.predict(encode_table(table, card.signature)))
    return float(np.abs(answers[0] - answers[1]).max())


def _changed(then: Mapping[str, str]) -> tuple[Changed, ...]:
    now = installed_packages()
    names = sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name))
    return tuple(Changed(name=name, then=then.get(name, ""), now=now.get(name, "")) for name in names)
