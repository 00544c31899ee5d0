"""Many recorded predictions in little time: what an environment has on record, again and again, over days."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from kervan.app.keeping import compact_records
from kervan.app.records import predictions
from kervan.app.segments import records_folder
from kervan.core.identity import first_id
from kervan.serve.segment import Segments

if TYPE_CHECKING:
    from kervan.app.project import Project
    from kervan.core.nouns import Prediction

ENTITIES = 100_000
_AT_ONCE = 5_000  # records in one write
_TEMPLATES = 500
_DAY = 86_400.0
_BUSY_HOUR = 14  # when the most is asked
_TIME = 10  # letters of an id that are its time
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_THREE = [a + b + c for a in _LETTERS for b in _LETTERS for c in _LETTERS]
_FIRST = ("version", "environment", "deployment", "model", "package", "share", "protocol", "caller", "role")


@dataclass(frozen=True, slots=True)
class _Template:
    """What many records share: how one begins, and what was asked and answered."""

    head: bytes
    tail: bytes


def record_many(
    project: Project,
    environment: str,
    count: int,
    *,
    days: float = 30.0,
    until: float | None = None,
    entities: int = ENTITIES,
) -> None:
    """Record `count` predictions over days until now, or a time, and compact what is closed, as servers do.

    What was asked and answered is what the environment has on record, so ask it for some rows first. They
    are about `entities` people, `C-0` and so on. The newest file stays uncompacted.
    """
    templates = [_template(each) for each in _some(project, environment)]
    end = time.time() - 60.0 if until is None else until
    seed = int(end)
    moments = _moments(count, end - days * _DAY, end, seed)
    sheets = Segments(records_folder(project, environment))
    part: list[tuple[str, bytes]] = []
    for each in _records(templates, moments, entities, seed):
        part.append(each)
        if len(part) == _AT_ONCE:
            sheets.write(part[0][0], [record for _, record in part])
            part = []
    if part:
        sheets.write(part[0][0], [record for _, record in part])
    compact_records(project, environment)  # all but the file that is still open
    sheets.close()


def _some(project: Project, environment: str) -> list[Prediction]:
    """Return what is on record, at most some hundred requests of one row."""
    found = [each for each in predictions(project, environment) if each.rows == 1 and each.outputs]
    return found[-_TEMPLATES:]


def _template(each: Prediction) -> _Template:
    content: Mapping[str, Any] = msgspec.to_builtins(each)
    head = msgspec.json.encode({name: content[name] for name in _FIRST})
    tail = msgspec.json.encode({"inputs": content["inputs"], "outputs": content["outputs"]})
    return _Template(head[1:-1], tail[1:])


def _moments(count: int, begin: float, end: float, seed: int) -> list[float]:
    """Return rising times, more of them by day than by night."""
    dice = np.random.default_rng(seed)
    hours = np.arange(begin, end, 3_600.0)
    busy = 1.0 + 0.8 * np.cos((hours / 3_600.0 - _BUSY_HOUR) / 24.0 * 2.0 * math.pi)
    drawn = dice.choice(hours, count, p=busy / busy.sum()) + dice.uniform(0.0, 3_600.0, count)
    moments: list[float] = np.sort(np.minimum(drawn, end)).tolist()
    return moments


def _records(
    templates: Sequence[_Template], moments: Sequence[float], entities: int, seed: int
) -> Iterator[tuple[str, bytes]]:
    """Yield ids and records."""
    dice = random.Random(seed)
    for number, moment in enumerate(moments):
        ident = _ident(moment, number, dice)
        template = templates[dice.randrange(len(templates))]
        score = dice.lognormvariate(-8.5, 0.4)
        seconds = score * (8.0 if dice.random() < 0.01 else 1.3)
        record = (
            b'{"id":"%b",%b,"time":%.6f,"decode":0.0000210,"wait":0.0000310,"score":%.7f,"seconds":%.7f,'
            b'"request":"","trace":"","entity":"C-%d",%b'
            % (ident.encode(), template.head, moment, score, seconds, dice.randrange(entities), template.tail)
        )
        yield ident, record


def _ident(moment: float, number: int, dice: random.Random) -> str:
    """Return an id of a time that is greater than those of smaller numbers."""
    high, low = divmod(number, len(_THREE))
    chance = _THREE[dice.randrange(len(_THREE))] + _THREE[dice.randrange(len(_THREE))]
    return f"{first_id(moment)[:_TIME]}{_THREE[high]}{_THREE[low]}{chance}0000"
