"""The first step of a release: what the version would have answered to the newest requests on record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.app.again import FAILED, REFUSED
from kervan.app.records import predictions
from kervan.core.errors import Refused

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.app.replay import Replayed
    from kervan.core.nouns import Model

_MOST = 0.01  # of the rows that were answered may be answered no more


def rehearse(project: Project, model: Model, environment: str, *, breaking: bool) -> None:
    """Replay what an environment was asked of late, and tell how many answers would be others.

    Raises `Refused` if the model does not answer what callers ask, unless `breaking` says that they know.
    Where nothing is on record, or the settings want none of it, nothing happens.
    """
    newest = project.config.release.replay
    if newest < 1 or next(predictions(project, environment), None) is None:
        return
    from kervan.app.replay import replay

    found = replay(project, model.ref, environment, limit=newest)
    lost = [each for each in found.left_out if each.reason in {REFUSED, FAILED}]
    missing = sum(each.rows for each in lost)
    asked = found.changed.rows + missing
    if asked and missing > _MOST * asked and not breaking:
        raise Refused(
            f"{model.ref} does not answer {missing / asked:.1%} of the newest {asked:,} rows "
            f"that {environment} was asked: {lost[0].example}",
            hint="--breaking if callers know; `kervan replay` shows all of it",
        )
    project.remark("release", _told(found, missing))


def _told(found: Replayed, missing: int) -> str:
    changed = found.changed
    more = f"`kervan replay {found.model}` tells more"
    lost = f", and does not answer {missing:,} more" if missing else ""
    return f"of the newest {changed.rows:,} rows it answers {changed.share:.1%} otherwise{lost}; {more}"
