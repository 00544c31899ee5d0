"""A module at the edge: `python -m kervan.serve.edge_module` answers messages of an MQTT broker.

A message holds what `POST /predict` takes, one row or several. The answer goes to the topic that the message
names (MQTT 5: response topic, with its correlation data), else to `KERVAN_MQTT_OUT`; its user property
`status` is that of HTTP. A message is acknowledged once its answer was handed to the broker: one that an end
cut short comes again. Variables beside those of an image:

- `KERVAN_MQTT`: the broker, `mqtt://host:1883` or `mqtts://name@host:8883`
- `KERVAN_MQTT_PASSWORD`, `KERVAN_MQTT_CA`: files with the password and with the broker's authority
- `KERVAN_MQTT_IN`, `KERVAN_MQTT_OUT`: topics, by default `kervan/in` and `kervan/out`
"""

from __future__ import annotations

import logging
import os
import signal
import ssl
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kervan.core.errors import InvalidConfig, KervanError
from kervan.core.log import log_json_lines
from kervan.core.plugins import extras_named
from kervan.serve.desk import Head
from kervan.serve.function import Function, warm

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

IN, OUT = "kervan/in", "kervan/out"
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_HEADERS = [(b"host", b"localhost"), (b"content-type", b"application/json")]
_KEPT = 86_400  # seconds for which the broker keeps what comes while we are away
_log = logging.getLogger("kervan.serve")


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where messages come from and go to; `password` and `authority` are files, or ""."""

    host: str
    port: int
    tls: bool
    user: str
    password: str
    authority: str
    client: str
    inward: str
    outward: str


def broker_of(told: Mapping[str, str]) -> Broker:
    """Return what variables of the environment say of the broker, or raise `InvalidConfig`.

    >>> broker_of({"KERVAN_MQTT": "mqtts://box@hub.example.org"}).port
    8883
    """
    text = told.get("KERVAN_MQTT", "")
    hint = "write mqtt://host:1883 or mqtts://name@host:8883"
    try:
        url = urlsplit(text)
        port = url.port or _PORTS[url.scheme]
    except (ValueError, KeyError) as error:
        raise InvalidConfig(f"KERVAN_MQTT={text!r} is no address of a broker", hint=hint) from error
    if not url.hostname:
        raise InvalidConfig(f"KERVAN_MQTT={text!r} names no host", hint=hint)
    if url.password:
        raise InvalidConfig("KERVAN_MQTT holds a password", hint="put it into a file: KERVAN_MQTT_PASSWORD")
    return Broker(
        host=url.hostname,
        port=port,
        tls=url.scheme == "mqtts",
        user=url.username or "",
        password=told.get("KERVAN_MQTT_PASSWORD", ""),
        authority=told.get("KERVAN_MQTT_CA", ""),
        client=told.get("KERVAN_MQTT_CLIENT", "") or f"kervan-{told.get('KERVAN_ENVIRONMENT', 'edge')}",
        inward=told.get("KERVAN_MQTT_IN", "") or IN,
        outward=told.get("KERVAN_MQTT_OUT", "") or OUT,
    )


class Module:
    """Takes messages, answers them by a function, and hands the answers back."""

    def __init__(self, function: Function, broker: Broker) -> None:
        with extras_named():
            from paho.mqtt import client as mqtt
            from paho.mqtt.enums import CallbackAPIVersion
            from paho.mqtt.packettypes import PacketTypes
            from paho.mqtt.properties import Properties
        self._function = function
        self._broker = broker
        self._made: Callable[[str], Any] = lambda kind: Properties(getattr(PacketTypes, kind))
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, broker.client, protocol=mqtt.MQTTv5, manual_ack=True
        )
        if broker.tls:
            self._client.tls_set_context(ssl.create_default_context(cafile=broker.authority or None))
        if broker.user:
            word = Path(broker.password).read_text("utf-8").strip() if broker.password else None
            self._client.username_pw_set(broker.user, word)
        self._client.on_connect = self._connected
        self._client.on_message = self._answer

    def run(self) -> None:
        """Answer until `end`; a connection that is lost is made again."""
        kept = self._made("CONNECT")
        kept.SessionExpiryInterval = _KEPT
        self._client.connect_async(
            self._broker.host, self._broker.port, keepalive=30, clean_start=False, properties=kept
        )
        self._client.loop_forever(retry_first_connection=True)

    def end(self) -> None:
        """Let `run` return."""
        self._client.disconnect()

    def _connected(self, client: Any, _: Any, flags: Any, reason: Any, *more: Any) -> None:
        if reason.is_failure:
            _log.error("the broker refuses: %s", reason)
            return
        client.subscribe(self._broker.inward, qos=1)
        _log.info("listening", extra={"address": f"{self._broker.host}:{self._broker.port}"})

    def _answer(self, client: Any, _: Any, message: Any) -> None:
        reply, _headers = self._function.answer(
            Head("POST", "/predict", "", _HEADERS, "mqtt"), message.payload
        )
        asked, told = message.properties, self._made("PUBLISH")
        told.ContentType = reply.kind
        told.UserProperty = ("status", str(reply.status))
        if hasattr(asked, "CorrelationData"):
            told.CorrelationData = asked.CorrelationData
        topic = getattr(asked, "ResponseTopic", "") or self._broker.outward
        client.publish(topic, reply.body, qos=1, properties=told)
        client.ack(message.mid, message.qos)


def main(told: Mapping[str, str] = os.environ) -> int:
    """Answer messages until SIGTERM; return the exit status."""
    log_json_lines()
    try:
        module = Module(warm(), broker_of(told))
        signal.signal(signal.SIGTERM, lambda *_: module.end())
        module.run()
    except (KervanError, OSError) as error:
        _log.error(str(error), extra={"error": error})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
