"""Which candidate is tried next: recipes drawn from the families' spaces, by Optuna.

A trial is drawn from its number and the seed, and by "tpe" from the trials before it, never from the clock: a
search that is taken up again draws what it would have drawn.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kervan.core.plugins import extras_named
from kervan.core.recipe import Recipe
from kervan.model.families.family import Between, OneOf
from kervan.model.families.registry import family_of
from kervan.model.metrics import higher_is_better

if TYPE_CHECKING:
    from collections.abc import Sequence

    import optuna

    from kervan.core.schema import Signature
    from kervan.core.searching import SearchSettings
    from kervan.model.families.family import Space

_FAMILY = "family"
_FIRST = 5  # trials, and one fold of each, before the median of their figures gives any up
_AHEAD = 3  # candidates that are better over the same folds end a race: so many may be combined
_SPREAD = 1_000_003  # apart lie the seeds of two searches


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One candidate of a search, by its number from 0."""

    number: int
    recipe: Recipe

    @property
    def name(self) -> str:
        """How runs and pictures call it."""
        return f"{self.recipe.family} {self.number}"


class Search:
    """The trials so far, and what is drawn next, for a metric."""

    def __init__(
        self,
        families: Sequence[Recipe],
        signature: Signature,
        metric: str,
        settings: SearchSettings,
        seed: int,
    ) -> None:
        with extras_named():
            import optuna
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._families = {each.family: each for each in families}
        self._spaces = {name: family_of(each).space(signature) for name, each in self._families.items()}
        self._metric = metric
        self._settings = settings
        self._seed = seed
        self._study = optuna.create_study(
            direction="maximize" if higher_is_better(metric) else "minimize",
            pruner=_pruner(settings),
        )
        self._open: dict[int, optuna.Trial] = {}
        self._seen: dict[int, list[float]] = {}
        self._ended: list[Sequence[float]] = []
        self._starts = self._where_to_start() if settings.sampler == "tpe" else []

    def ask(self, number: int) -> Trial:
        """Draw the trial of a number; by "tpe" the first ones are where the families say to start."""
        if number < len(self._starts):
            self._enqueue(self._starts[number])
        return self._drawn(number)

    def _drawn(self, number: int) -> Trial:
        self._study.sampler = _sampler(self._settings, self._seed * _SPREAD + number)
        trial = self._study.ask()
        family = trial.suggest_categorical(_FAMILY, list(self._families))
        space = self._spaces[family]
        given = {name: _suggest(trial, f"{family}.{name}", each) for name, each in space.items()}
        self._open[number] = trial
        return Trial(number=number, recipe=replace(self._families[family], parameters=given))

    def restore(self, number: int, recipe: Recipe) -> None:
        """Take up a trial of before, whose end is told as that of any other."""
        self._enqueue(recipe)
        self._drawn(number)

    def goes_on(self, number: int, fold: int, figures: Mapping[str, float]) -> bool:
        """Hear the figures of one fold of a trial, and say whether the next fold is worth its time."""
        trial = self._open[number]
        if self._metric not in figures:
            return not trial.should_prune()
        trial.report(figures[self._metric], fold)
        seen = self._seen.setdefault(number, [])
        seen.append(figures[self._metric])
        return not (self._is_behind(seen) if self._settings.prune == "race" else trial.should_prune())

    def compare_with(self, folds: Sequence[float]) -> None:
        """Take a candidate into the race that is known by its figures in every fold."""
        self._ended.append(folds)

    def _is_behind(self, seen: Sequence[float]) -> bool:
        """Whether several candidates have better means over the folds that a trial got to."""
        sign = 1 if higher_is_better(self._metric) else -1
        ahead = sum(sign * sum(folds[: len(seen)]) > sign * sum(seen) for folds in self._ended)
        return ahead >= _AHEAD

    def tell(self, number: int, value: float | None, *, given_up: bool = False) -> None:
        """Say how a trial ended: with a value, given up, or failed (None)."""
        from optuna.trial import TrialState

        trial = self._open.pop(number)
        self._seen.pop(number, None)
        state = (
            TrialState.PRUNED if given_up else TrialState.COMPLETE if value is not None else TrialState.FAIL
        )
        self._study.tell(trial, value if state is TrialState.COMPLETE else None, state=state)

    def _enqueue(self, recipe: Recipe) -> None:
        given = {f"{recipe.family}.{name}": value for name, value in recipe.parameters.items()}
        self._study.enqueue_trial({_FAMILY: recipe.family, **given})

    def _where_to_start(self) -> list[Recipe]:
        """Return the first starts of all families, then the second ones.

        Where columns can be prepared in several ways, these take turns.
        """
        found = {
            name: [
                {**_prepared(self._spaces[name], turn), **start}
                for turn, start in enumerate(family_of(recipe).starts)
            ]
            for name, recipe in self._families.items()
        }
        return [
            replace(self._families[name], parameters=starts[turn])
            for turn in range(max(map(len, found.values()), default=0))
            for name, starts in found.items()
            if turn < len(starts)
        ]


def _prepared(space: Space, turn: int) -> dict[str, Any]:
    ways = {name: each.options for name, each in space.items() if isinstance(each, OneOf)}
    return {name: options[turn % len(options)] for name, options in ways.items()}


def _suggest(trial: optuna.Trial, name: str, space: Any) -> Any:
    if not isinstance(space, Between):
        return trial.suggest_categorical(name, list(space.options))
    if space.whole:
        return trial.suggest_int(name, int(space.low), int(space.high), log=space.log)
    return trial.suggest_float(name, space.low, space.high, log=space.log)


def _sampler(settings: SearchSettings, seed: int) -> Any:
    import optuna

    if settings.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    with warnings.catch_warnings():  # its options below may change one day
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        # Trials that are computed at once are not drawn from the same place.
        return optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)


def _pruner(settings: SearchSettings) -> Any:
    import optuna

    match settings.prune:
        case "median":
            return optuna.pruners.MedianPruner(n_startup_trials=_FIRST)
        case "halving":
            return optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
        case _:
            return optuna.pruners.NopPruner()
