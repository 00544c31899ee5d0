"""What servers keep of requests: whom they are about, and nothing that a rule holds back."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kervan.core.feedback import FOLDER
from kervan.core.identity import new_id
from kervan.core.keeping import Keeping, pseudonym
from kervan.serve.asked import Asked
from kervan.serve.chain import check_segment, lines_of
from kervan.serve.engine import Engine
from kervan.serve.flags import Flags, flags_of
from kervan.serve.record import find, records, segments
from kervan.serve.recorder import Recorder
from kervan.serve.segment import Segments
from kervan.serve.typed import TypedReader
from serve.keyring import issue, publish
from serve.real_packages import CLASSIFICATION, ROW
from serve.recorded import keep
from serve.test_record import prediction

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kervan.core.nouns import Prediction
    from kervan.core.serving import Serving
    from serve.live import Live

KEY = bytes(range(32))
BY_CUSTOMER = Keeping(entity="müşteri")


def recorded(server: Live, ident: str) -> Prediction:
    folder = server.folder.parent / "records"
    server.until(lambda: find(folder, ident) is not None)
    found = find(folder, ident)
    assert found is not None
    return found


def ask(server: Live, body: Any) -> Prediction:
    """Ask, and return the record."""
    reply = server.predict(body)
    assert reply.status == 200, reply.body
    return recorded(server, reply.json["id"])


def test_records_say_whom_rows_are_about(live: Callable[..., Live]) -> None:
    server = live(keeping=BY_CUSTOMER)
    plain = ask(server, {"features": ROW})
    assert plain.entity is None
    assert plain.share == 1.0
    usual = ask(server, {"features": {**ROW, "müşteri": "C-1"}})
    odd = ask(server, {"müşteri": "C: 1", **ROW})  # a colon: not the fast reader's
    many = ask(server, [{**ROW, "müşteri": 17}, ROW])
    unusual = ask(server, [{**ROW, "müşteri": 17}, {**ROW, "0": None}])
    assert [usual.entity, odd.entity, many.entity] == ["C-1", "C: 1", [17, None]]
    assert [many.about(0), many.about(1), usual.about(0)] == [17, None, "C-1"]
    assert unusual.entity == [17, None]
    for each in (plain, usual, odd, many, unusual):
        assert dict(each.inputs[0]) == ROW
    for wrong in ({"a": 1}, [1], "x" * 257):
        reply = server.predict([ROW, {**ROW, "müşteri": wrong}])
        assert reply.status == 422
        assert (reply.json["row"], reply.json["field"]) == (1, "müşteri")


def test_an_input_can_be_what_rows_are_about(live: Callable[..., Live]) -> None:
    server = live(keeping=Keeping(entity="şehir adı"))
    assert ask(server, ROW).entity == "İstanbul"
    assert ask(server, [list(ROW.values())] * 2).entity == ["İstanbul"] * 2
    assert ask(server, {**ROW, "şehir adı": "Mersin"}).entity == "Mersin"


@given(
    rows=st.lists(st.sampled_from(["C1", 7, None, ""]), min_size=1, max_size=3),
    envelope=st.booleans(),
)
def test_the_fast_reader_sees_whom_rows_are_about(rows: list[Any], envelope: bool) -> None:
    reader = TypedReader(CLASSIFICATION, "müşteri")
    body: Any = [ROW if each == "" else {**ROW, "müşteri": each} for each in rows]
    read = reader.read(json.dumps({"features": body} if envelope else body).encode())
    assert read is not None
    encoded, sent, about = read
    assert [len(row) for row in encoded] == [len(ROW)] * len(rows)
    assert json.loads(sent) == [ROW] * len(rows)
    said = [each or None for each in rows]
    assert (json.loads(about) if about else None) == (
        None if not any(said) else said[0] if len(said) == 1 else said
    )


def test_columns_are_left_out_and_hashed_before_they_reach_the_disk(
    live: Callable[..., Live], tmp_path: Path
) -> None:
    key = tmp_path / "records.key"
    key.write_bytes(KEY)
    rules = Keeping(
        entity="müşteri", leave_out=("şehir adı",), hash=("müşteri", "tür", "yaş"), hash_key=str(key)
    )
    server = live(keeping=rules)
    for body in ({**ROW, "müşteri": "Ada: 1"}, {"features": {**ROW, "müşteri": "Ada: 1"}}):
        found = ask(server, body)
        assert found.entity == pseudonym("Ada: 1", KEY)
        assert found.withheld == ("tür", "yaş", "şehir adı")
        assert dict(found.inputs[0]) == {
            "yaş": pseudonym("39", KEY),
            "0": 1.5,
            "tür": pseudonym("a", KEY),
            "evli": True,
        }
        assert found.outputs
    text = b"".join(path.read_bytes() for path in (tmp_path / "records").glob("*.jsonl")).decode()
    assert "Ada" not in text
    assert "İstanbul" not in text
    exposition = server.ask("GET", "/metrics").body.decode()
    assert 'kervan_records_dropped_total{reason="leave_out"} 2.0' in exposition
    (segment,) = segments(tmp_path / "records")
    assert check_segment(segment, lines_of(segment.path), {}, after="").linked == 2


def test_of_a_share_of_the_requests_the_inputs_are_kept(
    serving: Callable[..., Serving], tmp_path: Path
) -> None:
    engine = Engine(replace(serving(), keeping=Keeping(sample=0.25)))
    keeper = engine.current.keeper
    assert keeper is not None
    recorder = Recorder(tmp_path / "many", engine.metrics)
    for _ in range(400):
        keep(recorder, prediction(2), keeper)
    recorder.close()
    engine.close()
    found = list(records(tmp_path / "many"))
    assert len(found) == 400
    whole = [each for each in found if each.inputs]
    assert 60 < len(whole) < 150  # 100 on the average, ± 6 deviations
    assert {each.withheld for each in found if not each.inputs} == {("*",)}
    assert all(each.rows == 2 and len(each.outputs) == 2 for each in found)
    dropped = 400 - len(whole)
    assert (
        f'kervan_records_dropped_total{{reason="sample"}} {dropped}.0'.encode() in engine.metrics.exposition()
    )
    gone = next(each for each in found if not each.inputs)
    assert find(tmp_path / "many", f"{gone.id}.1") == gone
    assert flags_of(gone, 1, CLASSIFICATION) == Flags()


def test_flags_are_known_of_what_is_on_record(serving: Callable[..., Serving]) -> None:
    engine = Engine(serving())
    server = engine.current
    from kervan.core.ports import Request

    rows = [{**ROW, "şehir adı": "Mersin", "0": None}, ROW]
    ident = engine.answer(server, Request(rows=rows), Asked(protocol="predict")).id
    engine.close()
    found = find(server.recorder.folder, ident)
    assert found is not None
    assert flags_of(found, 0, CLASSIFICATION) == Flags(unseen=("şehir adı",), missing=("0",))
    assert flags_of(found, 1, CLASSIFICATION) == Flags()
    withheld = replace(found, withheld=("0", "şehir adı"))
    assert flags_of(withheld, 0, CLASSIFICATION) == Flags()


def test_a_segment_is_closed_by_its_age(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, sheets=Segments(tmp_path, seconds=0.2))
    made = [keep(recorder, prediction())]
    recorder.flush()
    deadline = time.monotonic() + 10
    while recorder._segments.seconds_left is not None:  # nobody writes: it is closed all the same
        assert time.monotonic() < deadline
        time.sleep(0.02)
    made.append(keep(recorder, prediction()))
    recorder.close()
    found = segments(tmp_path)
    assert len(found) == 2
    assert list(records(tmp_path)) == made
    first = check_segment(found[0], lines_of(found[0].path), {}, after="")
    assert check_segment(found[1], lines_of(found[1].path), {}, after=first.last).linked == 1


def feedback_lines(server: Live) -> list[dict[str, Any]]:
    folder = server.folder.parent / "records" / FOLDER
    return [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in lines_of(path)]


def test_what_comes_back_is_kept(live: Callable[..., Live]) -> None:
    server = live(keeping=BY_CUSTOMER)
    ident = server.predict(ROW).json["id"]
    unknown = new_id()
    one = server.ask("POST", "/feedback", {"id": ident, "label": ">50K"})
    assert one.status == 202
    many = server.ask(
        "POST",
        "/feedback",
        [
            {"id": f"{unknown}.3", "label": True, "reward": -1.5},
            {"entity": 17, "time": "2026-05-01T12:00:00+02:00", "reward": 2},
            {"entity": "C1", "time": 1.5, "label": 3.25},
        ],
    )
    assert many.json["taken"] == 3
    server.until(lambda: len(feedback_lines(server)) == 4)
    lines = feedback_lines(server)
    assert [each["id"] for each in lines] == [*one.json["ids"], *many.json["ids"]]
    assert lines[0]["prediction"] == ident
    assert lines[0]["label"] == ">50K"
    assert (lines[1]["prediction"], lines[1]["label"], lines[1]["reward"]) == (f"{unknown}.3", True, -1.5)
    assert (lines[2]["entity"], lines[2]["at"]) == (17, 1777629600.0)
    assert "kervan_feedback_total 4.0" in server.ask("GET", "/metrics").body.decode()
    (segment,) = segments(server.folder.parent / "records" / FOLDER)
    assert check_segment(segment, lines_of(segment.path), {}, after="").linked == 4


BAD = [
    ({"label": "x"}, "id"),
    ({"id": "x", "label": "x"}, "id"),
    ({"id": 7, "label": "x"}, "id"),
    ({"id": "0" * 26}, "label"),
    ({"id": "0" * 26, "label": None}, "label"),
    ({"id": "0" * 26, "label": ["x"]}, "label"),
    ({"id": "0" * 26, "label": "x" * 1001}, "label"),
    ({"id": "0" * 26, "label": 10**400}, "label"),
    ({"id": "0" * 26, "reward": "good"}, "reward"),
    ({"id": "0" * 26, "reward": True}, "reward"),
    ({"id": "0" * 26, "label": 1, "time": 1}, "time"),
    ({"id": "0" * 26, "entity": 1, "label": 1}, "id"),
    ({"entity": 1, "label": 1}, "time"),
    ({"entity": {}, "time": 1, "label": 1}, "entity"),
    ({"entity": 1, "time": "gestern", "label": 1}, "time"),
    ({"entity": 1, "time": -1, "label": 1}, "time"),
    ({"entity": 1, "time": True, "label": 1}, "time"),
    ({"entity": 1, "time": 10**400, "label": 1}, "time"),
    ({"id": "0" * 26, "lable": 1}, "lable"),
    (["0" * 26, 1], ""),
]


@pytest.mark.parametrize(("row", "field"), BAD, ids=lambda each: str(each)[:40])
def test_what_is_no_feedback_is_refused_whole(shared: Live, row: Any, field: str) -> None:
    reply = shared.ask("POST", "/feedback", [{"id": new_id(), "label": "x"}, row])
    assert reply.status in {400, 422}, reply.body
    if reply.status == 422:
        assert (reply.json["row"], reply.json["field"]) == (1, field)
        assert reply.json["hint"]
    for body in (b"", b"[]", b"7", b"{", b"[[]]"):
        assert shared.ask("POST", "/feedback", body).status in {400, 415, 422}
    assert not (shared.folder / "records" / FOLDER).exists()


def test_feedback_needs_its_scope_and_may_be_for_one_model(live: Callable[..., Live], tmp_path: Path) -> None:
    keys = tmp_path / "access.json"
    (everything, all_), (one, own), (other, foreign), (none, predict) = (
        issue("feedback"),
        issue("feedback:gelir"),
        issue("feedback:kira"),
        issue("predict"),
    )
    publish(keys, everything, one, other, none)
    server = live(keys=str(keys))
    body = {"id": new_id(), "label": "x"}

    def give(token: str, path: str = "/feedback") -> int:
        headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
        return server.ask("POST", path, body, headers).status

    assert server.ask("POST", "/feedback", body).status == 401
    assert [give(each) for each in (all_, own, foreign, predict)] == [202, 202, 403, 403]
    assert give(foreign, "/models/kira/feedback") == 404
    assert give(own, "/models/kira/feedback") == 403
    assert give(all_, "/models/gelir/feedback") == 202
    server.until(lambda: len(feedback_lines(server)) == 3)
    assert [(each["model"], each["caller"]) for each in feedback_lines(server)] == [
        ("", everything.id),
        ("gelir", one.id),
        ("gelir", everything.id),
    ]
