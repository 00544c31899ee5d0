"""Which formats can hold a model: each is tried and proved, and those that are not there say why."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.errors import Corrupted, MissingExtra, MissingTool, Refused
from kervan.core.plugins import plugin
from kervan.core.ports import About
from kervan.package.proving.build import prove, scorers_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kervan.core.ports import Format, Matrix, Predictor
    from kervan.package.writing.fitted import Fitted

_TIMED_ROWS = 1_000
_TIMES = 3
_SLOW = 1.0  # seconds that no second measurement betters


class Support(StrEnum):
    """What became of a format."""

    PROVED = "proved"
    REFUSED = "refused"
    UNPROVED = "unproved"  # written, but nothing here can score it
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A format and one model: `reason` says why it is not proved.

    `size` counts the bytes of its files, `largest` is the largest difference over `rows` rows, `seconds`
    what its scorer takes for 1,000 rows here, as it is started here.
    """

    format: str
    about: About
    support: Support
    reason: str = ""
    size: int | None = None
    largest: float | None = None
    rows: int | None = None
    seconds: float | None = None
    scorers: tuple[str, ...] = ()


def survey(fitted: Fitted, rows: Matrix, names: Sequence[str]) -> Iterator[Tried]:
    """Write a model in each of the formats, prove it over `rows` (see `proof_rows`), and time it."""
    for name in names:
        yield _tried(name, plugin("format", name), fitted, rows)


def absent() -> tuple[Tried, ...]:
    """Return the formats that people ask for and Kervan does not write, each with the reason."""
    return tuple(
        Tried(format=name, about=about, support=Support.ABSENT, reason=reason)
        for name, (about, reason) in _ABSENT.items()
    )


def _tried(name: str, adapter: Format, fitted: Fitted, rows: Matrix) -> Tried:
    about = adapter.about
    with tempfile.TemporaryDirectory(prefix="kervan-") as scratch:
        folder = Path(scratch)
        try:
            adapter.save(fitted, folder)
        except (Refused, MissingExtra) as error:
            return Tried(format=name, about=about, support=Support.REFUSED, reason=str(error))
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        try:
            predictors = dict(scorers_of(adapter, folder, fitted.signature))
            proofs = prove(name, predictors, fitted, rows)
            seconds = min(_seconds(each, rows) for each in predictors.values())
        except (MissingTool, MissingExtra) as error:
            reason = f"{error}: {error.hint}"
            return Tried(format=name, about=about, support=Support.UNPROVED, reason=reason, size=size)
        except (Corrupted, Refused) as error:
            return Tried(format=name, about=about, support=Support.REFUSED, reason=str(error), size=size)
        return Tried(
            format=name,
            about=about,
            support=Support.PROVED,
            size=size,
            largest=max(proof.largest for proof in proofs),
            rows=proofs[0].rows,
            seconds=seconds,
            scorers=tuple(key for key in predictors if key),
        )


def _seconds(predictor: Predictor, rows: Matrix) -> float:
    asked = np.resize(rows, (_TIMED_ROWS, rows.shape[1]))
    taken = []
    for _ in range(_TIMES):
        started = time.perf_counter()
        predictor.predict(asked)
        taken.append(time.perf_counter() - started)
        if taken[-1] > _SLOW:
            break
    return min(taken)


def _about(title: str, extension: str, licence: str, readers: str, vendor: str = "") -> About:
    return About(title=title, extension=extension, licence=licence, readers=readers, vendor=vendor)


_ABSENT: dict[str, tuple[About, str]] = {
    "mleap": (
        _about("MLeap bundle", ".zip", "Apache-2.0", "Java, Scala, by MLeap"),
        "its package on PyPI has no runtime, so that nothing it writes could be proved; `java` needs none",
    ),
}
