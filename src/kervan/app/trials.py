"""The trials of a search: each a run of its own, kept as soon as it ended.

A search that was killed goes on with the trials that are missing, and one that asks for more with those that
are new: what decides how they are drawn is in the hash by which the runs of a search are known.
"""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.identity import new_id, sha256_parts
from kervan.core.nouns import Link, Run, Status
from kervan.core.recipe import Recipe
from kervan.flow.fingerprint import fingerprint
from kervan.flow.sweep import Ended
from kervan.flow.track import TRIAL
from kervan.flow.values import Value
from kervan.model.families.registry import family_of
from kervan.model.search import Search, Trial
from kervan.model.steps import compare_candidate
from kervan.store.events import canonical
from kervan.store.points import Point

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kervan.app.compete import Race
    from kervan.flow.sweep import Heard
    from kervan.model.train import CandidateScore

SEARCHED = 3
SEARCH = "search"  # begins what is on record of it
TAKEN_UP = "taken up"  # the role of a trial of an earlier search
OURS = {"trial", "family", "given_up"}  # parameters of a run that are none of the recipe
_SHORT = 8


def search_candidates(race: Race, recipes: Sequence[Recipe]) -> None:
    """Draw trials of the three families with the best defaults, until their number or the time is over."""
    able = {each.family: each for each in recipes if family_of(each).space(race.ground.signature)}
    best = [each.family for each in race.field.ranked(race.ground.metric) if each.title in able]
    if best:
        _Trials(race, [able[family] for family in best[:SEARCHED]]).run()


class _Trials:
    def __init__(self, race: Race, families: Sequence[Recipe]) -> None:
        settings, seed = race.project.config.model.search, race.project.config.model.seed
        self._race = race
        self._settings = settings
        self._metric = race.ground.metric
        self._search = Search(families, race.ground.signature, self._metric, settings, seed)
        self._key = sha256_parts(
            [
                canonical(race.ground).decode(),
                canonical(list(families)).decode(),
                settings.sampler,
                settings.prune,
                str(seed),
                fingerprint(compare_candidate.function),
            ]
        )
        self._name = f"{race.project.config.model_name}-{SEARCH}-{self._key[:_SHORT]}"
        self._trials: dict[str, Trial] = {}
        self._seen: dict[str, list[Mapping[str, float]]] = {}
        self._done = 0

    def run(self) -> None:
        """Take up the trials of before, and compute those that are missing."""
        for each in self._race.field.scores.values():
            self._compare_with(each)
        past = self._take_up()
        self._missing = (number for number in count() if number not in past)
        self._race.run(self._draw, self._settle, self._hear)

    def _draw(self) -> tuple[str, Recipe] | None:
        number = next(self._missing)
        if self._settings.trials and number >= self._settings.trials:
            return None
        trial = self._search.ask(number)
        self._trials[trial.name] = trial
        return trial.name, trial.recipe

    def _hear(self, heard: Heard) -> bool:
        seen = self._seen.setdefault(heard.name, [])
        seen.append(heard.value)
        return self._search.goes_on(self._trials[heard.name].number, len(seen) - 1, heard.value)

    def _settle(self, ended: Ended) -> None:
        trial = self._trials[ended.name]
        if ended.out_of_time and self._race.is_over:
            return  # nothing is known of it: the next search tries it again
        score = self._race.keep(ended.name, ended)
        figures = score.means if score else _means(self._seen.get(ended.name, []))
        if score:
            self._compare_with(score)
        self._put(trial, ended, figures)
        self._tell(trial.number, figures, ended.given_up, failed=score is None and not ended.given_up)
        self._race.tell(ended.name, ended, self._told(figures, ended))

    def _compare_with(self, score: CandidateScore) -> None:
        if self._metric in score.values:
            self._search.compare_with(score.values[self._metric])

    def _tell(self, number: int, figures: Mapping[str, float], given_up: bool, *, failed: bool) -> None:
        self._done += 1
        value = None if failed else figures.get(self._metric)
        self._search.tell(number, value, given_up=given_up)
        if value is not None and not given_up:
            self._race.tracker.log_metric(f"{SEARCH}.{self._metric}", value, step=number)

    def _told(self, figures: Mapping[str, float], ended: Ended) -> str:
        """Say how a trial did, how many there are, the best so far, and how much time is left."""
        if ended.error is not None or ended.out_of_time:
            return self._race.field.findings[-1].message
        value = f"{self._metric} {figures[self._metric]:.4g}" if self._metric in figures else "no value"
        best = self._race.field.ranked(self._metric)[0]
        wanted = f" of {self._settings.trials}" if self._settings.trials else ""
        left = f", {self._race.left:.0f} s left" if self._settings.budget else ""
        up = ", given up" if ended.given_up else ""
        return f"{value}{up}; {self._done}{wanted} trials, best {best.means[self._metric]:.4g}{left}"

    def _put(self, trial: Trial, ended: Ended, figures: Mapping[str, float]) -> None:
        """Put a trial on record as a run."""
        parent = self._race.tracker.run
        now = time.time()
        step = ended.on_record(compare_candidate.name)
        status = Status.FAILED if step.status is Status.FAILED else Status.FINISHED
        run = replace(
            parent,
            id=new_id(),
            name=self._name,
            hash=self._key,
            time=now - ended.seconds,
            ended=now,
            status=status,
            error=str(ended.error or ""),
            parents=(Link(parent=parent.id, role=TRIAL),),
            parameters={
                "trial": trial.number,
                "family": trial.recipe.family,
                **trial.recipe.parameters,
                "given_up": ended.given_up,
            },
            metrics=figures,
            steps=(step,),
            log="",
        )
        points = [Point(name=name, step=0, value=value, time=now) for name, value in figures.items()]
        with self._race.project.store.catalog.transaction() as transaction:
            transaction.log_metrics(run.id, points)
            transaction.put(run, action=str(status))

    def _take_up(self) -> set[int]:
        """Tell the search of the trials that ended before, and return their numbers."""
        named = self._race.project.store.catalog.all(Run, name=self._name)
        runs = [run for run in named if run.hash == self._key]
        found: set[int] = set()
        for run in sorted(runs, key=lambda each: int(each.parameters["trial"])):
            number = int(run.parameters["trial"])
            if number in found or (self._settings.trials and number >= self._settings.trials):
                continue
            found.add(number)
            self._race.tracker.add_link(Link(parent=run.id, role=TAKEN_UP))
            self._restore(number, run)
        return found

    def _restore(self, number: int, run: Run) -> None:
        given = {name: value for name, value in run.parameters.items() if name not in OURS}
        recipe = Recipe(str(run.parameters["family"]), given)
        self._search.restore(number, recipe)
        ended = Ended(name=f"{recipe.family} {number}", key="", seconds=0.0, cached=True)
        given_up = bool(run.parameters["given_up"])
        if run.steps and run.steps[0].outputs:
            ended = replace(ended, value=Value("folder", run.steps[0].outputs[0]))
            if score := self._race.keep(ended.name, ended):
                self._compare_with(score)
        self._tell(number, run.metrics, given_up, failed=run.status is Status.FAILED)


def _means(folds: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    """Return the means over the folds that were seen, of the metrics that each of them has."""
    names = [name for name in (folds[0] if folds else ()) if all(name in fold for fold in folds)]
    return {name: float(np.mean([fold[name] for fold in folds])) for name in names}
