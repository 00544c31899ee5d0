"""Labels and rewards come back: from files, kept beside the records, joined to them when they are read."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from kervan.app.asked import as_name, read_json_rows, source_of
from kervan.app.compacted import all_segments, any_lines
from kervan.app.keeping import keeping_of
from kervan.app.predict import answering
from kervan.app.records import predictions
from kervan.app.segments import feedback_of, records_folder, seal_records
from kervan.core.errors import Corrupted, InvalidInput, NotFound, RefusedRow
from kervan.core.feedback import FORM, Feedback
from kervan.core.ports import ReadOptions
from kervan.core.schema import Type
from kervan.serve.feedback import read_feedback
from kervan.serve.keeper import keeper_of, text_of
from kervan.serve.record import row_ids
from kervan.serve.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from kervan.app.project import Project
    from kervan.core.nouns import Prediction

_AT_ONCE = 10_000
_decoder = msgspec.json.Decoder(Feedback)


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """How much feedback about an environment there is: all, and that for which no prediction is on record."""

    taken: int
    known: int
    unknown: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """One row of a recorded request, and what came back about it; `feedback` has all, oldest first."""

    id: str
    row: int
    prediction: Prediction
    label: Any
    reward: float | None
    feedback: tuple[Feedback, ...]

    @property
    def inputs(self) -> Mapping[str, Any]:
        """What was asked."""
        return self.prediction.asked(self.row)

    @property
    def outputs(self) -> Mapping[str, Any]:
        """What was answered."""
        return self.prediction.answered(self.row)


def give_feedback(project: Project, path: Path, *, environment: str = "production") -> int:
    """Keep the labels or rewards of a file, all of them or none, and return how many there are.

    Each row names a prediction by its `id`, or by `entity` (or the column that `[data]` names so) and `time`;
    `label` may be called as the model's output is. Raises `RefusedRow` that names file, row and field.
    """
    answering(project, environment)  # something must have been released there
    rows = _read(project, path, environment)
    try:
        found = read_feedback(rows)
    except RefusedRow as error:
        named = str(error).replace(f"row {error.row}", f"row {error.row + 1}", 1)
        raise RefusedRow(f"{path}: {named}", row=error.row, field=error.field, hint=error.hint) from error
    kept = _by_rules(project, found)
    recorder = Recorder(records_folder(project, feedback_of(environment)))
    try:
        for start in range(0, len(kept), _AT_ONCE):
            part = kept[start : start + _AT_ONCE]
            common = {"version": FORM, "time": time.time()}
            recorder.extend([msgspec.json.encode({**common, **row})[1:] for row in part], len(part))
            recorder.flush()
    finally:
        recorder.close()
    seal_records(project, environment)
    return len(kept)


def feedback(project: Project, environment: str, *, about: str = "") -> Iterator[Feedback]:
    """Yield all that came back about an environment's predictions, oldest first within each writer.

    `about` is a text which everything that is wanted contains, such as an id: that is quicker.
    """
    wanted = about.encode()
    for segment in all_segments(records_folder(project, feedback_of(environment))):
        for number, line in enumerate(any_lines(segment), 1):
            if not line.endswith(b"\n") or wanted not in line:
                continue
            try:
                yield _decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                hint = "restore the file from a copy"
                raise Corrupted(f"{segment.path}, line {number}: no feedback: {error}", hint=hint) from error


def labelled(
    project: Project,
    environment: str,
    *,
    model: str = "",
    since: float | None = None,
    until: float | None = None,
) -> Iterator[Labelled]:
    """Yield the rows of recorded requests about which something came back, in the order of their ids.

    `model` is a reference such as `income@1.2.0`, `since` and `until` are times in seconds since 1970. Of
    several labels for one row the one that came last counts; all of them are there.
    """
    joined = _joined(project, environment)[0]
    for prediction in predictions(project, environment, since=since, until=until) if joined else ():
        if model and prediction.model != model:
            continue
        for row, ident in enumerate(row_ids(prediction.id, prediction.rows)):
            said = _said(joined, prediction, ident)
            if said:
                label, reward = newest(said)
                yield Labelled(
                    id=ident, row=row, prediction=prediction, label=label, reward=reward, feedback=said
                )


def count_feedback(project: Project, environment: str) -> Returned:
    """Count what came back, and how much of it is about a prediction that is on record here."""
    joined, taken = _joined(project, environment)
    known = 0
    for prediction in predictions(project, environment) if joined else ():
        for ident in row_ids(prediction.id, prediction.rows):
            known += len(_said(joined, prediction, ident))
    return Returned(taken=taken, known=known, unknown=taken - known)


def feedback_about(
    project: Project, environment: str, prediction: Prediction, ident: str
) -> tuple[Feedback, ...]:
    """Return what came back about one row of a request, oldest first."""
    names = _names(prediction, ident)
    found = [each for each in feedback(project, environment, about=prediction.id) if each.prediction in names]
    entity = prediction.about(int(ident.partition(".")[2] or 0))
    if entity is not None:
        found += _about_entity(project, environment, prediction, text_of(entity))
    return _fitting(sorted(found, key=lambda each: each.id), prediction)


def newest(said: Iterable[Feedback]) -> tuple[Any, float | None]:
    """Return the label and the reward that came last."""
    label, reward = None, None
    for each in said:
        label = label if each.label is None else each.label
        reward = reward if each.reward is None else each.reward
    return label, reward


def _about_entity(
    project: Project, environment: str, prediction: Prediction, entity: str
) -> Iterator[Feedback]:
    """Yield what came back about an entity while a prediction was the newest one about it."""
    said = [
        each
        for each in feedback(project, environment)
        if not each.prediction and text_of(each.entity) == entity and each.at >= prediction.time
    ]
    if not said:
        return
    last = max(each.at for each in said)
    later = (
        each.time
        for each in predictions(project, environment, since=prediction.time, until=last + 1)
        if each.id != prediction.id
        and each.time >= prediction.time
        and entity in {text_of(each.about(row)) for row in range(each.rows)}
    )
    until = next(later, None)
    yield from (each for each in said if until is None or each.at < until)


def _joined(project: Project, environment: str) -> tuple[dict[str, list[Feedback]], int]:
    """Return what came back by the id of the row that it is about, and how much it is."""
    by_id: defaultdict[str, list[Feedback]] = defaultdict(list)
    by_entity: defaultdict[str, list[Feedback]] = defaultdict(list)
    taken = 0
    for each in feedback(project, environment):
        taken += 1
        if each.prediction:
            by_id[each.prediction].append(each)
        else:
            by_entity[text_of(each.entity)].append(each)
    if by_entity:
        _resolve(project, environment, by_entity, by_id)
    return by_id, taken


def _resolve(
    project: Project,
    environment: str,
    by_entity: Mapping[str, Sequence[Feedback]],
    by_id: defaultdict[str, list[Feedback]],
) -> None:
    """Find for each entity and time the newest prediction about it that was made by then."""
    made: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
    for prediction in predictions(project, environment):
        if prediction.entity is None:
            continue
        for row, ident in enumerate(row_ids(prediction.id, prediction.rows)):
            entity = text_of(prediction.about(row))
            if entity in by_entity:
                made[entity].append((prediction.time, ident))
    for entity, said in by_entity.items():
        there = sorted(made[entity])
        for each in said:
            place = bisect_right(there, each.at, key=lambda row: row[0])
            if place:
                by_id[there[place - 1][1]].append(each)


def _said(
    joined: Mapping[str, Sequence[Feedback]], prediction: Prediction, ident: str
) -> tuple[Feedback, ...]:
    """Return what came back about one row, oldest first, under whatever name."""
    found = [each for name in _names(prediction, ident) for each in joined.get(name, ())]
    return _fitting(sorted(found, key=lambda each: each.id), prediction)


def _fitting(said: Iterable[Feedback], prediction: Prediction) -> tuple[Feedback, ...]:
    """Leave out what its giver may not say of this model."""
    name = prediction.model.partition("@")[0]
    return tuple(each for each in said if each.model in {"", name})


def _names(prediction: Prediction, ident: str) -> set[str]:
    """Return how a row of a request may be called."""
    record, _, row = ident.partition(".")
    row = row or "0"
    return {f"{record}.{row}", record} if prediction.rows == 1 else {f"{record}.{row}"}


def _by_rules(project: Project, rows: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """Put pseudonyms in the place of entities where records have them."""
    keeping = keeping_of(project)
    keeper = keeper_of(keeping, keeping.entity)
    if keeper is None:
        return rows
    kept = [{**row, "entity": keeper.entity(row["entity"])} if "entity" in row else row for row in rows]
    if any(row.get("entity", "") is None for row in kept):
        raise InvalidInput("[records] leaves entities out", hint="name predictions by their ids")
    return kept


def _read(project: Project, path: Path, environment: str) -> list[dict[str, Any]]:
    """Read the rows of a file, with the columns under the names that feedback has for them."""
    if not path.is_file():
        raise NotFound(f"there is no file {path}", hint="check the path")
    output = answering(project, environment).signature.output
    named = {"prediction": "id", project.config.data.entity: "entity", output.name: "label"}
    source = source_of(path)
    if source is None:
        return [_given({named.get(name, name): row[name] for name in row}) for row in read_json_rows(path)]
    texts = ["id", "prediction", "time", "entity", project.config.data.entity]
    if output.type is Type.CATEGORY:
        texts += [output.name, "label"]
    settings = project.config.data
    options = ReadOptions(separator=settings.separator, missing=settings.missing, texts=tuple(texts))
    table = source.read(path, options)
    table = table.rename({name: named[name] for name in table.columns if name in named})
    if "entity" in table.columns:
        table = table.with_columns(as_name(table["entity"]))
    return [_given(row) for row in table.to_dicts()]


def _given(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what there is of a row: a table has a place for everything."""
    return {name: value for name, value in row.items() if value is not None}
