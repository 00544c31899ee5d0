from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from kervan.core.errors import Corrupted, InvalidInput, StorageFailed
from kervan.core.identity import id_time, new_id
from kervan.core.nouns import Prediction
from kervan.serve.chain import is_open
from kervan.serve.record import find, records, row_ids, segments
from kervan.serve.recorder import Recorder
from kervan.serve.segment import Segments
from serve.disk import small_disk
from serve.recorded import keep


def prediction(rows: int = 1, **inputs: Any) -> Prediction:
    return Prediction(
        id=new_id(),
        time=time.time(),
        environment="production",
        deployment="D1",
        model="gelir@1.0.0",
        package="sha",
        protocol="predict",
        request="",
        seconds=0.001,
        inputs=({"şehir": 'İstanbul\n"ı"', **inputs},) * rows,
        outputs=({"value": 1.0},) * rows,
    )


def write(folder: Path, count: int, **options: Any) -> list[Prediction]:
    recorder = Recorder(folder, **options)
    made = [keep(recorder, prediction()) for _ in range(count)]
    recorder.close()
    return made


def test_what_was_appended_is_read_in_order(tmp_path: Path) -> None:
    made = write(tmp_path / "a" / "b", 1000)
    assert list(records(tmp_path / "a" / "b")) == made


def test_a_folder_without_records_has_none(tmp_path: Path) -> None:
    assert list(records(tmp_path / "missing")) == []
    assert find(tmp_path / "missing", new_id()) is None


def test_segments_rotate_and_everything_is_found(tmp_path: Path) -> None:
    made: list[Prediction] = []
    recorder = Recorder(tmp_path, sheets=Segments(tmp_path, most=2_000))
    for _ in range(12):
        made += [keep(recorder, prediction()) for _ in range(10)]
        recorder.flush()
    recorder.close()
    assert len(list(tmp_path.iterdir())) > 5
    assert list(records(tmp_path)) == made
    assert [find(tmp_path, one.id) for one in made] == made
    assert find(tmp_path, new_id()) is None
    assert find(tmp_path, "0" * 26) is None


def test_a_segment_that_looks_closed_does_not_grow_any_more(tmp_path: Path) -> None:
    """Whoever seals it looks at any moment, also in the one in which it is begun."""
    sheets = Segments(tmp_path, most=1)
    closed: dict[Path, int] = {}
    is_over = threading.Event()

    def look() -> None:
        while not is_over.is_set():
            for segment in segments(tmp_path):
                if segment.path not in closed and not is_open(segment.path):
                    closed[segment.path] = segment.path.stat().st_size

    with ThreadPoolExecutor(1) as threads:
        looking = threads.submit(look)
        recorder = Recorder(tmp_path, sheets=sheets)
        for _ in range(150):
            keep(recorder, prediction())
            recorder.flush()
        recorder.close()
        is_over.set()
        looking.result()
    assert len(closed) > 100
    assert {path: path.stat().st_size for path in closed} == closed


def test_two_writers_share_a_folder_and_are_read_as_one(tmp_path: Path) -> None:
    first, second = Recorder(tmp_path), Recorder(tmp_path)
    made = [keep(first if place % 3 else second, prediction()) for place in range(50)]
    first.close()
    second.close()
    assert list(records(tmp_path)) == made
    assert all(find(tmp_path, one.id) == one for one in made)


def test_since_and_until_cut_by_the_time_in_the_id(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    made = []
    for _ in range(20):
        made.append(keep(recorder, prediction()))
        time.sleep(0.002)
    recorder.close()
    since, until = id_time(made[5].id), id_time(made[15].id)
    assert list(records(tmp_path, since=since, until=until)) == made[5:15]
    assert list(records(tmp_path, since=until)) == made[15:]
    assert list(records(tmp_path, until=since)) == made[:5]


def test_rows_of_a_request_are_found_by_their_number(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    one, many = keep(recorder, prediction()), keep(recorder, prediction(3))
    recorder.close()
    assert find(tmp_path, f"{many.id}.2") == many
    assert find(tmp_path, f"{many.id}.3") is None
    assert find(tmp_path, f"{one.id}.0") == one
    assert [find(tmp_path, ident) for ident in row_ids(many.id, 3)] == [many] * 3


@pytest.mark.parametrize("ident", ["", "x", "../../etc", "0" * 25 + "i", "0" * 26 + ".", "0" * 26 + ".-1"])
def test_what_is_no_id_is_said_so(tmp_path: Path, ident: str) -> None:
    with pytest.raises(InvalidInput, match="not a prediction's id"):
        find(tmp_path, ident)


def test_a_torn_last_line_is_skipped_and_not_continued(tmp_path: Path) -> None:
    made = write(tmp_path, 10)
    segment = next(tmp_path.iterdir())
    content = segment.read_bytes()
    for cut in (1, 5, 100, 200):
        segment.write_bytes(content[:-cut])
        assert list(records(tmp_path)) == made[:9]
        assert find(tmp_path, made[9].id) is None
        assert find(tmp_path, made[8].id) == made[8]
    more = write(tmp_path, 3)
    assert list(records(tmp_path)) == made[:9] + more


def test_a_line_that_was_altered_is_named(tmp_path: Path) -> None:
    made = write(tmp_path, 10)
    segment = next(tmp_path.iterdir())
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join([*lines[:4], b"nonsense\n", *lines[5:]]))
    with pytest.raises(Corrupted, match=segment.name):
        list(records(tmp_path))
    with pytest.raises(Corrupted, match=segment.name):
        [find(tmp_path, one.id) for one in made]


def test_one_among_many_is_found_without_reading_all(tmp_path: Path) -> None:
    base = json.loads(
        '{"id":"","time":1.0,"environment":"e","deployment":"d","model":"m@1.0.0","package":"p"}'
    )
    rest = '"protocol":"predict","request":"","seconds":0.1,"inputs":[{"a":1}],"outputs":[{"value":1.0}]}'
    head = json.dumps(base, separators=(",", ":"))[7:-1]
    ids = [new_id() for _ in range(100_000)]
    lines = [f'{{"id":"{ident}{head},{rest}\n' for ident in ids]
    (tmp_path / f"{ids[0]}.W.jsonl").write_text("".join(lines))
    for place in (0, 1, 49_999, 99_998, 99_999):
        found = find(tmp_path, ids[place])
        assert found is not None
        assert found.id == ids[place]
    del lines[50_000]
    (tmp_path / f"{ids[0]}.W.jsonl").write_text("".join(lines))
    assert find(tmp_path, ids[50_000]) is None


def test_flush_waits_until_the_disk_has_it(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    one = keep(recorder, prediction())
    recorder.flush()
    assert list(records(tmp_path)) == [one]
    recorder.close()
    with pytest.raises(StorageFailed):
        keep(recorder, prediction())


def test_too_many_waiting_rows_are_refused_and_counted(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, limit=10)
    keep(recorder, prediction(8))
    with pytest.raises(StorageFailed, match="too many records wait"):
        keep(recorder, prediction(8))
    recorder.flush()
    keep(recorder, prediction(8))
    recorder.close()
    assert len(list(records(tmp_path))) == 2


def test_a_folder_that_is_none_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed, match="cannot be recorded in"):
        Recorder(tmp_path / "file")


def test_a_full_disk_refuses_and_recovers_without_loss(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "256k") as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(b"x" * 180_000)
        recorder = Recorder(disk / "records")
        accepted = []
        with pytest.raises(StorageFailed, match="No space left"):  # noqa: PT012 - whichever append it is
            for _ in range(10_000):
                accepted.append(keep(recorder, prediction(note="x" * 200)))
                time.sleep(0.0005)
        with pytest.raises(StorageFailed):
            recorder.flush()
        assert recorder.failure
        assert list(records(disk / "records")) == accepted[: len(list(records(disk / "records")))]
        ballast.unlink()
        deadline = time.monotonic() + 10
        while recorder.failure and time.monotonic() < deadline:
            time.sleep(0.05)
        last = keep(recorder, prediction())
        recorder.close()
        assert list(records(disk / "records")) == [*accepted, last]


def test_a_read_only_disk_is_refused_at_the_start(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "256k") as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with pytest.raises(StorageFailed, match="Read-only file system"):
            Recorder(disk / "records")


def test_what_cannot_be_written_at_the_end_is_said(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "64k") as disk:
        recorder = Recorder(disk)
        keep(recorder, prediction(note="x" * 100_000))
        with pytest.raises(StorageFailed, match="1 prediction records are lost: No space left"):
            recorder.close()


def test_a_reader_sees_whole_records_while_a_writer_writes(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    many = 2_000
    counts = []

    def read() -> None:
        while not counts or counts[-1] < many:
            counts.append(sum(1 for _ in records(tmp_path)))

    reader = threading.Thread(target=read)
    reader.start()
    for place in range(many):
        keep(recorder, prediction())
        if place % 32 == 0:
            time.sleep(0.002)
    recorder.close()
    reader.join(timeout=30)
    assert counts == sorted(counts)
    assert counts[-1] == many


def _replace(segment: Path) -> None:
    copy = segment.with_suffix(".copy")
    copy.write_bytes(segment.read_bytes())
    copy.replace(segment)


VANISHING = {
    "removed": Path.unlink,
    "its folder": lambda segment: shutil.rmtree(segment.parent),
    "renamed": lambda segment: segment.rename(segment.with_suffix(".away")),
    "replaced": _replace,
    "emptied": lambda segment: segment.write_bytes(b""),
    "grown": lambda segment: segment.write_bytes(segment.read_bytes() + b"\n"),
}


@pytest.mark.parametrize("what", VANISHING)
def test_records_go_on_where_their_file_is_taken_away(
    what: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "records"
    recorder = Recorder(folder)
    keep(recorder, prediction())
    recorder.flush()
    (segment,) = folder.iterdir()
    VANISHING[what](segment)
    later = []
    for _ in range(3):
        later.append(keep(recorder, prediction()))
        recorder.flush()
    recorder.close()
    assert [find(folder, one.id) for one in later] == later
    assert not recorder.failure
    assert "removed or altered" in caplog.text


def test_where_no_new_file_can_be_made_requests_are_refused_until_it_can(tmp_path: Path) -> None:
    folder = tmp_path / "records"
    recorder = Recorder(folder)
    keep(recorder, prediction())
    recorder.flush()
    shutil.rmtree(folder)
    folder.write_text("in the way")
    kept = keep(recorder, prediction())
    with pytest.raises(StorageFailed, match="records wait to be written"):
        recorder.flush()
    with pytest.raises(StorageFailed, match="cannot be recorded"):
        keep(recorder, prediction())
    folder.unlink()
    deadline = time.monotonic() + 30
    while recorder.failure and time.monotonic() < deadline:
        time.sleep(0.05)
    recorder.close()
    assert list(records(folder)) == [kept]


def test_a_record_of_a_newer_form_is_left_to_a_newer_kervan(tmp_path: Path) -> None:
    made = write(tmp_path, 1)
    segment = next(tmp_path.iterdir())
    segment.write_bytes(segment.read_bytes().replace(b'"version":1', b'"version":99'))
    with pytest.raises(InvalidInput, match="a record of form 99") as caught:
        find(tmp_path, made[0].id)
    assert caught.value.hint == "upgrade Kervan"
