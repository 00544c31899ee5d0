"""What came back about answers of a release: how wrong both versions are on the same rows, and rewards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.app.again import Again, Row
from kervan.app.feedback import labelled
from kervan.app.register import find_model
from kervan.serve.answer import name_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kervan.app.feedback import Labelled
    from kervan.app.project import Project
    from kervan.core.releasing import Release
    from kervan.monitor.judge import Judge


class Evidence:
    """Reads feedback about the predictions of a release, each once, and hands it to the judge.

    Every labelled row is scored by both versions, whichever answered it. Rows whose inputs are not on record
    as they were sent, and labels that are none, are left out. Of several labels of a row the first counts
    that was read, and of rewards too: what was staked cannot be taken back.
    """

    def __init__(self, project: Project, release: Release) -> None:
        self._project, self._release = project, release
        self._again = [Again(project, find_model(project, ref)) for ref in (release.before, release.model)]
        self._labelled: set[str] = set()
        self._rewarded: set[str] = set()
        self.rewards: dict[str, list[float]] = {release.before: [], release.model: []}

    def hand_to(self, judge: Judge) -> None:
        """Hand over what came since the last time."""
        losses: list[tuple[float, float]] = []
        fresh: dict[str, list[float]] = {ref: [] for ref in self.rewards}
        for each in labelled(self._project, self._release.name, since=self._release.time):
            ref = each.prediction.model
            if each.reward is not None and each.id not in self._rewarded and ref in fresh:
                self._rewarded.add(each.id)
                fresh[ref].append(each.reward)
            if each.label is not None and each.id not in self._labelled:
                self._labelled.add(each.id)
                losses += self._losses(each)
        judge.add_losses(losses)
        judge.add_rewards(fresh[self._release.before], fresh[self._release.model])
        for ref, rewards in fresh.items():
            self.rewards[ref] += rewards

    def _losses(self, each: Labelled) -> list[tuple[float, float]]:
        """Return the losses of both versions on a row, between 0 and 1, stable first; none without both."""
        if each.prediction.withheld or not each.inputs:
            return []
        row = Row(id=each.id, inputs=each.inputs, before=each.outputs, model=each.prediction.model)
        answers = [
            name_values(scored.values, again.signature)[0]
            for again in self._again
            if (scored := again.score([row])).rows
        ]
        pair = _losses(each.label, *answers) if len(answers) == 2 else None
        return [] if pair is None else [pair]


def _losses(label: Any, old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return how wrong two answers are: 0 or 1 for a class, for a number its part of both errors together."""
    if "label" in old and "label" in new:
        return float(str(old["label"]) != str(label)), float(str(new["label"]) != str(label))
    is_number = isinstance(label, int | float) and not isinstance(label, bool)
    if not is_number or "value" not in old or "value" not in new:
        return None
    one, other = abs(old["value"] - label), abs(new["value"] - label)
    total = one + other
    return (one / total, other / total) if total > 0 else (0.0, 0.0)
