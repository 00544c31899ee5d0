"""How right each version was over time, as far as it came back: labels and rewards by when was predicted."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from itertools import islice
from math import inf
from statistics import fmean
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.app.compacted import all_segments, any_lines
from kervan.app.newest import AFTER_ALL, newest_first
from kervan.app.outcomes import outcomes
from kervan.app.over_time import newest_between, step_of
from kervan.app.segments import feedback_of, records_folder
from kervan.core.errors import Corrupted
from kervan.core.feedback import Feedback
from kervan.serve.keeper import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kervan.app.outcomes import Outcome
    from kervan.app.project import Project

MOST = 100_000  # labels and rewards, the newest, that are looked at
ACCURACY, ERROR = "accuracy", "absolute error"
_decoder = msgspec.json.Decoder(Feedback)
_Row = tuple[str, int]  # the id of a record, and which of its rows


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionQuality:
    """What came back about a version in each bucket: how many labels and rewards, and what they say.

    `figure` is the share of right labels, or the mean absolute error of numbers, `reward` the mean reward;
    None where there were none.
    """

    model: str
    labels: tuple[int, ...]
    figure: tuple[float | None, ...]
    rewards: tuple[int, ...]
    reward: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How right an environment's versions were: `times` are the beginnings of buckets of `step` seconds each.

    A prediction counts when it was made. `figure` is `accuracy`, `absolute error` or, without labels, "".
    `returned` labels and rewards were looked at, the newest ones, of which `known` are about records there.
    Where time ran out, it is about predictions that were made since `looked`, in seconds since 1970.
    """

    environment: str
    figure: str = ""
    step: float = 60.0
    times: tuple[float, ...] = ()
    versions: tuple[VersionQuality, ...] = ()
    returned: int = 0
    known: int = 0
    looked: float | None = None

    def by_version(self, figure: str) -> dict[str, tuple[float | None, ...]]:
        """Return one figure of all versions: `figure`, `labels`, `reward` or `rewards`."""
        return {each.model: getattr(each, figure) for each in self.versions}


@dataclass(slots=True)
class _Said:
    """What came back last about a row, the label and the reward."""

    label: Feedback | None = None
    reward: Feedback | None = None

    def hear(self, each: Feedback) -> None:
        """Take what is newer than what was heard."""
        if each.label is not None and (self.label is None or each.id > self.label.id):
            self.label = each
        if each.reward is not None and (self.reward is None or each.id > self.reward.id):
            self.reward = each


@dataclass(frozen=True, slots=True)
class _Scored:
    """A row of which something came back: which version, when, whether it is of classes, and how it did."""

    model: str
    time: float
    is_class: bool
    figure: float | None
    reward: float | None


def quality(project: Project, environment: str, *, most: int = MOST, seconds: float = inf) -> Quality:
    """Return how right an environment's versions were over time, by the newest labels and rewards.

    Of several for one row the one that came last counts. Labels that fit no answer are left out. The newest
    predictions are looked at first, after `seconds` no older ones.
    """
    returned = list(islice(_newest(project, environment), most))
    scored, looked = _scored(project, environment, returned, seconds) if returned else ([], None)
    if not scored:
        return Quality(environment=environment, returned=len(returned), looked=looked)
    times = [each.time for each in scored]
    step = step_of(min(times), max(times))
    first = min(times) // step
    buckets: defaultdict[tuple[str, int], list[_Scored]] = defaultdict(list)
    for each in scored:
        buckets[each.model, int(each.time // step - first)].append(each)
    size = max(place for _, place in buckets) + 1
    labelled = [each for each in scored if each.figure is not None]
    return Quality(
        environment=environment,
        figure=(ACCURACY if labelled[0].is_class else ERROR) if labelled else "",
        step=step,
        times=tuple((first + place) * step for place in range(size)),
        versions=tuple(
            _version(model, [buckets[model, place] for place in range(size)])
            for model in dict.fromkeys(each.model for each in sorted(scored, key=lambda each: each.time))
        ),
        returned=len(returned),
        known=len(scored),
        looked=looked,
    )


def _version(model: str, buckets: Sequence[Sequence[_Scored]]) -> VersionQuality:
    figures = [[each.figure for each in own if each.figure is not None] for own in buckets]
    rewards = [[each.reward for each in own if each.reward is not None] for own in buckets]
    return VersionQuality(
        model=model,
        labels=tuple(map(len, figures)),
        figure=tuple(fmean(own) if own else None for own in figures),
        rewards=tuple(map(len, rewards)),
        reward=tuple(fmean(own) if own else None for own in rewards),
    )


def _newest(project: Project, environment: str) -> Iterator[Feedback]:
    """Yield what came back, the newest files first."""
    for _, segment in newest_first(all_segments(records_folder(project, feedback_of(environment)))):
        for line in reversed(list(any_lines(segment))):
            if line.endswith(b"\n"):
                try:
                    yield _decoder.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    hint = "restore the file from a copy"
                    raise Corrupted(f"{segment.path}: no feedback: {error}", hint=hint) from error


def _scored(
    project: Project, environment: str, returned: Sequence[Feedback], seconds: float
) -> tuple[list[_Scored], float | None]:
    """Find the rows that feedback is about and say how each did, and since when was looked."""
    segments, looked = newest_between(all_segments(records_folder(project, environment)), "", AFTER_ALL)
    ids = {each.prediction.partition(".")[0] for each in returned if each.prediction}
    entities = {text_of(each.entity) for each in returned if not each.prediction}
    made, reached = outcomes(segments, ids, entities, seconds)
    about = _about(made, entities)
    said: defaultdict[_Row, _Said] = defaultdict(_Said)
    for each in returned:
        row = _row(each, made) if each.prediction else _latest(about.get(text_of(each.entity), []), each.at)
        outcome = made.get(row[0]) if row else None
        if row and outcome and each.model in {"", outcome.model.partition("@")[0]}:
            said[row].hear(each)
    found = (_score(made[ident], row, heard) for (ident, row), heard in said.items())
    return [each for each in found if each is not None], looked if reached is None else reached


def _row(each: Feedback, made: Mapping[str, Outcome]) -> _Row | None:
    """Return which row an id names; that of a request of many rows names none."""
    ident, _, row = each.prediction.partition(".")
    is_one = ident in made and (row or len(made[ident].outputs) <= 1)
    return (ident, int(row or 0)) if is_one else None


def _about(made: Mapping[str, Outcome], entities: set[str]) -> dict[str, list[tuple[float, _Row]]]:
    """Return when which rows were about an entity, oldest first."""
    found: defaultdict[str, list[tuple[float, _Row]]] = defaultdict(list)
    for each in made.values():
        for row, entity in enumerate(each.entities):
            if entity in entities:
                found[entity].append((each.time, (each.id, row)))
    return {entity: sorted(rows) for entity, rows in found.items()}


def _latest(rows: Sequence[tuple[float, _Row]], at: float) -> _Row | None:
    """Return the newest that was made by a time."""
    place = bisect_right(rows, at, key=lambda each: each[0])
    return rows[place - 1][1] if place else None


def _score(outcome: Outcome, row: int, heard: _Said) -> _Scored | None:
    """Say how a row did; None where nothing that came back fits its answer."""
    answer = outcome.outputs[row] if row < len(outcome.outputs) else {}
    figure = None if heard.label is None else _figure(answer, heard.label.label)
    reward = None if heard.reward is None else heard.reward.reward
    if figure is None and reward is None:
        return None
    return _Scored(outcome.model, outcome.time, "label" in answer, figure, reward)


def _figure(answer: Mapping[str, Any], label: Any) -> float | None:
    if "label" in answer:
        return float(str(answer["label"]) == str(label))
    is_number = isinstance(label, int | float) and not isinstance(label, bool)
    return abs(answer["value"] - label) if is_number and "value" in answer else None
