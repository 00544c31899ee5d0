"""Candidates cross-validated beside each other: as many at once as there are cores, as long as there is time.

One that fails or takes too long is named and left out, and the rest goes on.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kervan.app.project import Stage
from kervan.core.errors import InvalidConfig, InvalidData, KervanError, Refused
from kervan.core.identity import sha256_parts
from kervan.core.nouns import Finding, Status, StepRun, Verdict
from kervan.flow.known import key_of, recall, remember
from kervan.flow.sweep import Ended, Heard, Sweep
from kervan.flow.values import Value, load, save, scratch_space
from kervan.model.answered import read_score
from kervan.model.effort import seconds_to_finish, seconds_to_look
from kervan.model.families.registry import BASELINE, check_writable
from kervan.model.metrics import higher_is_better
from kervan.model.monotone import constrained
from kervan.model.steps import Interface, compare_candidate, measure_again
from kervan.store.transaction import stored

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kervan.app.project import Project
    from kervan.core.recipe import Recipe
    from kervan.core.schema import Signature
    from kervan.flow.track import Tracker
    from kervan.model.train import CandidateScore

_ENDING = 3.0  # seconds in which candidates are compared, and a small one is written, proved and evaluated
_FOR_ENSEMBLE = 0.2  # of the time is kept for one at most: members that would take longer are not in it
_FOR_LOOK = 0.1  # of the time is kept for a look, where that is enough for it
_TO_SEARCH_FROM = 3
_FOR_DEFAULTS = 1 / 5  # of the time, where a search follows


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all candidates share: encoded rows, what a model of them takes and gives, and the metric.

    `answered` is what of the interface their answers depend on.
    """

    rows: Value
    interface: Value
    answered: Interface
    signature: Signature
    metric: str


@dataclass(slots=True, kw_only=True)
class Field:
    """The candidates that were scored, by name, where their answers are stored, and what went wrong."""

    scores: dict[str, CandidateScore] = field(default_factory=dict)
    answered: dict[str, Value] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)

    def ranked(self, metric: str) -> list[CandidateScore]:
        """Return the candidates that have a value of a metric, the best first."""
        sign = -1 if higher_is_better(metric) else 1
        known = [each for each in self.scores.values() if metric in each.means]
        return sorted(known, key=lambda each: sign * each.means[metric])


class Race:
    """Calls of `compare_candidate` on record, until a time."""

    def __init__(
        self, project: Project, tracker: Tracker, ground: Ground, sweep: Sweep, until: float
    ) -> None:
        self.field = Field()
        self.project = project
        self.tracker = tracker
        self.ground = ground
        self._sweep = sweep
        self._until = until
        began = time.monotonic()
        self._whole = until - began
        self._turn = began + (until - began) * _FOR_DEFAULTS
        self._each = project.config.model.search.seconds_each

    @property
    def ways(self) -> Mapping[str, str]:
        """Which way answers may go with columns."""
        return self.project.config.model.limits.monotone

    def run(
        self,
        draw: Callable[[], tuple[str, Recipe] | None],
        settle: Callable[[Ended], None],
        hear: Callable[[Heard], bool] = lambda _: True,
    ) -> None:
        """Compute what is drawn, until nothing more is or the time is over.

        `hear` says of each fold that a candidate got to whether it goes on, `settle` takes what ended.
        """
        drawing = True
        while True:
            while drawing and self._sweep.has_room and not self.is_over:
                drawn = draw()
                drawing = drawn is not None
                if drawn is not None:
                    self._begin(*drawn)
            if not self._sweep.is_busy:
                return
            for said in self._said():
                if isinstance(said, Heard):
                    self._sweep.answer(said.name, go_on=hear(said))
                else:
                    settle(said)

    @property
    def is_over(self) -> bool:
        """Whether the time is over, but for what the best candidate needs to be fitted and written."""
        return time.monotonic() >= self._end

    @property
    def is_time_to_search(self) -> bool:
        """Whether the share of the defaults is over, and some are known from which to search on."""
        known = sum(name != BASELINE for name in self.field.scores)
        return time.monotonic() >= self._turn and known >= _TO_SEARCH_FROM

    @property
    def left(self) -> float:
        """How many seconds are left."""
        return max(0.0, self._end - time.monotonic())

    @property
    def for_ensemble(self) -> float:
        """How many seconds are left to finish an ensemble, 0 where none is wanted."""
        if not self.project.config.model.ensemble:
            return 0.0
        return max(0.0, self._until - _ENDING - self._for_look - time.monotonic())

    @property
    def has_one(self) -> bool:
        """Whether there is a candidate besides the baseline."""
        return any(name != BASELINE for name in self.field.scores)

    @property
    def _end(self) -> float:
        """When to stop: what is chosen then, or an ensemble of the best, has to be fitted and written.

        Not before there is something to choose: one candidate late is better than none in time.
        """
        if not self.has_one:
            return float("inf")
        folds = self.project.config.model.folds
        alone = seconds_to_finish(self._best[:1], folds)
        together = min(_FOR_ENSEMBLE * self._whole, seconds_to_finish(self._best, folds))
        return self._until - _ENDING - self._for_look - max(alone, together)

    @property
    def _best(self) -> list[CandidateScore]:
        """The best so far: as many as may be combined."""
        settings = self.project.config.model
        return self.field.ranked(self.ground.metric)[: settings.shortlist if settings.ensemble else 1]

    @property
    def _for_look(self) -> float:
        """How many seconds are kept for a look at what is chosen: none where they would not be enough."""
        wanted = sum(map(seconds_to_look, self._best)) if self.project.config.model.analyse else 0.0
        return wanted if wanted <= _FOR_LOOK * self._whole else 0.0

    def keep(self, name: str, ended: Ended) -> CandidateScore | None:
        """Put a call that ended on record, and return its score, or None with a finding that says why not."""
        needs = self.tracker.made([self.ground.rows.hash, self.ground.interface.hash])
        self.tracker.add_step(ended.on_record(_step_name(name), needs))
        self.tracker.log(f"{_step_name(name)}: {ended.told}")
        value = ended.value
        if value is None:
            self._lose(name, ended)
            return None
        self.tracker.add_link(stored(value.hash, f"output of {_step_name(name)}"))
        score = read_score(load(value, self.project.store))
        if not ended.cached:
            remember(compare_candidate, self._key_of_answers(name, score.recipe), value, self.project.store)
        self.field.scores[name], self.field.answered[name] = score, value
        return score

    def leave_out(self, name: str, why: str) -> None:
        """Name a candidate that is left out."""
        finding = Finding(rule="left out", subject=name, verdict=Verdict.WARNED, message=f"{name}: {why}")
        self.field.findings.append(finding)

    def tell(self, name: str, ended: Ended, detail: str) -> None:
        """Tell how a candidate did."""
        stage = Stage(name=_step_name(name), detail=detail, seconds=ended.seconds, cached=ended.cached)
        self.project.observe(stage)

    def _begin(self, name: str, recipe: Recipe) -> None:
        recipe = constrained(recipe, self.ways)
        self._sweep.start(
            name,
            self._arguments(name, recipe, self.ground.interface),
            until=time.monotonic() + self._each,
            otherwise=lambda: self._measured_again(name, recipe),
        )
        begun = StepRun(name=_step_name(name), key="", status=Status.RUNNING, cached=False, seconds=0.0)
        self.tracker.begin_step(begun)

    def _arguments(self, name: str, recipe: Recipe | None, interface: Value | Interface) -> dict[str, Any]:
        return {"rows": self.ground.rows, "interface": interface, "recipe": recipe, "name": name}

    def _key_of_answers(self, name: str, recipe: Recipe | None) -> str:
        """Return the key by which a candidate's answers are known, whatever they are measured by."""
        arguments = self._arguments(name, recipe, self.ground.answered)
        return sha256_parts(["answers", key_of(compare_candidate, arguments, name, self.project.store)])

    def _measured_again(self, name: str, recipe: Recipe) -> Value | None:
        """Return what is known of a candidate that was measured otherwise, with today's figures."""
        store, ground = self.project.store, self.ground
        known = recall(self._key_of_answers(name, recipe), store)
        if known is None:
            return None
        with scratch_space():
            interface = load(ground.interface, store, Interface)
            return save(measure_again(load(known, store), load(ground.rows, store), interface), store)

    def _said(self) -> list[Heard | Ended]:
        found = self._sweep.next(self._end)
        return found or (list(self._sweep.stop()) if self.is_over else [])

    def _lose(self, name: str, ended: Ended) -> None:
        if ended.error is not None:
            self.field.errors.append(ended.error)
            self.leave_out(name, f"it failed: {ended.error}")
        elif ended.out_of_time:
            self.leave_out(name, f"it was not done after {ended.seconds:.0f} s, and is left out")


def compare_named(race: Race, recipes: Mapping[str, Recipe]) -> None:
    """Cross-validate recipes by their names.

    Where there is a search too, most of the time is left to it.

    Raises the error of the first if all failed, and `InvalidData` if none was done in time.
    """
    waiting = _able(race, recipes)
    is_searched = race.project.config.model.search.is_wanted

    def draw() -> tuple[str, Recipe] | None:
        return waiting.pop(0) if waiting and not (is_searched and race.is_time_to_search) else None

    def settle(ended: Ended) -> None:
        score = race.keep(ended.name, ended)
        done = f"{len(race.field.scores) + len(race.field.findings)} of {len(recipes)}"
        race.tell(ended.name, ended, done if score else race.field.findings[-1].message)

    race.run(draw, settle)
    for name, _ in waiting:
        race.leave_out(name, f"there was no time to try it{' beside the search' if is_searched else ''}")
    if any(isinstance(each, InvalidConfig) for each in race.field.errors) or not race.has_one:
        raise _nothing_done(race.field)


def _nothing_done(field: Field) -> Exception:
    """Return why there is no candidate: the first error that says it, or what became of each."""
    told = next((each for each in field.errors if isinstance(each, KervanError)), None)
    if told is not None:
        return told
    if field.errors:
        why = "; ".join(each.message for each in field.findings)
        return InvalidData(
            f"no candidate came to an end: {why}", hint="mend it, or compare other families too"
        )
    return InvalidData(
        "no candidate was done in time",
        hint="give more time (--budget of kervan auto; budget and each in `[model] search`)",
    )


def _able(race: Race, recipes: Mapping[str, Recipe]) -> list[tuple[str, Recipe]]:
    """Return the recipes that can be written and promise what `monotone` demands; name the others.

    Raises `Refused` for none.
    """
    found: list[tuple[str, Recipe]] = []
    refused: Refused | None = None
    for name, recipe in recipes.items():
        try:
            check_writable(recipe, race.ground.signature)
            constrained(recipe, race.ways)
            found.append((name, recipe))
        except Refused as error:
            refused = error
            race.leave_out(name, str(error))
    if refused is not None and all(recipe.family == BASELINE for _, recipe in found):
        raise refused
    return found


def _step_name(name: str) -> str:
    return f"{compare_candidate.name}[{name}]"
