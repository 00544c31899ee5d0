"""A module at the edge with a real MQTT broker."""

from __future__ import annotations

import json
import queue
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kervan.core.errors import InvalidConfig
from kervan.serve.edge_module import broker_of
from serve.edge import broker, module, until
from serve.real_packages import ROW


@pytest.fixture
def mqtt_broker(tmp_path: Path) -> Iterator[int]:
    with broker(tmp_path) as port:
        yield port


@pytest.mark.service
def test_messages_are_answered_also_those_of_meanwhile(
    mqtt_broker: int, packages: dict[str, Path], tmp_path: Path
) -> None:
    from paho.mqtt import client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    answers: queue.Queue[Any] = queue.Queue()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.on_message = lambda _, __, message: answers.put(message)
    client.connect("127.0.0.1", mqtt_broker)
    client.subscribe("kervan/out", qos=1)
    client.subscribe("mine", qos=1)
    client.loop_start()

    def ask(body: bytes, topic: str = "", mark: bytes = b"") -> None:
        told = Properties(PacketTypes.PUBLISH)
        if topic:
            told.ResponseTopic, told.CorrelationData = topic, mark
        client.publish("kervan/in", body, qos=1, properties=told)

    def answer() -> tuple[str, str, Any]:
        message = answers.get(timeout=60)
        return message.topic, dict(message.properties.UserProperty)["status"], json.loads(message.payload)

    process = module(packages["1.0.0"], mqtt_broker, tmp_path)
    try:
        until(lambda: b'"listening"' in (tmp_path / "log").read_bytes())
        ask(json.dumps(ROW).encode())
        topic, status, content = answer()
        assert (topic, status, content["model"]) == ("kervan/out", "200", "gelir@1.0.0")
        ask(json.dumps([ROW, ROW]).encode(), "mine", b"7")
        message = answers.get(timeout=60)
        assert (message.topic, message.properties.CorrelationData) == ("mine", b"7")
        assert len(json.loads(message.payload)["predictions"]) == 2
        ask(b"{")
        assert answer()[1] == "400"
        ask(json.dumps({**ROW, next(iter(ROW)): "genç"}).encode())
        assert answer()[1] == "422"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        ask(json.dumps(ROW).encode())  # while nobody is there
        process = module(packages["1.0.0"], mqtt_broker, tmp_path)
        assert answer()[1] == "200"
        assert list((tmp_path / "records").rglob("*.jsonl"))
    finally:
        process.kill()
        process.wait()
        client.loop_stop()
        client.disconnect()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no address of a broker"),
        ("http://a", "no address of a broker"),
        ("mqtt://a:b", "no address of a broker"),
        ("mqtt://", "names no host"),
        ("mqtt://me:secret@a", "holds a password"),
    ],
)
def test_what_is_no_broker_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidConfig, match=words):
        broker_of({"KERVAN_MQTT": text})
