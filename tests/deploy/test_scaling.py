"""More replicas while there is more to do, none while nobody asks."""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
from typing import TYPE_CHECKING

from kervan.core.serving import Plan
from kervan.core.sockets import DOOR, hand_over, listen, open_door
from kervan.deploy.load import Meter
from kervan.deploy.pulse import Pulse
from kervan.deploy.scaling import Load, Scaling
from serve.live import JSON, Live
from serve.real_packages import ROW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kervan.core.serving import Serving


def counts(scaling: Scaling, loads: list[Load], count: int, most: int = 8) -> list[int]:
    """How many there are after each second."""
    found = []
    for second, load in enumerate(loads):
        count = scaling.wanted(float(second), load, count, most)
        found.append(count)
    return found


def test_one_busy_second_is_not_enough() -> None:
    assert counts(Scaling(), [Load(busy=0.9), Load(busy=0.1), Load(busy=0.9), Load(busy=0.1)], 1) == [1] * 4


def test_it_rises_with_the_load_to_what_may_be_and_waits_until_that_helps() -> None:
    assert counts(Scaling(), [Load(busy=1.0)] * 12, 2, most=5) == [2, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5]


def test_those_who_wait_long_count_as_load() -> None:
    late = Load(busy=0.3, waited=0.05, scored=0.001)
    assert counts(Scaling(), [late] * 2, 1) == [1, 2]
    assert counts(Scaling(), [Load(busy=0.3, waited=0.05, scored=0.04)] * 3, 1) == [1, 1, 1]


def test_it_falls_late_and_one_by_one() -> None:
    found = counts(Scaling(), [Load(busy=0.05)] * 60, 4)
    assert found[29] == 4
    assert found[30] == 3
    assert found[40] == 2
    assert found[-1] == 1


def test_it_does_not_fall_to_where_it_would_rise_again() -> None:
    assert set(counts(Scaling(), [Load(busy=0.3)] * 60, 2)) == {2}


def test_cpu_seconds_and_what_replicas_counted_are_the_load(tmp_path: Path) -> None:
    meter = Meter(tmp_path)
    meter.read(0.0, [os.getpid()], 1.0)
    started = time.process_time()
    while time.process_time() - started < 0.3:
        pass
    told = {"rows": 7, "feedback": 1, "refused": {"http": 2}}
    told["parts"] = {"wait": [[3, 1], 0.4], "score": [[4], 0.2], "decode": [[4], 0.1]}
    (tmp_path / "1.counts").write_text(json.dumps(told))
    (tmp_path / "2.counts").write_text("{")
    load = meter.read(1.0, [os.getpid()], 0.5)
    assert load.busy >= 0.58
    assert (round(load.waited, 6), round(load.scored, 6)) == (0.1, 0.05)
    assert meter.asked == 10
    assert meter.read(2.0, [], 1.0) == Load()


def test_a_loop_that_stands_still_is_noticed(tmp_path: Path) -> None:
    pulse = Pulse(tmp_path / DOOR)
    assert not pulse.is_lost(0.0)
    with open_door(tmp_path / DOOR) as door, listen("127.0.0.1", 0) as listener:
        assert not pulse.is_lost(2.0)
        hand_over(door, listener)
        assert not pulse.is_lost(30.0)
        assert not pulse.is_lost(32.0)
        assert not pulse.is_lost(46.0)
        assert pulse.is_lost(48.0)
        pulse.close()


def test_replicas_come_with_the_load(serving: Callable[..., Serving], tmp_path: Path) -> None:
    server = Live(tmp_path, serving(), Plan(workers=1, most_workers=2))
    server.start()
    over = threading.Event()
    body = json.dumps({"features": [ROW] * 1_000})

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        while not over.is_set():
            connection.request("POST", "/predict", body, JSON)
            assert connection.getresponse().read()
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(3)]
    try:
        assert server.state.replicas == 1
        for each in threads:
            each.start()
        server.until(lambda: server.state.replicas == 2, 60)
    finally:
        over.set()
        for each in threads:
            each.join()
        server.kill()


def test_nobody_is_there_until_somebody_asks(serving: Callable[..., Serving], tmp_path: Path) -> None:
    server = Live(tmp_path, serving(), Plan(workers=1, idle=1.0))
    server.start()
    try:
        for _ in range(2):
            server.until(lambda: server.state.replicas == 0)
            replies = [server.predict(ROW) for _ in range(3)]
            assert {each.status for each in replies} == {200}
        server.until(lambda: server.state.replicas == 0)
        server.write(serving("2.0.0", "D2", port=server.port))
        server.hang_up()
        server.until(lambda: server.state.deployment == "D2")
        assert server.predict(ROW).json["model"] == "gelir@2.0.0"
        assert server.terminate() == 0
    finally:
        server.kill()
