"""Records as Parquet: found, traced, compared and checked as before, and removed by the rules, on record."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import polars as pl
import pytest

from journeys.home import SETTINGS
from kervan.app.compacted import all_segments, any_lines, compact, find_any, read_any
from kervan.app.keeping import compact_records
from kervan.app.project import open_project
from kervan.app.records import predictions
from kervan.core.errors import StorageFailed
from kervan.core.identity import first_id, new_id
from kervan.serve.record import merged, records, segments
from kervan.serve.recorder import Recorder
from kervan.serve.segment import Segments
from serve.recorded import keep
from serve.test_record import prediction

if TYPE_CHECKING:
    from pathlib import Path

    from journeys.home import Home
    from kervan.app.compacted import About
    from kervan.core.nouns import Prediction

pytestmark = pytest.mark.sampled

ROW = {"yaş": 30, "şehir": "ısparta", "gelir": 10_000.0, "0": None}


# As no server writes it, but a record all the same.
FOREIGN = (
    '{"id":"ID","time":1,"environment":"e","deployment":"d","model":"m@1.0.0","package":"p","protocol":"x",'
    '"request":"", "seconds":1e-1,"outputs":[{"inputs":2}],"inputs":[{"a":1.50}]}\n'
)


def unheard(told: About, digest: str) -> None:
    assert len(told.sha256) == len(digest)


def write(folder: Path, count: int, *, apart: bool = False) -> list[Prediction]:
    """Write records, with `apart` each into a segment of its own."""
    recorder = Recorder(folder, sheets=Segments(folder, most=1) if apart else None)
    made = []
    for _ in range(count):
        made.append(keep(recorder, prediction(2, note="x" * 50, inputs={"chain": '"inputs":'})))
        if apart:
            recorder.flush()
    recorder.close()
    return made


@pytest.mark.parametrize("torn", [b"", b'{"id":"01', b"\xff"])
def test_every_line_comes_back_as_it_was_written(tmp_path: Path, torn: bytes) -> None:
    made = write(tmp_path, 50)
    (segment,) = segments(tmp_path)
    foreign = FOREIGN.replace("ID", new_id())
    with segment.path.open("ab") as file:
        file.write(foreign.encode() + torn)
    written = segment.path.read_bytes()
    compact(segment, unheard)
    (compacted,) = all_segments(tmp_path)
    assert compacted.path.suffix == ".parquet"
    assert compacted.name == segment.path.name
    assert not segment.path.exists()
    assert b"".join(any_lines(compacted)) == written
    assert list(read_any(compacted))[:50] == made
    assert [find_any(compacted, each.id) for each in made] == made
    assert find_any(compacted, new_id()) is None


def test_both_forms_are_read_as_one(tmp_path: Path) -> None:
    made = write(tmp_path, 12, apart=True)
    found = segments(tmp_path)
    assert len(found) == 12
    for segment in found[::2]:
        compact(segment, unheard)
    mixed = all_segments(tmp_path)
    assert list(merged(mixed, read_any)) == made
    since = made[5].time
    assert list(merged(mixed, read_any, since)) == [each for each in made if each.id >= first_id(since)]
    # What was listed before it was compacted is read all the same.
    assert list(merged(found, read_any)) == made
    assert [find_any(segment, segment.first) for segment in found] == made
    assert len(list(records(tmp_path))) == 6  # the server's own reader knows the lines alone


def test_others_read_the_files(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    made = write(tmp_path, 5)
    path = compact(segments(tmp_path)[0], unheard)
    table = pl.read_parquet(path)
    assert table["id"].to_list() == [each.id for each in made]
    assert table["rows"].to_list() == [2] * 5
    (city,) = duckdb.sql(f"SELECT inputs->0->>'şehir' FROM '{path}' WHERE id = '{made[3].id}'").fetchall()[0]
    assert city == 'İstanbul\n"ı"'


def test_a_project_works_over_both_forms(lived: Home) -> None:
    lived.ask("release")
    answers = [lived.predict({**ROW, "yaş": 20 + age}) for age in range(3)]
    assert lived.ask("records", "--json").json[0]["state"] == "open"
    assert lived.ask("records", "compact", "--json").json == []
    lived.ask("release", "--stop")
    assert [each["state"] for each in lived.ask("records", "--json").json] == ["closed"]
    lived.ask("release")  # compacts what is closed
    answers += [lived.predict(ROW) for _ in range(2)]
    listed = lived.ask("records", "--json").json
    assert [(each["state"], each["records"]) for each in listed] == [("compacted", 3), ("open", 2)]
    for answer in answers:
        assert lived.ask("trace", answer["id"], "--json").json["asked"]["id"] == answer["id"]
    lived.write("çok.json", json.dumps([ROW] * 100))
    lived.ask("predict", "üretim", "-f", "çok.json", "--json")
    report = lived.ask("drift", "üretim", "--json").json
    assert report["body"]["rows"] == 105
    told = lived.ask("audit", "verify").out
    assert "2 files of prediction records hold, 1 of them on the trail" in told
    (path,) = lived.folder.glob(".kervan/predictions/üretim/*.parquet")
    assert path.stat().st_mode & 0o077 == 0


def test_a_file_that_cannot_be_announced_stays_as_it_was(tmp_path: Path) -> None:
    made = write(tmp_path, 3)

    def refuse(_told: About, _digest: str) -> None:
        raise StorageFailed("the catalog is full")

    with pytest.raises(StorageFailed):
        compact(segments(tmp_path)[0], refuse)
    assert list(records(tmp_path)) == made
    assert len(list(tmp_path.iterdir())) == 1


def test_several_compact_at_once_while_others_read(lived: Home) -> None:
    folder = lived.folder / ".kervan" / "predictions" / "üretim"
    made = write(folder, 8, apart=True)
    counts: list[int] = []

    def work() -> None:
        project = open_project(lived.folder)
        counts.append(len(compact_records(project, "üretim")))
        assert list(predictions(project, "üretim")) == made
        project.store.close()

    with ThreadPoolExecutor(3) as pool:
        for each in [pool.submit(work) for _ in range(3)]:
            each.result()
    assert sum(counts) == len(list(folder.glob("*.parquet"))) == 8
    assert "8 files of prediction records hold, 8 of them" in lived.ask("audit", "verify").out


def test_what_a_crash_leaves_is_read_and_made_good(lived: Home) -> None:
    lived.ask("release")
    ident = lived.predict(ROW)["id"]
    lived.ask("release", "--stop")
    (lines,) = lived.folder.glob(".kervan/predictions/üretim/*.jsonl")
    before = lines.read_bytes()
    lived.ask("records", "compact")
    assert not lines.exists()
    lines.write_bytes(before)  # it was killed before it took the lines away
    lines.with_name(f".{lines.stem}.parquet.1").write_bytes(b"half")
    assert [each["state"] for each in lived.ask("records", "--json").json] == ["closed"]
    lived.ask("trace", ident)
    assert len(lived.ask("records", "compact", "--json").json) == 1
    assert not lines.exists()
    lived.ask("trace", ident)
    lived.ask("audit", "verify")


def test_what_is_altered_in_a_compacted_file_shows(lived: Home) -> None:
    lived.ask("release")
    ident = lived.predict(ROW)["id"]
    lived.ask("release", "--stop")
    lived.ask("records", "compact")
    lived.ask("audit", "verify")
    (path,) = lived.folder.glob(".kervan/predictions/üretim/*.parquet")
    whole = path.read_bytes()
    table, told = pl.read_parquet(path), pl.read_parquet_metadata(path)
    altered = table.with_columns(pl.col("inputs").str.replace("ısparta", "ankara"))
    altered.write_parquet(path, metadata={"kervan": told["kervan"]})
    assert path.name in lived.ask("audit", "verify", code=6).err
    assert path.name in lived.ask("trace", ident, code=6).err
    for content in (whole[:-100], b"", whole[:100] + b"x" + whole[101:]):
        path.write_bytes(content)
        assert path.name in lived.ask("audit", "verify", code=6).err
    path.unlink()
    assert "was removed" in lived.ask("audit", "verify", code=6).err
    path.write_bytes(whole)
    lived.ask("audit", "verify")


def test_what_is_too_old_or_too_much_goes_on_record(lived: Home) -> None:
    folder = lived.folder / ".kervan" / "predictions" / "üretim"
    made = write(folder, 4, apart=True)
    server = Recorder(folder)
    made.append(keep(server, prediction()))
    server.flush()
    lived.ask("records", "compact")

    def left() -> list[Prediction]:
        project = open_project(lived.folder)
        found = list(predictions(project, "üretim"))
        project.store.close()
        return found

    assert lived.ask("records", "clean", "--json").json == []  # no rule, nothing goes
    sizes = [each["size"] for each in lived.ask("records", "--json").json]
    lived.write("kervan.toml", SETTINGS + f'[records]\nkeep_size = "{sum(sizes) - sizes[0]} B"\n')
    would = lived.ask("records", "clean", "--dry-run", "--json").json
    assert len(would) == 1
    assert left() == made
    assert lived.ask("records", "clean", "--json").json == would
    assert left() == made[1:]
    assert "1 more were removed by the rules" in lived.ask("audit", "verify").out
    assert "keep_size" in lived.ask("audit").out
    first = next(folder.glob("*.parquet"))
    first.rename(first.with_suffix(".away"))  # by hand, not by a rule
    assert "was removed" in lived.ask("audit", "verify", code=6).err
    first.with_suffix(".away").rename(first)
    lived.write("kervan.toml", SETTINGS + '[records]\nkeep = "1s"\n')
    while time.time() < made[-1].time + 1.05:
        time.sleep(0.02)
    assert len(lived.ask("records", "clean", "--json").json) == 3
    assert left() == made[4:]  # a server still writes there
    server.close()
    assert len(lived.ask("records", "clean", "--json").json) == 1
    assert left() == []
    assert "5 more were removed" in lived.ask("audit", "verify").out


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ('keep = "bald"', "keep"),
        ('keep = "0d"', "nothing would be kept"),
        ('keep_size = "viel"', "keep_size"),
        ("sample = 1.5", "sample"),
        ('leave_out = ["yaş"]\nhash = ["yaş"]', "'yaş'"),
    ],
)
def test_rules_that_cannot_be_are_refused(lived: Home, rule: str, said: str) -> None:
    lived.write("kervan.toml", SETTINGS + f"[records]\n{rule}\n")
    for command in (("release",), ("run",)):
        assert said in lived.ask(*command, "--json", code=2).problem["message"]


def test_drift_compares_what_is_on_record_as_it_was_sent(lived: Home) -> None:
    lived.write("kervan.toml", SETTINGS + '[records]\nleave_out = ["yaş"]\nhash = ["şehir"]\n')
    lived.ask("release")
    lived.write("çok.json", json.dumps([ROW] * 100))
    lived.ask("predict", "üretim", "-f", "çok.json", "--json")
    told = lived.ask("drift", "üretim", "--json")
    assert {each["name"] for each in told.json["body"]["columns"]} == {"gelir", "0"}
    assert "not compared" in told.err
