"""The limit: uvloop, httptools, a typed decode and one run of ONNX Runtime in each turn of the loop.

Nothing is recorded, counted or checked but the types of the row. python bare_service.py PACKAGE PORT
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import httptools
import msgspec
import numpy as np
import onnxruntime
import uvloop

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"


class Model:
    """Decodes rows, scores them and writes answers."""

    def __init__(self, package: Path) -> None:
        manifest = json.loads((package / "manifest.json").read_text(encoding="utf-8"))
        names = [column["name"] for column in manifest["signature"]["inputs"]["columns"]]
        self.labels = manifest["signature"]["output"]["allowed"]
        fields = {f"c{place}": name for place, name in enumerate(names)}
        row = msgspec.defstruct("Row", [(field, float) for field in fields], rename=fields, gc=False)
        one = msgspec.defstruct("One", [("features", row)], gc=False)
        many = msgspec.defstruct("Many", [("features", list[row])], gc=False)
        self.decode_one = msgspec.json.Decoder(one).decode
        self.decode_many = msgspec.json.Decoder(many).decode
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(package / "onnx" / "matrix.onnx", options)
        self.takes = self.session.get_inputs()[0].name
        self.gives = [self.session.get_outputs()[0].name]

    def rows(self, url: bytes, body: bytes) -> list[tuple[float, ...]]:
        if url == b"/predict":
            return [msgspec.structs.astuple(self.decode_one(body).features)]
        return [msgspec.structs.astuple(row) for row in self.decode_many(body).features]

    def score(self, rows: list[tuple[float, ...]]) -> list[list[float]]:
        (scores,) = self.session.run(self.gives, {self.takes: np.array(rows, dtype=np.float64)})
        return scores.tolist()  # type: ignore[no-any-return]

    def answer(self, scores: list[list[float]]) -> bytes:
        labels = self.labels
        found = [
            {"label": labels[row.index(max(row))], "probabilities": dict(zip(labels, row, strict=True))}
            for row in scores
        ]
        return msgspec.json.encode({"predictions": found})


class Turn:
    """Answers at the end of a turn of the loop what came in it."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.loop = asyncio.get_running_loop()
        self.waiting: list[tuple[asyncio.Transport, list[tuple[float, ...]]]] = []

    def add(self, transport: asyncio.Transport, rows: list[tuple[float, ...]]) -> None:
        if not self.waiting:
            self.loop.call_soon(self.flush)
        self.waiting.append((transport, rows))

    def flush(self) -> None:
        waiting, self.waiting = self.waiting, []
        scores = self.model.score([row for _, rows in waiting for row in rows])
        place = 0
        for transport, rows in waiting:
            body = self.model.answer(scores[place : place + len(rows)])
            place += len(rows)
            transport.write(HEAD % (len(body), body))


class Connection(asyncio.Protocol):
    """Gives whole requests to the turn."""

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        self.url = self.body = b""

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.turn.add(self.transport, self.turn.model.rows(self.url, self.body))


async def main(package: Path, port: int) -> None:
    turn = Turn(Model(package))
    server = await turn.loop.create_server(lambda: Connection(turn), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), int(sys.argv[2])))
