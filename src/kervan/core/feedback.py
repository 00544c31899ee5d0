"""What comes back about predictions: what was true, or how good the answer turned out to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FOLDER = "feedback"  # beside the records that it is about
FORM = 1  # of what is written; older ones are read too


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """One label, or one reward, as it came back; it never changes: a later one stands beside it.

    `prediction` is the id that came with the answer. Where it is "", the prediction is the newest about
    `entity` that was made no later than `at`. `model` is "" or the only model that it may be about. `caller`
    is the id of the key that was used, "" for what came from a file.
    """

    id: str
    version: int = 1
    time: float
    prediction: str = ""
    entity: Any = None
    at: float = 0.0
    label: Any = None
    reward: float | None = None
    model: str = ""
    caller: str = ""
    request: str = ""
