"""What was decided once a model was fitted: by which rule a class is named, and how it was calibrated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from kervan.core.naming import LeastCost, Threshold
from kervan.core.nouns import Dataset, Role
from kervan.flow.values import listing
from kervan.model.calibrate import Calibrated
from kervan.model.steps import CARD, Candidate

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.core.nouns import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A threshold with its reason, or what naming by costs is worth, or neither: the most probable class.

    `calibrated` is None for no calibration.
    """

    threshold: Threshold | None = None
    least_cost: LeastCost | None = None
    calibrated: Calibrated | None = None

    @property
    def named_by(self) -> Threshold | LeastCost | None:
        """The one of both that there is."""
        return self.threshold or self.least_cost


def decided_of(project: Project, model: Model) -> Decided:
    """Return what was decided of a model; of one from elsewhere nobody knows why."""
    signature = model.signature
    if model.is_imported:
        value = signature.threshold
        known = None if value is None else Threshold(value=value, label=signature.output.allowed[-1])
        return Decided(threshold=known, least_cost=LeastCost() if signature.costs else None)
    return decided_by(project, model.hash, project.store.catalog.get(Dataset, model.dataset, deleted=True))


def decided_by(project: Project, candidate: str, dataset: Dataset) -> Decided:
    """Return what was decided of a candidate, by the hash of its files; nothing where these are gone."""
    blobs = project.store.blobs
    card = listing(candidate, project.store).get(CARD, "") if blobs.holds(candidate) else ""
    if not card or not blobs.holds(card):
        return Decided()
    found = msgspec.json.decode(blobs.read_bytes(card), type=Candidate)
    rows = dataset.part(Role.VALIDATION).rows
    return Decided(
        threshold=found.demands.told_threshold(found.signature, rows),
        least_cost=found.least_cost,
        calibrated=found.calibrated,
    )
