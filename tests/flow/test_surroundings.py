from __future__ import annotations

import importlib.metadata
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kervan.core.nouns import Code
from kervan.flow.surroundings import code_state, installed_packages, process_started

if TYPE_CHECKING:
    from kervan.store.open import Store


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=ayşe", "-c", "user.email=a@example.org", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository on a branch, with one commit; the user's own settings do not reach it."""
    settings = tmp_path / "gitconfig"
    settings.write_text("[color]\nui = always\n[diff]\nnoprefix = true\nexternal = /bin/false\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    folder = tmp_path / "depo ı"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "özellik")
    (folder / "şehir.py").write_text("x = 1\n")
    (folder / "eski.txt").write_bytes("İstanbul\n".encode("iso8859-9"))
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "ilk")
    return folder


def test_commit_and_branch_are_recorded(repository: Path, local_store: Store) -> None:
    state = code_state(repository, local_store.blobs)
    assert state.commit == git(repository, "rev-parse", "HEAD")
    assert (state.branch, state.difference) == ("özellik", "")
    assert Path(state.repository) == repository
    (repository / "alt").mkdir()
    assert code_state(repository / "alt", local_store.blobs) == state


def test_what_was_not_committed_can_be_applied_again(repository: Path, local_store: Store) -> None:
    changed = {"şehir.py": "x = 2\nı = 'İ'\n".encode(), "eski.txt": "Iğdır şehri\n".encode("iso8859-9")}
    for name, content in changed.items():
        (repository / name).write_bytes(content)
    state = code_state(repository, local_store.blobs)
    patch = local_store.blobs.read_bytes(state.difference)
    git(repository, "checkout", "-q", ".")
    assert (repository / "şehir.py").read_text() == "x = 1\n"
    subprocess.run(["git", "apply", "-"], cwd=repository, input=patch, check=True)
    assert {name: (repository / name).read_bytes() for name in changed} == changed


@pytest.mark.parametrize(
    ("url", "recorded"),
    [
        ("https://ayşe:gizli@example.org/x.git", "https://example.org/x.git"),
        ("https://gizli@example.org/x.git", "https://example.org/x.git"),
        ("https://ayşe:giz@li@example.org/x@y.git", "https://example.org/x@y.git"),
        ("https://example.org/x.git", "https://example.org/x.git"),
        ("ssh://git@example.org:22/x.git", "ssh://example.org:22/x.git"),
        ("git@example.org:x/y.git", "git@example.org:x/y.git"),
    ],
)
def test_logins_are_removed_from_the_remote(
    url: str, recorded: str, repository: Path, local_store: Store
) -> None:
    git(repository, "remote", "add", "origin", url)
    assert code_state(repository, local_store.blobs).repository == recorded


def test_outside_of_a_repository_nothing_is_recorded(tmp_path: Path, local_store: Store) -> None:
    assert code_state(tmp_path, local_store.blobs) == Code()
    git(tmp_path, "init", "-q")
    assert code_state(tmp_path, local_store.blobs) == Code()


def test_without_git_nothing_is_recorded(
    repository: Path, local_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert code_state(repository, local_store.blobs) == Code()


def test_installed_packages_are_those_that_python_knows() -> None:
    found = installed_packages()
    for name in ("numpy", "scikit-learn", "sqlalchemy", "pytest"):
        assert found[name] == importlib.metadata.version(name)


def test_a_process_is_known_by_its_start() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        assert process_started(child.pid) is not None
        child.kill()
    assert process_started(child.pid) is None
