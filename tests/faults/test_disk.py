"""Full disks, read-only folders, files that change, are gone or were altered: said in words, mended later."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from faults.killing import ROW, UNRELEASED, is_well
from journeys.home import SETTINGS, Home, as_csv, customers

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    Disk = Callable[[str], AbstractContextManager[Path]]

SIZES = (24, 64, 128, 192, 256, 320, 448, 640, 1024)  # KiB


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


@pytest.mark.slow
def test_a_full_disk_is_said_in_words_and_with_room_all_is_well(small_disk: Disk) -> None:
    failures = 0
    with small_disk("size=4g") as folder:
        for size in SIZES:
            home = Home(folder).start(150, UNRELEASED)
            remount(folder, f"size={size}k")
            full = home.ask("run", "--quiet", code=None)
            if full.code:
                failures += 1
                assert full.code == 6, f"{size} KiB: {full.err}"
                assert "free some space" in full.err, f"{size} KiB: {full.err}"
            remount(folder, "size=4g")
            home.ask("run", "--quiet")
            is_well(home)
            assert [model["version"] for model in home.ask("models", "--json").json] == ["1.0.0"]
            shutil.rmtree(folder / ".kervan")
    assert failures >= 4


def test_a_folder_that_cannot_be_written_is_named(small_disk: Disk) -> None:
    with small_disk("size=64m") as folder:
        home = Home(folder).start(150, UNRELEASED)
        remount(folder, "ro")
        reply = home.ask("run", "--quiet", code=6)
        assert str(folder) in reply.err
        assert "make the folder writable" in reply.err
        assert "Read-only file system" in home.ask("init", "yeni", code=6).err
        remount(folder, "rw")
        home.ask("run", "--quiet")
        remount(folder, "ro")
        for command in (["models"], ["data"], ["runs"], ["audit"], ["settings"]):
            reply = home.ask(*command, code=None)
            assert reply.code in {0, 6}
            assert "bug" not in reply.err


def test_a_table_that_changes_while_it_is_read_is_refused(home: Home) -> None:
    home.start(10, UNRELEASED)
    table = home.write("müşteriler.csv", as_csv(customers(2_000) * 200))
    done = threading.Event()

    def write() -> None:
        with table.open("a", encoding="utf-8") as file:
            while not done.is_set():
                file.write("MÜŞ,30,Ankara,1.0,,evet\n")
                file.flush()
                time.sleep(0.001)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        reply = home.ask("run", "--quiet", code=2)
    finally:
        done.set()
        writer.join()
    assert "müşteriler.csv changed while it was read" in reply.err
    assert "try again" in reply.err
    assert home.ask("data", "--json").json == []


def test_a_file_of_the_store_that_is_gone_or_altered_is_named(lived: Home) -> None:
    lived.ask("release")
    answer = lived.predict(ROW)
    time.sleep(0.3)
    model = lived.ask("models", "müşteri-kaybı", "--json").json
    manifest = lived.ask("trace", answer["id"], "--json").json["prediction"]["package"]
    path = lived.folder / ".kervan" / "blobs" / manifest[:2] / manifest[2:]
    kept = path.read_bytes()
    for content, message in ((kept[:-1] + b"!", "was altered"), (None, "is gone")):
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
        traced = lived.ask("trace", answer["id"], code=None)
        assert traced.code in {3, 6}
        assert manifest in traced.err
        assert message in traced.err
        assert "restore" in traced.err
        (failed,) = [
            each for each in lived.ask("doctor", "--json", code=6).json if each["verdict"] == "failed"
        ]
        assert manifest in failed["message"]
        assert message in failed["message"]
        assert f"of müşteri-kaybı@{model['version']}" in failed["message"]
        assert lived.predict(ROW)["label"] == answer["label"]  # what is loaded goes on answering
        path.write_bytes(kept)
    is_well(lived)


def test_a_package_that_was_altered_in_the_cache_is_laid_out_anew(lived: Home) -> None:
    for path in (lived.folder / ".kervan" / "cache").rglob("*.onnx"):
        path.write_bytes(b"x")
    lived.ask("release")
    assert lived.predict(ROW)["label"] in {"evet", "hayır"}


def test_a_cached_result_that_is_gone_is_made_again(lived: Home) -> None:
    cache, blobs = lived.folder / ".kervan" / "cache", lived.folder / ".kervan" / "blobs"
    digests = {sha256(path.read_bytes()).hexdigest() for path in cache.rglob("*.onnx")}
    shutil.rmtree(cache)
    assert digests
    for digest in digests:
        (blobs / digest[:2] / digest[2:]).unlink()
    found = lived.ask("run", "--quiet", "--json").json
    assert found["model"] == "müşteri-kaybı@1.0.0"
    is_well(lived)


def test_what_is_no_catalog_is_said_in_words(home: Home) -> None:
    home.start(150, SETTINGS)
    home.write(".kervan/catalog.sqlite", b"this is no database" * 100)
    reply = home.ask("models", code=6)
    assert "not a database" in reply.err
    assert "backup" in reply.err
