"""Records for the tests, as a server would hand them over."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from kervan.core.nouns import Prediction
    from kervan.serve.keeper import Keeper
    from kervan.serve.recorder import Recorder


def keep(recorder: Recorder, prediction: Prediction, keeper: Keeper | None = None) -> Prediction:
    """Hand a prediction to be recorded, and return it with the id that it got."""
    content = msgspec.to_builtins(prediction)
    del content["id"]
    ident = recorder.append(msgspec.json.encode(content)[1:], len(prediction.inputs), keeper)
    return replace(prediction, id=ident)
