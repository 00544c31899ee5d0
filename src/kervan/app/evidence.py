"""What came back about answers of a release: how wrong both versions are on the same rows, and rewards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kervan.app.feedback import labelled
from kervan.app.register import find_model, package_folder
from kervan.core.errors import InvalidInput, ServerFailed
from kervan.package.opening import load_package
from kervan.serve.answer import check_values, name_values
from kervan.serve.decode import RowDecoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kervan.app.feedback import Labelled
    from kervan.app.project import Project
    from kervan.core.releasing import Release
    from kervan.monitor.judge import Judge


class Evidence:
    """Reads feedback about the predictions of a release, each once, and hands it to the judge.

    Every labelled row is scored by both versions, whichever answered it. Rows whose inputs are not on record
    as they were sent, and labels that are none, are left out.
    """

    def __init__(self, project: Project, release: Release) -> None:
        self._project, self._release = project, release
        self._scorers = {
            ref: _Scorer(package_folder(project, find_model(project, ref)))
            for ref in (release.before, release.model)
        }
        self._taken: set[str] = set()
        self.rewards: dict[str, list[float]] = {release.before: [], release.model: []}

    def hand_to(self, judge: Judge) -> None:
        """Hand over what came since the last time."""
        losses: list[tuple[float, float]] = []
        fresh: dict[str, list[float]] = {ref: [] for ref in self.rewards}
        since = self._release.time
        for each in labelled(self._project, self._release.name, since=since):
            known = each.feedback[-1].id
            if known in self._taken:
                continue
            self._taken.add(known)
            if each.reward is not None and each.prediction.model in fresh:
                fresh[each.prediction.model].append(each.reward)
            pair = self._losses(each)
            if pair is not None:
                losses.append(pair)
        judge.add_losses(losses)
        judge.add_rewards(fresh[self._release.before], fresh[self._release.model])
        for ref, rewards in fresh.items():
            self.rewards[ref] += rewards

    def _losses(self, each: Labelled) -> tuple[float, float] | None:
        """Return the losses of both versions on a row, between 0 and 1, stable first."""
        if each.label is None or each.prediction.withheld or not each.inputs:
            return None
        old, new = self._scorers.values()
        return _losses(each.label, old.answer(each.inputs), new.answer(each.inputs))


class _Scorer:
    """Answers rows as a server with the package would."""

    def __init__(self, folder: Path) -> None:
        manifest, self._predictor = load_package(folder)
        self._signature = manifest.signature
        self._decoder = RowDecoder(manifest.signature)

    def answer(self, row: Mapping[str, Any]) -> dict[str, Any] | None:
        try:
            values = self._predictor.predict(self._decoder.decode([dict(row)]))
            check_values(values, 1, self._signature)
        except (InvalidInput, ServerFailed):  # counted as an error where it happened
            return None
        return name_values(values, self._signature)[0]


def _losses(
    label: Any, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> tuple[float, float] | None:
    """Return how wrong two answers are: 0 or 1 for a class, for a number its part of both errors together."""
    if old is None or new is None:
        return None
    if "label" in old and "label" in new:
        return float(str(old["label"]) != str(label)), float(str(new["label"]) != str(label))
    if (
        isinstance(label, bool)
        or not isinstance(label, int | float)
        or "value" not in old
        or "value" not in new
    ):
        return None
    one, other = abs(old["value"] - label), abs(new["value"] - label)
    total = one + other
    return (one / total, other / total) if total > 0 else (0.0, 0.0)
