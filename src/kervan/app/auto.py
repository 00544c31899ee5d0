"""From a table and the column to predict to an accepted model, within a time: what was done is said in words.

What is left behind is an ordinary project, whose `kervan.toml` repeats the model that was found.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kervan.app.first_look import CALLED, TELLING, look
from kervan.app.further import begun, settle
from kervan.app.ingest import ingest_data
from kervan.app.init import init, is_there
from kervan.app.pages import write_outcome
from kervan.app.project import open_project
from kervan.app.register import manifest_of
from kervan.app.run import Outcome
from kervan.app.train import train
from kervan.core.config import BEST, MISSING_TEXTS
from kervan.core.errors import NotFound, StorageFailed
from kervan.core.loading import FILE_NAME
from kervan.core.nouns import AT_RANDOM, Dataset, Role
from kervan.core.searching import SearchSettings
from kervan.core.shaping import Parse
from kervan.core.toml import toml_value
from kervan.model.families.registry import FAMILIES
from kervan.model.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.app.further import Begun, Settled
    from kervan.app.project import Observer, Project
    from kervan.app.train import Trained
    from kervan.core.recipe import Recipe

CARD = "model-card.md"
# In the order in which they are tried: what is fast and mostly good comes first, as time may end.
_TRIED = ("linear", "lightgbm", "xgboost", "boosting", "catboost", "extra_trees", "forest")
_OF_FEW = ("tree", "neighbours", "perceptron")
_FEW = 20_000  # rows: up to here slower families are tried too
_MANY = 1_500  # values a second of the budget: from here on three folds, which tell less, leave time for more
_TAKEN = {"absent": "fill"}  # who gives a table alone cannot say that a value may be missing later
_AFTER = 2.0  # seconds that acceptance, package and registration take


@dataclass(frozen=True, slots=True, kw_only=True)
class Auto:
    """What came of it, what was done in words, and the files that tell of it.

    Where a search that went on found nothing better, `is_new` is False and the model is that of before.
    """

    outcome: Outcome
    is_new: bool = True
    story: tuple[str, ...]
    files: tuple[Path, ...]
    seconds: float


def auto(
    source: str, folder: Path, *, target: str = "", budget: str = "5m", metric: str = "", observe: Observer
) -> Auto:
    """Find, accept and register the best model of a table that the budget allows.

    Without `target` it is the column that is named like one, else the last that may be predicted. In a
    folder where it was asked for the same before, the search goes on with the trials that there are, and a
    new version is registered only if it is better. Raises `NotFound` for a file that is not there, and
    `Conflict` for a folder that holds another project.
    """
    began = time.monotonic()
    search = SearchSettings(budget=budget, sampler="tpe", prune="race")
    before = begun(folder, source, target)
    if before is None:
        _check_there(source, folder)
        init(folder, source=source, target=target or TELLING[0])
    else:
        target, metric = before.target, metric or before.metric
    project = open_project(folder, observe=observe)
    try:
        project = look(project, target, goes_on=before is not None)
        _write(folder / FILE_NAME, _text(project, metric, _searching(search)).encode())
        project.store.close()
        project = open_project(folder, observe=observe)
        return _found(project, search, metric, began, before)
    except BaseException:
        if before is not None:
            _write(folder / FILE_NAME, before.text)
        elif not project.store.catalog.all(Dataset, limit=1):  # nothing came of it: it can be asked for again
            (folder / FILE_NAME).unlink(missing_ok=True)
        raise
    finally:
        project.store.close()


def _check_there(source: str, folder: Path) -> None:
    is_path = ":" not in source  # as every other place has one
    if is_path and not is_there(Path(), source) and not is_there(folder, source):
        raise NotFound(f"there is no file {source}", hint="check the name")


def _found(project: Project, search: SearchSettings, metric: str, began: float, before: Begun | None) -> Auto:
    dataset = ingest_data(project)
    project = _tuned(project, dataset, before.folds if before else 0)
    trained = train(project, dataset, until=began + search.seconds - _AFTER)
    settled = settle(project, trained)
    model = settled.model
    outcome = Outcome(
        dataset=dataset, trained=trained, acceptance=settled.acceptance, model=model, deployment=None
    )
    folder = project.config.folder
    story = tuple(_story(project, outcome, settled, time.monotonic() - began))
    if before is not None and not settled.is_new:
        _write(folder / FILE_NAME, before.text)
        seconds = time.monotonic() - began
        return Auto(outcome=outcome, is_new=False, story=story, files=(), seconds=seconds)
    _write(folder / FILE_NAME, _text(project, metric, _repeating(project, trained), story).encode())
    manifest = manifest_of(project, model)
    card = next(file.sha256 for file in manifest.files if file.path == manifest.model_card)
    _write(folder / CARD, project.store.blobs.read_bytes(card))
    files = (folder / FILE_NAME, folder / CARD, *write_outcome(project, outcome))
    return Auto(outcome=outcome, story=story, files=files, seconds=time.monotonic() - began)


def _tuned(project: Project, dataset: Dataset, folds: int) -> Project:
    """Choose families and folds by how many rows there are to learn from; `folds` if there are some."""
    rows = dataset.part(Role.TRAIN).rows
    able = [name for name in _TRIED if not FAMILIES[name].needs or find_spec(FAMILIES[name].needs)]
    if "lightgbm" in able:
        able.remove("boosting")  # which finds nearly the same
    families = (*able, *_OF_FEW) if rows <= _FEW else tuple(able)
    is_much = rows * len(dataset.schema) > _MANY * project.config.model.search.seconds
    folds = folds or (3 if is_much else project.config.model.folds)
    return project.with_settings(model=replace(project.config.model, families=families, folds=folds))


def _searching(search: SearchSettings) -> dict[str, Any]:
    said = {"budget": search.budget, "sampler": search.sampler, "prune": search.prune}
    return {"families": ["linear", "boosting"], "search": said, "ensemble": True, "choose": BEST, **_TAKEN}


def _repeating(project: Project, trained: Trained) -> dict[str, Any]:
    """Return the settings of the one candidate that was found."""
    settings = project.config.model
    return {
        "families": [],
        "candidates": [_said(trained.candidate.recipe)],
        "folds": settings.folds,
        "seed": settings.seed,
        **_TAKEN,
    }


def _said(recipe: Recipe) -> dict[str, Any]:
    said: dict[str, Any] = {"family": recipe.family}
    if recipe.parameters:
        said["parameters"] = dict(recipe.parameters)
    if recipe.members:
        said["members"] = [_said(each) for each in recipe.members]
    if recipe.weights:
        said["weights"] = list(recipe.weights)
    return said


def _parsed(project: Project) -> list[Parse]:
    return [step for step in project.config.data.steps if isinstance(step, Parse)]


def _text(project: Project, metric: str, model: dict[str, Any], story: tuple[str, ...] = ()) -> str:
    """Return what `kervan.toml` says."""
    split = project.config.data.split
    shares: dict[str, object] = {"train": split.train, "validation": split.validation, "test": split.test}
    if split.by != AT_RANDOM.by:
        shares["by"] = split.by
    data: dict[str, object] = {
        "source": project.config.data.source,
        "target": project.config.data.target,
        "split": shares,
    }
    if project.config.data.missing != MISSING_TEXTS:
        data["missing"] = project.config.data.missing
    if parsed := _parsed(project):
        data["steps"] = [{"parse": step.parse, "to": step.to} for step in parsed]
    goal: dict[str, object] = {"goal": {"metric": metric}} if metric else {}
    if metric in METRICS:
        goal["task"] = str(METRICS[metric].task)  # numbers that are classes do not say so themselves
    tables: dict[str, dict[str, object]] = {
        "project": {"name": project.config.project_name},
        "data": data,
        "model": {**goal, **model},
    }
    lines = [f"# {sentence}" for sentence in story]
    for name, values in tables.items():
        lines += ["", f"[{name}]", *(f"{key} = {toml_value(value)}" for key, value in values.items())]
    return "\n".join(lines).lstrip() + "\n"


def _story(project: Project, outcome: Outcome, settled: Settled, seconds: float) -> Iterator[str]:
    """Say what was done, one sentence after another."""
    dataset, trained = outcome.dataset, outcome.trained
    target, metric = dataset.target, trained.goal.metric
    train_rows = dataset.part(Role.TRAIN).rows
    what = "which class" if trained.signature.is_classification else "which number"
    yield (
        f"{dataset.rows:,} rows of {len(dataset.schema)} columns became {dataset.ref}; {train_rows:,} of "
        f"them taught, and {dataset.part(Role.TEST).rows:,} stayed sealed."
    )
    if signs := [each for each in project.config.data.missing if each not in MISSING_TEXTS]:
        yield f"Read as missing: {', '.join(map(repr, signs))}."
    for step in _parsed(project):
        names = ", ".join(map(repr, step.parse))
        yield f"Read as {CALLED[step.to]}: {names}; whoever asks may write them as the table does."
    yield f"A model says {what} {target!r} has, from {len(trained.signature.inputs)} columns."
    families = [
        each for each in project.config.model.families if any(s.family == each for s in trained.scores)
    ]
    count = sum(1 for each in trained.scores if not (each.recipe and each.recipe.members))
    yield (
        f"{count} candidates of {_families(len(families))} ({', '.join(families)}) were compared over "
        f"{project.config.model.folds} folds, in {seconds:.0f} s."
    )
    yield f"{trained.standings.reason[0].upper()}{trained.standings.reason[1:]}."
    if not settled.is_new:
        yield f"{outcome.model.ref} stays: {settled.why}."
        return
    value = trained.evaluation.metrics[metric]
    yield f"Chosen: {trained.candidate.recipe.told}; {metric} {value:.4g} on validation rows."
    if outcome.acceptance.findings:
        opened = f"opened once more, as {settled.why}" if settled.why else "opened once"
        yield f"On the sealed rows, {opened}: {outcome.acceptance.findings[0].message}."
    yield f"It is registered as {outcome.model.ref}, written as {', '.join(trained.candidate.formats)}."


def _families(count: int) -> str:
    return "1 family" if count == 1 else f"{count} families"


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise StorageFailed(f"{path}: {error.strerror}", hint="choose another folder: --into") from error
