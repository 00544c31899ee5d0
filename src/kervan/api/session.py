"""A workspace in the hand of Python code: every method is one action of `kervan.app`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack

from kervan.api.privacy import Privacy
from kervan.api.production import Production
from kervan.api.progress import observer
from kervan.api.views import DatasetView, DriftView, Listing, ModelView, ProfileView, ReplayView, TraceView
from kervan.core.checking import Check
from kervan.core.config import CubeSettings, DataSettings
from kervan.core.features import Feature, as_features
from kervan.core.identity import check_name
from kervan.core.loading import settings_given
from kervan.core.plugins import extras_named
from kervan.core.protecting import Rule, rule_of

with extras_named():
    from kervan.app import (
        audit,
        data,
        delete,
        doctor,
        drift,
        feedback,
        frames,
        gc,
        ingest,
        keys,
        recompute,
        records,
        register,
        rejects,
        replay,
        run,
        runs,
        suggest,
        synthesize,
        table_profile,
        trace,
        train,
        validation,
    )
    from kervan.app.project import open_project
    from kervan.flow.runner import run as run_pipeline
    from kervan.flow.track import Tracker

if TYPE_CHECKING:
    from kervan.app.audit import Audit
    from kervan.app.feedback import Labelled
    from kervan.app.gc import Sweep
    from kervan.app.keys import Issued
    from kervan.app.recompute import Recomputed
    from kervan.app.rejects import Reject
    from kervan.app.suggest import Suggested
    from kervan.app.synthesize import Synthetic
    from kervan.app.validation import FileValidation, VersionQuality
    from kervan.core.called import OwnFeature
    from kervan.core.goals import Goal
    from kervan.core.nouns import Dataset, Event, Finding, Key, Model
    from kervan.flow.step import Pipeline


class What(TypedDict, total=False):
    """What of a source is wanted and what becomes of it, as in `[data]`."""

    query: str
    table: str
    version: str
    sheet: str
    steps: Sequence[Mapping[str, Any]]
    split: Mapping[str, Any]


def open(  # noqa: A001 - `kervan.open` is meant to read like that
    folder: str | Path = ".", *, progress: bool | None = None, **settings: Mapping[str, Any]
) -> Session:
    """Open the project in a folder; its records lie in `.kervan` there, made when something is kept.

    `settings` replace those of `kervan.toml`, a mapping for each table: `model={"folds": 3}`. Progress is
    shown where somebody looks (a notebook, an interactive session) unless `progress` says otherwise.

    >>> open("/tmp", model={"folds": 3}).project.config.model.folds
    3
    """
    with extras_named():
        return Session(open_project(Path(folder), flags=settings, observe=observer(progress)))


class Session(Privacy, Production):
    """One open workspace. Close it, or use it as a context manager, to give its connections back."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.project.store.close()

    def __repr__(self) -> str:
        return f"<Kervan workspace {self.project.store.root}>"

    def run(self, *, why: str = "") -> ModelView:
        """Live the whole way that `kervan.toml` describes, and return the model that came of it."""
        with extras_named():
            return self._model_view(run.run_project(self.project, why=why).model)

    def ingest(
        self,
        source: Any = "",
        *,
        target: str = "",
        name: str = "",
        protect: Mapping[str, Rule | Mapping[str, Any]] | None = None,
        checks: Iterable[Check | Mapping[str, Any]] = (),
        **what: Unpack[What],
    ) -> DatasetView:
        """Read, check, protect, split and keep a table; what is not given comes from `kervan.toml`.

        `source` is a file's path, a URL of the web, of a bucket or of a database, or a frame of pandas,
        Polars or Arrow, kept as Parquet under `name`. `query` or `table` say what of a database, `version`
        which state of a lake, `sheet` which of a workbook. `target` is the column to predict, `protect` what
        happens to columns that tell of persons (`"drop"`, `"hash"`, `{"generalise": 10}`), `checks` what the
        rows must fulfil. `steps` are what is done to the table, `split` how it is parted, all written as in
        `kervan.toml`: `checks=[{"column": "age", "between": [18, 120]}]`,
        `steps=[{"rename": {"Yaş": "age"}}]`, `split={"by": "time", "column": "day"}`. Raises `InvalidData`
        that names the row and the column.
        """
        given = _given(what)
        if frames.is_frame(source):
            with TemporaryDirectory(prefix="kervan-") as scratch:
                called = check_name(name or self.project.config.dataset_name, "a dataset")
                path = frames.to_file(source, Path(scratch) / f"{called}.parquet")
                wanted = self._wanted(path.name, target, called, protect, checks)
                return self._ingested(replace(wanted, **given), path.parent)
        called = name or what.get("table", "")
        wanted = self._wanted(source, target, called, protect, checks)
        if source or {"query", "table", "version", "sheet"} & what.keys():  # kervan.toml speaks of another
            wanted = replace(wanted, query="", table="", cube=CubeSettings())
        return self._ingested(replace(wanted, **given))

    def synthesize(self, dataset: DatasetView | str, *, rows: int | None = None, seed: int = 0) -> Synthetic:
        """Draw rows that follow a dataset's training part, by default as many, and say how close and private.

        Protected columns are left out. `table` of what comes is a frame of Polars.
        """
        ref = dataset.dataset.ref if isinstance(dataset, DatasetView) else dataset
        with extras_named():
            return synthesize.synthesize(self.project, ref, rows=rows, seed=seed)

    def validate(self, path: str | Path = "", *, against: str = "") -> FileValidation:
        """Put the project's checks to a file, by default to its source; nothing is kept.

        With `against`, such as `adult:1`, types and distributions are compared with that dataset's too.
        """
        with extras_named():
            return validation.validate_file(self.project, str(path), against=against)

    def suggest_checks(self, what: str | Path = "") -> Suggested:
        """Propose checks that hold on a file, on a dataset, or by default on the project's source."""
        with extras_named():
            return suggest.suggest_checks(self.project, str(what))

    def rejects(self, dataset: DatasetView | str, *, limit: int | None = None) -> Listing[Reject]:
        """Return the rows that checks kept out of a dataset, with the reasons, in the source's order."""
        ref = dataset.dataset.ref if isinstance(dataset, DatasetView) else dataset
        found = rejects.rejects_of(self.project, ref, limit=limit)
        return Listing(list(found.rows), ("row", "rules", "reasons", "values"))

    def dataset_quality(self, name: str) -> Listing[VersionQuality]:
        """Return how good each version of a dataset was, newest first."""
        found = validation.quality_history(self.project, name)
        return Listing(list(found), ("ref", "rows", "validation"))

    def profile_table(self, source: Any, *, target: str = "", samples: int = 0) -> ProfileView:
        """Profile a table without keeping anything of it: a file's path, or a frame as `ingest` takes them.

        With the `target` named, the other columns are compared with it. The view shows as many of the first
        rows as `samples`, by default none.
        """
        with extras_named(), TemporaryDirectory(prefix="kervan-") as scratch:
            if frames.is_frame(source):
                source = frames.to_file(source, Path(scratch) / "table.parquet")
            folder = self.project.config.folder
            found = table_profile.profile_table(source, target, samples=samples, folder=folder)
            return ProfileView(found)

    def train(
        self,
        dataset: DatasetView | str,
        *,
        goal: Goal | None = None,
        name: str = "",
        families: Sequence[str] = (),
        features: Iterable[Feature | OwnFeature] = (),
        why: str = "",
    ) -> ModelView:
        """Compare families, fit the best, accept it on the sealed test part, and register it.

        `dataset` is what `ingest` returned, or a reference such as `adult:3`. `goal` is what the model must
        reach, `families` which kinds of models are tried, `features` what they compute from the columns, such
        as `[Feature("ratio", "loan / income")]` or a function marked `@kervan.feature`, `name` the one to
        register it under; `why` goes on record, and is needed for a second look at the test part.
        Raises `GoalMissed` if it is not good enough, `SealedTest` if the test part was used up.
        """
        settings = self.project.config.model
        known = dataset.dataset if isinstance(dataset, DatasetView) else self.dataset(dataset).dataset
        wanted = replace(
            settings,
            goal=settings.goal if goal is None else goal,
            name=name or settings.name or known.name,
            families=tuple(families) or settings.families,
            features=as_features(features) or settings.features,
        )
        project = self.project.with_settings(model=wanted)
        with extras_named():
            _, model = run.admit(project, train.train(project, known), why=why)
        return self._model_view(model)

    def trace(self, prediction: str) -> TraceView:
        """Walk from a prediction's id back to everything behind it."""
        return TraceView(trace.trace(self.project, prediction))

    def drift(self, *, environment: str = "production", since: float | None = None) -> DriftView:
        """Compare what was asked for with what the model was trained on."""
        if self._asked:
            records.settle(self.project, self._asked)
        with extras_named():
            return DriftView(*drift.check_drift(self.project, environment=environment, since=since))

    def replay(
        self,
        model: ModelView | str,
        *,
        environment: str = "",
        since: float | None = None,
        until: float | None = None,
        limit: int | None = None,
    ) -> ReplayView:
        """Let a model answer the requests that are on record, and compare; see `kervan replay --help`.

        `since` and `until` are times in seconds since 1970; with `limit` the newest so many requests count.
        """
        if self._asked:
            records.settle(self.project, self._asked)
        ref = model.ref if isinstance(model, ModelView) else model
        with extras_named():
            return ReplayView(
                replay.replay(self.project, ref, environment, since=since, until=until, limit=limit)
            )

    def recompute(self, prediction: str) -> Recomputed:
        """Answer a recorded request once more by the package that answered it, and compare every bit."""
        with extras_named():
            return recompute.recompute(self.project, prediction)

    def give_feedback(self, path: str | Path, *, environment: str = "production") -> int:
        """Keep the labels or rewards of a file beside the predictions; see `kervan feedback --help`."""
        return feedback.give_feedback(self.project, Path(path), environment=environment)

    def labelled(
        self, *, environment: str = "production", model: str = "", since: float | None = None
    ) -> Listing[Labelled]:
        """Return the predictions about which something came back, oldest first, each with its newest label.

        `model` is a reference such as `income@1.2.0`, `since` a time in seconds since 1970.
        """
        found = feedback.labelled(self.project, environment, model=model, since=since)
        return Listing(list(found), ("id", "label", "reward", "inputs", "outputs"))

    def dataset(self, ref: str) -> DatasetView:
        """Return a dataset: `adult:3`, or the newest version of `adult`."""
        with extras_named():
            return DatasetView(data.describe_dataset(self.project, ref))

    def datasets(self) -> Listing[Dataset]:
        """Return all datasets, newest first."""
        return Listing(data.datasets(self.project), ("ref", "rows", "target", "creator"))

    def model(self, ref: str) -> ModelView:
        """Return a model: `income@1.2.0`, or the newest version of `income`."""
        return self._model_view(register.find_model(self.project, ref))

    def models(self) -> Listing[Model]:
        """Return all models, newest first."""
        return Listing(register.models(self.project), ("ref", "family", "metrics", "creator"))

    def delete_model(self, ref: str, *, why: str) -> Model:
        """Delete a version of a model, such as `income@1.2.0`, unless it answers somewhere; on record."""
        return delete.delete_model(self.project, ref, why=why)

    def delete_dataset(self, ref: str, *, why: str) -> Dataset:
        """Delete a version of a dataset, such as `adult:3`, unless a model was trained on it; on record."""
        return delete.delete_dataset(self.project, ref, why=why)

    def create_key(
        self, *scopes: str, name: str = "", days: float | None = None, rate: str = "", why: str = ""
    ) -> Issued:
        """Issue a key to the servers, such as for `predict:income`; its `token` is shown this once.

        Without `days` it does not expire; `rate` is how often it may be used, such as `100/minute`.
        """
        seconds = None if days is None else days * 86_400
        return keys.create_key(self.project, scopes, name=name, seconds=seconds, rate=rate, why=why)

    def rotate_key(self, key: str, *, hours: float = 1.0, why: str = "") -> Issued:
        """Give a key, by its id or name, a new secret; the one before opens for `hours` more."""
        return keys.rotate_key(self.project, key, overlap=hours * 3600, why=why)

    def revoke_key(self, key: str, *, why: str = "") -> Key:
        """Let a key, by its id or name, open nothing any more: within a second."""
        return keys.revoke_key(self.project, key, why=why)

    def keys(self) -> Listing[Key]:
        """Return all keys that were ever issued, newest first."""
        return Listing(keys.keys(self.project), ("id", "name", "scopes", "rate", "expires", "revoked"))

    def runs(
        self,
        metric: str = "",
        *,
        where: str = "",
        ascending: bool = False,
        limit: int = 100,
        trials: bool = False,
    ) -> Listing[Any]:
        """Return runs: the newest, or those with the best last value of a metric.

        `where` is a line that has to hold for them, such as `"loss < 0.1 and family = forest"`. With `trials`
        those of searches are among the newest too.
        """
        found = runs.search(
            self.project, metric=metric, where=where, ascending=ascending, limit=limit, trials=trials
        )
        return Listing([each for each, _ in found], ("id", "name", "status", "metrics"))

    def track(self, name: str, **parameters: Any) -> Tracker:
        """Record a run of your own: `with ws.track("try", lr=0.1) as run: run.log_metric("loss", 0.3)`."""
        return Tracker(self.project.store, name, folder=self.project.config.folder, parameters=parameters)

    def execute(self, pipeline: Pipeline[..., Any], **arguments: Any) -> Any:
        """Run a pipeline of your own on record and return what it returns; known steps are skipped."""
        with self.track(pipeline.name, **arguments) as tracker:
            return run_pipeline(pipeline, arguments, store=self.project.store, tracker=tracker)

    def audit(self) -> Listing[Event]:
        """Return the audit trail, oldest first."""
        return Listing(audit.trail(self.project), ("sequence", "time", "actor", "action", "subject", "why"))

    def verify(self, *, anchor: str = "") -> Audit:
        """Check the audit trail and every record against it."""
        return audit.verify(self.project, anchor=anchor)

    def doctor(self) -> Listing[Finding]:
        """Say what is wrong with the project and how to mend it."""
        return Listing(doctor.examine(self.project), ("verdict", "subject", "message", "hint"))

    def collect_garbage(self, *, dry_run: bool = False) -> Sweep:
        """Remove stored files that nothing refers to."""
        return gc.collect_garbage(self.project, dry_run=dry_run)

    def _wanted(
        self,
        source: str | Path,
        target: str,
        name: str,
        protect: Mapping[str, Rule | Mapping[str, Any]] | None,
        checks: Iterable[Check | Mapping[str, Any]],
    ) -> DataSettings:
        settings = self.project.config.data
        return replace(
            settings,
            source=str(source) or settings.source,
            target=target or settings.target,
            name=name or settings.name or _stem(source),
            protect=settings.protect if protect is None else {n: rule_of(r) for n, r in protect.items()},
            checks=_checks(checks) or settings.checks,
        )

    def _ingested(self, wanted: DataSettings, folder: Path | None = None) -> DatasetView:
        with extras_named():
            project = self.project.with_settings(data=wanted)
            return self._dataset_view(ingest.ingest_data(project, folder=folder))

    def _dataset_view(self, dataset: Dataset) -> DatasetView:
        return DatasetView(data.describe_dataset(self.project, dataset.ref))

    def _model_view(self, model: Model) -> ModelView:
        return ModelView(model, register.acceptance_of(self.project, model), self.project)


def _given(what: What) -> dict[str, Any]:
    """Return the settings of `[data]` that were given, read as those of the file are."""
    values = {**what, "steps": [*map(dict, what.get("steps", ()))], "split": dict(what.get("split", {}))}
    found = settings_given(DataSettings, values, table="data", origin="ingest")
    return {name: getattr(found, name) for name in what}


def _checks(given: Iterable[Check | Mapping[str, Any]]) -> tuple[Check, ...]:
    """Return the checks that were given, those written as in the file read as they are there."""
    return tuple(
        each
        if isinstance(each, Check)
        else settings_given(Check, each, table=f"checks.{place}", origin="ingest")
        for place, each in enumerate(given, start=1)
    )


def _stem(source: str | Path) -> str:
    return Path(source).name.partition(".")[0] if source else ""
