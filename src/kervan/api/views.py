"""Results that show themselves: as a line in a terminal, as HTML in a notebook."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from kervan.core.errors import Refused
from kervan.core.shown import moment, printable

if TYPE_CHECKING:
    from kervan.app.board import Leaderboard
    from kervan.app.data import Described
    from kervan.app.explain import Explained
    from kervan.app.look import Seen
    from kervan.app.project import Project
    from kervan.app.replay import Replayed
    from kervan.app.reproduce import Reproduced
    from kervan.app.table_profile import TableProfile
    from kervan.app.trace import Trace
    from kervan.core.nouns import Dataset, Deployment, Finding, Model, Report
    from kervan.data.profile import Profile
    from kervan.model.errors.analysis import ErrorAnalysis
    from kervan.model.errors.learning import LearningCurve
    from kervan.model.explain.explanation import Explanation
    from kervan.model.explain.reasons import Reasons
    from kervan.model.train import CandidateScore
    from kervan.monitor.drift import DriftReport

T = TypeVar("T")


class Listing(Sequence[T], Generic[T]):
    """A list of records that a notebook shows as a table."""

    def __init__(self, items: Sequence[T], columns: Sequence[str]) -> None:
        self._items = list(items)
        self._columns = tuple(columns)

    @overload
    def __getitem__(self, place: int) -> T: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[T]: ...

    def __getitem__(self, place: int | slice) -> T | Sequence[T]:
        return self._items[place]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        return iter(self._items)

    def __repr__(self) -> str:
        return "\n".join(_row_text(item, self._columns) for item in self._items) or "(none yet)"

    def _repr_html_(self) -> str:
        rows = [[_shown(item, name) for name in self._columns] for item in self._items]
        return _table(self._columns, rows)


class DatasetView:
    """A dataset with its profile."""

    def __init__(self, described: Described) -> None:
        self.dataset: Dataset = described.dataset
        self.profile = described.profile
        self.findings = described.findings

    @property
    def ref(self) -> str:
        """`name:version`."""
        return self.dataset.ref

    def __repr__(self) -> str:
        return f"<Dataset {self.ref}: {self.dataset.rows:,} rows, {len(self.dataset.schema)} columns>"

    def _repr_html_(self) -> str:
        from kervan.data.page import profile_page

        return _framed(profile_page(self.profile, self.ref, self.findings))


@dataclass(frozen=True, slots=True)
class ProfileView:
    """The profile of a table, and what was found in it."""

    found: TableProfile

    @property
    def profile(self) -> Profile:
        """The figures."""
        return self.found.profile

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found."""
        return self.found.findings

    @property
    def advice(self) -> str:
        """Lines for `kervan.toml` that do something about it."""
        from kervan.data.profile.advice import pasteable

        return pasteable(self.profile.advice)

    @property
    def page(self) -> str:
        """A self-contained HTML page."""
        from kervan.data.page import profile_page

        return profile_page(self.profile, self.found.source, self.findings, self.found.samples)

    def __repr__(self) -> str:
        size = f"{self.profile.rows:,} rows, {len(self.profile.columns)} columns"
        return f"<Profile of {self.found.source}: {size}>"

    def _repr_html_(self) -> str:
        return _framed(self.page)


class ModelView:
    """A registered model with the report of its acceptance, which one that was trained elsewhere has not."""

    def __init__(self, model: Model, acceptance: Report | None, project: Project) -> None:
        self.model = model
        self.acceptance = acceptance
        self._project = project

    @property
    def ref(self) -> str:
        """`name@version`."""
        return self.model.ref

    @property
    def metrics(self) -> Mapping[str, float]:
        """The metrics on the validation part."""
        return self.model.metrics

    def error_analysis(self, *, learning_curve: bool = False) -> SeenView:
        """Return where the model fails and why it answers as it does, on rows that it did not learn from.

        What is not on record yet is looked at now; with `learning_curve` also on fewer rows. Raises `Refused`
        for a model that was trained elsewhere.
        """
        from kervan.app.look import error_analysis

        seen = error_analysis(self._project, self.ref, learning_curve=learning_curve)
        return SeenView(seen, self._project)

    def leaderboard(self) -> Listing[CandidateScore]:
        """Return the candidates that the model was chosen from, the best first by the metric of its goal.

        Raises `Refused` for a model that was trained elsewhere: nobody compared it here.
        """
        columns = ("title", "means", "fit_seconds", "one_seconds", "many_seconds", "size")
        return Listing(self._board.candidates, columns)

    @property
    def front(self) -> tuple[str, ...]:
        """The candidates that no other one beats in all of several goals, by name; none with one goal alone.

        Raises `Refused` for a model that was trained elsewhere.
        """
        front = self._board.front
        return front.names if front else ()

    @property
    def _board(self) -> Leaderboard:
        from kervan.app.board import board_of
        from kervan.core.nouns import Run

        run = self._project.store.catalog.get(Run, self.model.run) if self.model.run else None
        board = board_of(self._project, run) if run else None
        if board is None:
            raise Refused(
                f"{self.ref} was compared with no candidate here", hint="train a model in this project"
            )
        return board

    def reproduce(self, *, tolerance: float = 1e-6) -> Reproduced:
        """Do the model's run again, and say whether the same model comes of it."""
        from kervan.app.reproduce import reproduce

        return reproduce(self._project, self.ref, tolerance=tolerance)

    def explain(self, row: Mapping[str, Any]) -> ReasonsView:
        """Return what each value of a row adds to its answer; with the mean answer they add up to it."""
        from kervan.app.explain import explain_row

        return ReasonsView(explain_row(self._project, self.ref, row))

    def __repr__(self) -> str:
        return f"<Model {self.ref}: {self.model.family}; {_conclusion(self.acceptance)}>"

    def _repr_html_(self) -> str:
        facts = {
            "model": self.ref,
            "family": self.model.family,
            "acceptance": _conclusion(self.acceptance),
            **{f"validation {name}": f"{value:.4g}" for name, value in self.metrics.items()},
        }
        return _facts(facts)


@dataclass(frozen=True, slots=True)
class SeenView:
    """Where a model fails, and why it answers as it does."""

    seen: Seen
    _project: Project

    @property
    def errors(self) -> ErrorAnalysis:
        """Curves, calibration, the worst segments, groups, doubtful labels and examples."""
        return self.seen.look.errors

    @property
    def explanation(self) -> Explanation:
        """Which inputs matter and how."""
        return self.seen.look.explanation

    @property
    def learning_curve(self) -> LearningCurve | None:
        """Whether more rows would help, None where nobody asked."""
        return self.seen.learning

    @property
    def page(self) -> str:
        """The model's page as self-contained HTML."""
        from kervan.app.model_page import page_of_seen

        return page_of_seen(self._project, self.seen)

    def show(self) -> SeenView:
        """Show the page where a notebook is, else the sentence."""
        from kervan.api.progress import is_notebook

        if is_notebook():
            from IPython.display import display

            display(self)
        else:
            sys.stdout.write(f"{self!r}\n")
        return self

    def __repr__(self) -> str:
        from kervan.model.errors.told import told_in_short

        return f"<Errors of {self.seen.subject.name}: {told_in_short(self.errors)}>"

    def _repr_html_(self) -> str:
        return _framed(self.page)


@dataclass(frozen=True, slots=True)
class ReasonsView:
    """Why a row is answered as it is."""

    explained: Explained

    @property
    def reasons(self) -> Reasons:
        """The answer, the mean answer, and what each value of the row adds."""
        return self.explained.reasons

    @property
    def contributions(self) -> dict[str, float]:
        """What each input adds, the largest first; zeros too."""
        return {each.name: each.amount for each in self.reasons.contributions}

    def __repr__(self) -> str:
        most = ", ".join(
            f"{each.name} = {each.value} {each.amount:+.3g}" for each in self.reasons.contributions[:3]
        )
        about = f"chance of {self.reasons.about}" if self.reasons.about else self.explained.predicts
        return printable(f"<{about} {self.reasons.answer:.4g}, on average {self.reasons.base:.4g}: {most}>")

    def _repr_html_(self) -> str:
        from kervan.app.model_page import reasons_page

        return _framed(reasons_page(self.explained))


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """A deployment to ask; who opened it gives it what asks and what stops it."""

    deployment: Deployment
    _ask: Callable[[Any], Any]
    _stop: Callable[[], object]

    @property
    def url(self) -> str:
        """Where it answers."""
        return self.deployment.endpoint

    def predict(self, rows: Any) -> Any:
        """Ask for one row (a mapping), many (a list), or a frame, which comes back with its answers."""
        return self._ask(rows)

    def stop(self) -> None:
        """Take the server away; the history stays."""
        self._stop()

    def __repr__(self) -> str:
        return f"<Release of {', '.join(self.deployment.shares)} in {self.deployment.name} at {self.url}>"

    def _repr_html_(self) -> str:
        shown = ("name", "shares", "endpoint", "creator", "why")
        return _facts({name: getattr(self.deployment, name) for name in shown})


@dataclass(frozen=True, slots=True)
class TraceView:
    """Everything behind a prediction."""

    trace: Trace

    def __repr__(self) -> str:
        return printable("\n".join(f"{name}: {value}" for name, value in self._rows().items()))

    def _repr_html_(self) -> str:
        return _facts(self._rows())

    def _rows(self) -> dict[str, Any]:
        found = self.trace
        run, dataset = found.run, found.dataset
        source = found.manifest.lineage.source if found.manifest else ""
        return {
            "asked": dict(found.asked.inputs),
            "answered": dict(found.asked.outputs),
            "released": f"{found.deployment.name} by {found.deployment.creator} {found.deployment.why}",
            "model": found.model.ref,
            "accepted": _conclusion(found.acceptance),
            "run": run.id if run else "",
            "commit": (run.code.commit or "not in a Git repository") if run else "",
            "data": f"{dataset.ref}, {dataset.rows:,} rows from {dataset.origin.source}" if dataset else "",
            **({"made of": ", ".join(each.ref for each in found.made_of)} if found.made_of else {}),
            **({"imported from": source} if source else {}),
            **({"deleted": f"by {found.deleted.actor} {found.deleted.why}"} if found.deleted else {}),
        }


@dataclass(frozen=True, slots=True)
class DriftView:
    """How far production is from training."""

    report: Report
    drift: DriftReport

    @property
    def shifted(self) -> tuple[str, ...]:
        """The inputs that drifted, the largest shift first."""
        ordered = sorted(self.drift.columns, key=lambda each: -each.psi)
        return tuple(each.name for each in ordered if each.verdict == "failed")

    def __repr__(self) -> str:
        return f"<Drift over {self.drift.rows:,} rows: {', '.join(self.shifted) or 'nothing shifted'}>"

    def _repr_html_(self) -> str:
        from kervan.monitor.page import drift_page

        return _framed(drift_page(self.drift))


@dataclass(frozen=True, slots=True)
class ReplayView:
    """What a model would have answered to recorded requests, beside what was answered."""

    replayed: Replayed

    def __repr__(self) -> str:
        found = self.replayed
        changed = f"{found.changed.changed:,} of {found.changed.rows:,} answers changed"
        return f"<Replay of {found.model} on requests to {found.environment}: {changed}>"

    def _repr_html_(self) -> str:
        from kervan.app.replay_page import replay_page

        return _framed(replay_page(self.replayed))


def _conclusion(report: Report | None) -> str:
    if report is None:
        return "trained elsewhere, accepted by nobody"
    return report.findings[0].message if report.findings else str(report.verdict)


def _row_text(item: object, columns: Sequence[str]) -> str:
    return printable("  ".join(_shown(item, name) for name in columns))


def _shown(item: object, name: str) -> str:
    value = getattr(item, name)
    if name == "time":
        return moment(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {each:.4g}" for key, each in value.items())
    return str(value)


def _facts(facts: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>" for name, value in facts.items()
    )
    return f"<table>{rows}</table>"


def _table(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in headers)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(value))}</td>" for value in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _framed(page: str) -> str:
    """Show a whole page inside a notebook without its styles getting out."""
    return f'<iframe srcdoc="{escape(page)}" style="width:100%;height:480px;border:0"></iframe>'
