"""All that a model's page tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kervan.core.naming import LeastCost, Threshold
    from kervan.model.calibrate import Calibrated
    from kervan.model.errors.learning import LearningCurve
    from kervan.model.evaluate import Acceptance, Evaluation
    from kervan.model.look import Look
    from kervan.model.pareto import Front
    from kervan.model.standings import Standings
    from kervan.model.train import CandidateScore


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A model by name, what it predicts, how it was measured and judged, and what was seen of it.

    `standings` say which candidates are better, `front` which none beats in all of several goals, `taken` is
    the name of the one that was taken, `chosen` its recipe. `named_by` says by which rule a class is named
    and why, `calibrated` how chances were before and after they were corrected. `costs` are what a row costs
    by threshold. `facts` say by name what was done: data, run, seed, commit. Without `acceptance` nobody
    judged it, without `look` nobody looked closer.
    """

    title: str
    predicts: str
    evaluation: Evaluation
    acceptance: Acceptance | None
    candidates: tuple[CandidateScore, ...]
    metric: str
    standings: Standings | None = None
    front: Front | None = None
    chosen: str = ""
    taken: str = ""
    look: Look | None = None
    learning: LearningCurve | None = None
    named_by: Threshold | LeastCost | None = None
    calibrated: Calibrated | None = None
    costs: tuple[tuple[float, float], ...] = ()
    currency: str = ""
    facts: tuple[tuple[str, str], ...] = ()
