"""What arrives in one turn of the event loop is scored in one run of the model, and nobody waits for more.

Rows of different versions are never mixed. A request that cannot be answered fails alone: where a run over
rows of several requests fails, each of them is answered by itself.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import numpy as np

from kervan.core.errors import KervanError
from kervan.core.identity import new_id
from kervan.core.ports import Reply
from kervan.package.encoding import NUMBER
from kervan.serve.answer import check_values, name_values
from kervan.serve.engine import record_of
from kervan.serve.problem import HttpProblem
from kervan.serve.protocols.predict import PredictProtocol
from kervan.serve.typed import TypedReader

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from kervan.serve.desk import Admission, Desk
    from kervan.serve.table import Loaded

_MOST_ROWS = 4_096  # scored in one run
_encode = msgspec.json.Encoder().encode


class Asker(Protocol):
    """Who waits for an answer."""

    def answer(self, reply: Reply, request_id: str) -> None:
        """Take the answer."""


@dataclass(slots=True)
class _Job:
    asker: Asker
    admission: Admission
    body: bytes
    started: float
    rows: list[list[Any]] = field(default_factory=list)
    sent: bytes = b""
    decoded: float = 0.0
    is_counted: bool = False


class Turn:
    """Collects what arrives in a turn of the loop, and answers it at the end."""

    def __init__(self, desk: Desk, loop: asyncio.AbstractEventLoop) -> None:
        self._desk = desk
        self._loop = loop
        self._jobs: list[_Job] = []
        self._readers: dict[int, tuple[Loaded, TypedReader]] = {}
        self._heads: dict[tuple[int, str, str], bytes] = {}

    def add(self, asker: Asker, admission: Admission, body: bytes) -> None:
        """Take a request that is to be answered at the end of this turn."""
        if not self._jobs:
            self._loop.call_soon(self._flush)
        self._jobs.append(_Job(asker, admission, body, time.perf_counter()))

    def _flush(self) -> None:
        jobs, self._jobs = self._jobs, []
        together: list[_Job] = []
        loaded = self._desk.engine.current
        reader = self._reader_of(loaded)
        count = 0
        for job in jobs:
            read = reader.read(job.body) if _is_plain(job.admission) else None
            if read is None:
                self._answer_alone(job)
                continue
            if not self._is_permitted(job, loaded):
                continue
            job.rows, job.sent = read
            job.decoded = time.perf_counter()
            together.append(job)
            count += len(job.rows)
            if count >= _MOST_ROWS or not loaded.batches:
                self._answer_together(loaded, reader, together)
                together, count = [], 0
        if together:
            self._answer_together(loaded, reader, together)

    def _is_permitted(self, job: _Job, loaded: Loaded) -> bool:
        """Let the desk check the caller again, now that it is known which model is asked."""
        try:
            self._desk.permit(job.admission, loaded.key[0])
        except HttpProblem as problem:
            self._refuse(job, problem)
            return False
        job.is_counted = True
        return True

    def _refuse(self, job: _Job, error: Exception) -> None:
        request_id = job.admission.request_id or new_id()
        self._finish(job, self._desk.complain(error, request_id, job.admission), request_id)

    def _reader_of(self, loaded: Loaded) -> TypedReader:
        known = self._readers.get(id(loaded))
        if known is None:
            self._readers.clear()
            self._heads.clear()
            known = self._readers[id(loaded)] = (loaded, TypedReader(loaded.signature))
        return known[1]

    def _answer_alone(self, job: _Job) -> None:
        request_id = job.admission.request_id or new_id()
        try:
            reply = self._desk.reply(job.admission, job.body, request_id, is_counted=job.is_counted)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
            reply = self._desk.complain(error, request_id, job.admission)
        self._finish(job, reply, request_id)

    def _answer_together(self, loaded: Loaded, reader: TypedReader, jobs: list[_Job]) -> None:
        started = time.perf_counter()
        try:
            matrix = np.array([row for job in jobs for row in job.rows], dtype=NUMBER)
            usual = reader.usual(matrix)
            if not usual.all():
                return self._answer_apart(loaded, reader, jobs, usual.tolist())
            values = loaded.predictor.predict(matrix)
            check_values(values, len(matrix), loaded.signature)
        except Exception:  # noqa: BLE001 - by itself each says what it is
            for job in jobs:
                self._answer_alone(job)
            return None
        scored = time.perf_counter()
        self._hand_out(loaded, jobs, name_values(values, loaded.signature), (started, scored))
        return None

    def _answer_apart(
        self, loaded: Loaded, reader: TypedReader, jobs: list[_Job], usual: Sequence[bool]
    ) -> None:
        """Answer those by themselves whose rows are not usual, and the others together."""
        place, others = 0, []
        for job in jobs:
            end = place + len(job.rows)
            if all(usual[place:end]):
                others.append(job)
            else:
                self._answer_alone(job)
            place = end
        if others:
            self._answer_together(loaded, reader, others)

    def _hand_out(
        self, loaded: Loaded, jobs: list[_Job], named: Sequence[Any], times: tuple[float, float]
    ) -> None:
        started, scored = times
        metrics = self._desk.metrics
        model = _encode(loaded.manifest.ref)
        now = time.time()
        place = 0
        for job in jobs:
            rows = len(job.rows)
            outputs = _encode(named[place : place + rows])
            place += rows
            try:
                ident = loaded.recorder.append(
                    self._record(loaded, job, outputs, (now, started, scored)), rows
                )
            except KervanError as error:
                self._refuse(job, error)
                continue
            body = b'{"id":"%b","model":%b,"predictions":%b}' % (ident.encode(), model, outputs)
            metrics.add_parts(job.decoded - job.started, started - job.decoded, scored - started)
            self._finish(job, Reply(body=body), job.admission.request_id or ident)
        metrics.add_batch(place)
        metrics.add_rows(place)

    def _record(self, loaded: Loaded, job: _Job, outputs: bytes, times: tuple[float, float, float]) -> bytes:
        now, started, scored = times
        admission = job.admission
        key = (id(loaded), admission.mounted.protocol, admission.caller.id)
        head = self._heads.get(key)
        if head is None:
            head = self._heads[key] = _encode(record_of(loaded, admission.asked("")))[1:-1]
        return (
            b'%b,"time":%.6f,"request":"%b","trace":"%b","seconds":%.7f,"decode":%.7f,"wait":%.7f,"score":%.7f,'
            b'"inputs":%b,"outputs":%b}'
            % (
                head,
                now,
                admission.request_id.encode(),
                admission.trace.encode(),
                scored - job.started,
                job.decoded - job.started,
                started - job.decoded,
                scored - started,
                job.sent,
                outputs,
            )
        )

    def _finish(self, job: _Job, reply: Reply, request_id: str) -> None:
        self._desk.count(job.admission, reply.status, job.started)
        job.asker.answer(reply, request_id)


def _is_plain(admission: Admission) -> bool:
    """Say whether a request is in our own protocol, to the version that answers by default."""
    return isinstance(admission.mounted.wire, PredictProtocol) and not admission.parameters
