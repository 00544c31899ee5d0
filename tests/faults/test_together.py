"""Several commands at once on one project, and addresses that others hold."""

from __future__ import annotations

import socket
import subprocess

import pytest

from faults.killing import ROW, UNRELEASED, is_well
from journeys.home import KERVAN, SETTINGS, Home


def at_once(home: Home, command: list[str], count: int) -> list[tuple[int, str]]:
    processes = [
        subprocess.Popen(
            [*KERVAN, *command],
            cwd=home.folder,
            env=home.surroundings(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(count)
    ]
    ended = [process.communicate(timeout=240)[1].decode() for process in processes]
    return [(process.returncode, said) for process, said in zip(processes, ended, strict=True)]


def test_two_runs_at_once_lead_to_one_model(home: Home) -> None:
    home.start(150, UNRELEASED)
    for code, said in at_once(home, ["run", "--quiet"], 2):
        assert code == 0, said
    assert [model["version"] for model in home.ask("models", "--json").json] == ["1.0.0"]
    assert [data["version"] for data in home.ask("data", "--json").json] == ["1"]
    is_well(home)
    looks = [event for event in home.ask("audit", "--json").json if event["action"] == "opened test"]
    assert len(looks) in {1, 2}


def test_releases_at_once_wait_for_each_other(lived: Home) -> None:
    ended = at_once(lived, ["release", "--quiet"], 3)
    for code, said in ended:
        assert code == 0, said
    assert len(lived.ask("releases", "--json").json) == 1
    assert lived.predict(ROW)["label"] in {"evet", "hayır"}
    is_well(lived)


def test_a_port_that_is_taken_is_named_and_the_model_stays(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        home.start(150, SETTINGS.replace("port = 0", f"port = {port}"))
        reply = home.ask("run", "--quiet", "--json", code=8)
        assert f"port {port} on 127.0.0.1 cannot be had" in reply.problem["message"]
        assert "another port, or 0" in reply.problem["hint"]
        assert home.ask("releases", "--json").json == []
        assert [model["version"] for model in home.ask("models", "--json").json] == ["1.0.0"]
        home.ask("release", "--port", "0")
        assert home.predict(ROW)["label"] in {"evet", "hayır"}
        taken = home.ask("release", "--port", str(port), code=8)
        assert f"port {port}" in taken.err
        assert home.predict(ROW)["label"] in {"evet", "hayır"}  # what answered before goes on
    is_well(home)


@pytest.mark.parametrize("port", ["70000", "-1", "sekiz"])
def test_what_is_no_port_is_wrong_usage(home: Home, port: str) -> None:
    assert port in home.ask("release", f"--port={port}", code=2).err
