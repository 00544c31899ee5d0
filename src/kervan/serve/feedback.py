"""What comes back about predictions, read and checked: many at once, all of them or none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from kervan.core.errors import InvalidInput, RefusedRow, did_you_mean
from kervan.package.encoding import LARGEST
from kervan.serve.body import read_json
from kervan.serve.decode import MAX_ROWS, in_words
from kervan.serve.keeper import check_entity
from kervan.serve.record import split_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIELDS = ("id", "entity", "time", "label", "reward")
LAST = 253_402_300_799  # the end of the year 9999, in seconds since 1970
LONGEST_LABEL = 1_000
_HOW = 'write {"id": "01JD…", "label": "yes"}, or "entity" and "time" instead of the id'


def decode_feedback(body: bytes) -> list[dict[str, Any]]:
    """Read the body of `POST /feedback`: one object, or a list of them; see `read_feedback`."""
    content = read_json(body)
    rows = [content] if isinstance(content, dict) else content
    if not isinstance(rows, list):
        raise InvalidInput("the body is neither an object nor a list of objects", hint=_HOW)
    return read_feedback(rows)


def read_feedback(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Check what came back, and return it as the members of `kervan.core.feedback.Feedback`.

    Raises `RefusedRow` that names the first row and field that cannot be used.
    """
    if not rows:
        raise InvalidInput("there is no feedback", hint=_HOW)
    if len(rows) > MAX_ROWS:
        raise InvalidInput(f"{len(rows):,} are too many at once", hint=f"send at most {MAX_ROWS:,}")
    return [_read(row, place) for place, row in enumerate(rows)]


def _read(row: Any, place: int) -> dict[str, Any]:
    if not isinstance(row, dict):
        _refuse(place, "", f"is {in_words(row)}, not an object", _HOW)
    for name in row:
        if name not in FIELDS:
            _refuse(place, name, "has no meaning here", did_you_mean(name, FIELDS))
        if row[name] is None:
            _refuse(place, name, "is null", "leave out what there is not")
    return {**_about(row, place), **_said(row, place)}


def _about(row: Mapping[str, Any], place: int) -> dict[str, Any]:
    """Read which prediction is meant."""
    if ("id" in row) == ("entity" in row):
        what = "is beside `entity`: say one of them" if "id" in row else "is missing, and so is `entity`"
        _refuse(place, "id", what, _HOW)
    if "id" not in row:
        check_entity(row["entity"], row=place, field="entity")
        if not isinstance(row["entity"], str) and not _is_number(row["entity"]):
            _refuse(place, "entity", "is beyond every number", "send it as a text")
        if "time" not in row:
            _refuse(place, "time", "is missing beside `entity`", "say when the prediction was there at last")
        return {"entity": row["entity"], "at": _time(row["time"], place)}
    if "time" in row:
        _refuse(place, "time", "has no meaning beside `id`", "an id names one prediction already")
    ident = row["id"]
    if not isinstance(ident, str):
        _refuse(place, "id", f"is {in_words(ident)}, not a text", _HOW)
    try:
        split_id(ident)
    except InvalidInput as error:
        _refuse(place, "id", f"{ident[:40]!r} is not a prediction's id", error.hint)
    return {"prediction": ident}


def _said(row: Mapping[str, Any], place: int) -> dict[str, Any]:
    """Read what came back: a label, a reward or both."""
    if "label" not in row and "reward" not in row:
        _refuse(place, "label", "is missing, and so is `reward`", _HOW)
    label, reward = row.get("label"), row.get("reward")
    if not isinstance(label, str | int | float | None):
        _refuse(place, "label", f"is {in_words(label)}", "send a text, a number, true or false")
    if isinstance(label, str) and len(label) > LONGEST_LABEL:
        _refuse(place, "label", f"has more than {LONGEST_LABEL} letters", "send what the model predicts")
    if isinstance(label, int | float) and not _is_number(label):
        _refuse(place, "label", "is beyond every number", "send a number that a float can hold")
    if reward is not None and (isinstance(reward, bool | str) or not _is_number(reward)):
        _refuse(place, "reward", f"is {in_words(reward)}, not a number that counts", "send a number")
    return {name: value for name, value in (("label", label), ("reward", reward)) if value is not None}


def _is_number(value: Any) -> bool:
    try:
        return bool(abs(value) <= LARGEST)
    except (TypeError, OverflowError):
        return False


def _time(value: Any, place: int) -> float:
    """Return seconds since 1970; a time without a zone is UTC."""
    hint = 'send seconds since 1970, or a time such as "2026-05-01T12:00:00Z"'
    seconds: Any = value
    if isinstance(value, datetime):
        seconds = _utc(value).timestamp()
    elif isinstance(value, str):
        try:
            seconds = _utc(datetime.fromisoformat(value)).timestamp()
        except ValueError:
            _refuse(place, "time", f"{value[:40]!r} is no time", hint)
    if isinstance(seconds, bool) or not _is_number(seconds) or not 0 <= seconds <= LAST:
        _refuse(place, "time", f"{str(value)[:40]} is no time", hint)
    return float(seconds)


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _refuse(row: int, field: str, what: str, hint: str = "") -> NoReturn:
    named = f", {field!r}:" if field else ""
    raise RefusedRow(f"row {row}{named} {what}", row=row, field=field, hint=hint)
