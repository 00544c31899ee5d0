"""A place that cannot be asked does not hide the other environments."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from kervan.app import environments
from kervan.core.errors import MissingTool, NotFound, ServerFailed


@pytest.mark.parametrize("error", [MissingTool("no kubectl", hint="install it"), ServerFailed("no answer")])
def test_a_place_that_cannot_be_asked_is_unknown(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _state(error, monkeypatch) == "unknown"


def test_what_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFound):
        _state(NotFound("no file"), monkeypatch)


def _state(error: Exception, monkeypatch: pytest.MonkeyPatch) -> str:
    def asked(*_: object) -> bool:
        raise error

    monkeypatch.setattr(environments, "find_deployment", asked_for)
    monkeypatch.setattr(environments, "is_running", asked)
    return environments.state_of(cast("Any", SimpleNamespace()), "production")


def asked_for(*_: object) -> object:
    return SimpleNamespace()
