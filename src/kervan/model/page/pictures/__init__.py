"""The pictures of what was seen of a model, for its page and for the site."""

from kervan.model.page.pictures.candidates import fronts
from kervan.model.page.pictures.classes import (
    calibration,
    costs,
    precision_recall,
    recalibrated,
    roc,
    thresholds,
)
from kervan.model.page.pictures.errors import error_histogram, errors_by_answer, learning, rates, segments
from kervan.model.page.pictures.reasons import contributions, dependence, importance, reasons

__all__ = [
    "calibration",
    "contributions",
    "costs",
    "dependence",
    "error_histogram",
    "errors_by_answer",
    "fronts",
    "importance",
    "learning",
    "precision_recall",
    "rates",
    "reasons",
    "recalibrated",
    "roc",
    "segments",
    "thresholds",
]
