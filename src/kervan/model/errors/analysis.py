"""All that is looked at where a model fails, in one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kervan.core.nouns import Role
from kervan.core.schema import Type
from kervan.model.errors.calibration import Reliability, reliability
from kervan.model.errors.curves import Curve, precision_recall_curves, roc_curves
from kervan.model.errors.examples import Example, examples
from kervan.model.errors.groups import Grouping, compare_groups
from kervan.model.errors.labels import Suspects, suspects
from kervan.model.errors.residuals import Residuals, residuals
from kervan.model.errors.segments import Segments, worst_segments

if TYPE_CHECKING:
    from kervan.model.errors.held_out import HeldOut


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What is looked at: the metric shown for segments, the columns of groups with their types, the seed.

    Values of single rows are kept where `examples` says so.
    """

    metric: str
    groups: tuple[str, ...] = ()
    types: Mapping[str, Type] = field(default_factory=dict)
    examples: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorAnalysis:
    """Where a model fails on `looked` of the `rows` of the validation part, by lot where they are fewer.

    Curves, calibration and label suspects are those of a classification, `residuals` those of a regression.
    """

    rows: int
    looked: int
    segments: Segments
    groups: tuple[Grouping, ...]
    examples: tuple[Example, ...]
    roc: tuple[Curve, ...] = ()
    precision_recall: tuple[Curve, ...] = ()
    calibration: Reliability | None = None
    labels: tuple[Suspects, ...] = ()
    residuals: Residuals | None = None


def analyse_errors(answered: HeldOut, rows: int, looked: Looked) -> ErrorAnalysis:
    """Look at the answers to held-out rows, of which there are `rows` in all."""
    parts: dict[str, Any] = {
        "rows": rows,
        "looked": len(answered.truth),
        "segments": worst_segments(answered, looked.metric),
        "groups": compare_groups(answered, looked.groups, looked.types),
        "examples": examples(answered, with_values=looked.examples),
    }
    if not answered.signature.is_classification:
        return ErrorAnalysis(**parts, residuals=residuals(answered, seed=looked.seed))
    classes = answered.signature.output.allowed
    doubtful = suspects(answered.truth, answered.values, classes, answered.places, str(Role.VALIDATION))
    return ErrorAnalysis(
        **parts,
        roc=roc_curves(answered),
        precision_recall=precision_recall_curves(answered),
        calibration=reliability(answered),
        labels=(doubtful,),
    )
