"""Rendered files in a folder: all or none, and none outside."""

from __future__ import annotations

from pathlib import Path, PurePath

import pytest

from kervan.core.errors import Corrupted
from kervan.deploy import rendered
from kervan.deploy.rendered import foreign_files, read_files, write_files

ONE, TWO = {PurePath("a.yaml"): "1", PurePath("b/c.yaml"): "1"}, {PurePath("b/c.yaml"): "2"}


def test_those_of_before_go_away(tmp_path: Path) -> None:
    write_files(tmp_path, ONE)
    write_files(tmp_path, TWO)
    assert read_files(tmp_path) == TWO
    assert not (tmp_path / "a.yaml").exists()


def test_a_full_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, TWO)
    before = sorted(tmp_path.rglob("*"))
    write = rendered.write_private

    def full(path: Path, content: bytes) -> None:
        if path.name == "c.yaml":
            raise OSError(28, "No space left on device")
        write(path, content)

    monkeypatch.setattr(rendered, "write_private", full)
    with pytest.raises(OSError, match="No space"):
        write_files(tmp_path, ONE)
    assert sorted(tmp_path.rglob("*")) == before
    assert read_files(tmp_path) == TWO


def test_what_was_cut_off_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", _killed)
        write_files(tmp_path, ONE)
        with pytest.raises(KeyboardInterrupt):
            write_files(tmp_path, TWO)
    assert foreign_files(tmp_path, ONE) == []
    write_files(tmp_path, TWO)
    assert not (tmp_path / "a.yaml").exists()


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["../kept", "/etc/kept", "", "a/../../kept"])
def test_a_list_that_leads_outside_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "rendered"
    folder.mkdir()
    (tmp_path / "kept").write_text("mine")
    (folder / ".rendered.json").write_text(f'["{name}"]')
    with pytest.raises(Corrupted, match="was not rendered"):
        write_files(folder, ONE)
    with pytest.raises(Corrupted, match="was not rendered"):
        read_files(folder)
    assert (tmp_path / "kept").read_text() == "mine"


def test_a_link_in_place_of_a_folder_is_foreign(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "b").symlink_to(tmp_path / "elsewhere")
    assert foreign_files(tmp_path, ONE) == [tmp_path / "b"]
