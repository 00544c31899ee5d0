"""What arrives in one turn of the event loop is scored in one run of the model, and nobody waits for more.

Rows of different versions are never mixed. A request that cannot be answered fails alone: where a run over
rows of several requests fails, each of them is answered by itself.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec
import numpy as np

from kervan.core.errors import KervanError, NotFound
from kervan.core.identity import new_id
from kervan.core.serving import ShareRole
from kervan.package.encoding import NUMBER
from kervan.serve.answer import check_values, name_values
from kervan.serve.asked import record_of
from kervan.serve.mirror import Mirrored
from kervan.serve.moment import Now
from kervan.serve.problem import HttpProblem
from kervan.serve.typed import Scored
from kervan.serve.visit import Visit, Work

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from kervan.core.ports import Matrix, Reply
    from kervan.serve.desk import Admission, Desk
    from kervan.serve.table import Loaded

_MOST_ROWS = 4_096  # scored in one run
_FEW = 16  # requests that may always wait
_MOST_TOGETHER = 256  # requests for which nobody is waited for
_BREATH = 0.005  # seconds that the disk gets where records come faster than it takes them
_MOST_SECONDS = 0.1  # that a request may have to wait for those before it
_encode = msgspec.json.Encoder().encode


class Asker(Protocol):
    """Who waits for an answer."""

    def answer(self, reply: Reply, request_id: str) -> None:
        """Take an answer."""

    def answer_well(self, body: bytes, request_id: str) -> None:
        """Take predictions, as their protocol writes them."""


class Reader(Protocol):
    """Reads what needs no decision, for one version; a protocol with a `reader` is answered faster."""

    def read(self, body: Any) -> tuple[list[list[Any]], bytes, bytes] | None:
        """Return the rows as numbers, their JSON, and that of whom they are about, which may be empty.

        None to have the protocol itself read the body.
        """

    def usual(self, matrix: Matrix) -> NDArray[np.bool_]:
        """Say of each row whether its numbers need no decision either."""

    def write(self, scored: Scored) -> list[bytes]:
        """Write the answers."""


@dataclass(slots=True)
class _Job:
    asker: Asker
    admission: Admission
    body: bytes
    started: float
    told: Any  # what the reader reads
    parameters: Mapping[str, str]
    request: str
    is_counted: bool = False
    dealt: Loaded | None = None  # where several versions share the traffic
    is_looked_at: bool = False


class _Done(NamedTuple):
    """What a run has answered."""

    jobs: list[_Job]
    counts: list[int]
    sent: list[bytes]
    outputs: list[bytes]
    ids: list[str]
    values: NDArray[np.float64]


class _Run:
    """Requests whose rows one version scores together."""

    def __init__(self, loaded: Loaded, reader: Reader) -> None:
        self.loaded = loaded
        self.reader = reader
        self.heads: dict[tuple[str, str], bytes] = {}  # what records of a protocol and caller begin with
        self.empty()

    def empty(self) -> None:
        """Begin anew."""
        self.jobs: list[_Job] = []
        self.sent: list[bytes] = []
        self.counts: list[int] = []
        self.rows: list[list[Any]] = []

    def take(self, job: _Job, read: tuple[list[list[Any]], bytes, bytes]) -> None:
        """Add a request with its rows."""
        rows, sent, about = read
        self.jobs.append(job)
        self.sent.append(b'%b,"entity":%b' % (sent, about) if about else sent)
        self.counts.append(len(rows))
        self.rows += rows

    def head_of(self, admission: Admission) -> bytes:
        """Return what all records of such requests have in common, as JSON without its braces."""
        key = (admission.mounted.protocol, admission.caller.id)
        head = self.heads.get(key)
        if head is None:
            head = self.heads[key] = _encode(record_of(self.loaded, admission.asked("")))[1:-1]
        return head


class Turn:
    """Collects what arrives in a turn of the loop, and answers it at the end.

    Where requests that are there already come in one by one, as gRPC hands them over, the end is only after
    `patience` turns in which nobody came: some microseconds, for no turn waits for anything.
    """

    def __init__(self, desk: Desk, loop: asyncio.AbstractEventLoop, patience: int = 0) -> None:
        self._desk = desk
        self._patience = patience
        self._loop = loop
        self._jobs: list[_Job] = []
        self._runs: dict[tuple[int, int], _Run] = {}
        self._pace = 0.0  # CPU seconds that a request has taken of late
        desk.metrics.watch(lambda: Now(turn=len(self._jobs)))

    def add(
        self,
        asker: Asker,
        admission: Admission,
        body: bytes,
        read: tuple[Any, Mapping[str, str]] | None = None,
    ) -> None:
        """Take a request that is to be answered at the end of this turn, or refuse it where too many are.

        `read` is the body as a message with an `id`, and the model that it names.
        """
        jobs = self._jobs
        if not jobs:
            self._loop.call_soon(self._look, 0, 0)
        now = time.perf_counter()
        job = _Job(asker, admission, body, now, body, admission.parameters, admission.request_id)
        if read is not None:
            job.told, job.parameters = read
            job.request = job.told.id or job.request
        if len(jobs) >= _FEW and len(jobs) * self._pace > _MOST_SECONDS:
            self._refuse(job, _overloaded())
        else:
            jobs.append(job)

    def _look(self, seen: int, idle: int) -> None:
        """Answer unless others came just now; `idle` counts the turns since there were more than `seen`."""
        many = len(self._jobs)
        idle = idle + 1 if many == seen else 0
        if idle < self._patience and many < _MOST_TOGETHER:
            self._loop.call_soon(self._look, many, idle)
        elif self._desk.engine.current.recorder.is_behind:  # slower answers are better than none
            self._loop.call_later(_BREATH, self._look, many, idle)
        else:
            self._flush()

    def _flush(self) -> None:
        jobs, self._jobs = self._jobs, []
        begun = time.thread_time()  # what others of this process take is no measure of what is asked here
        self._answer_all(jobs, time.perf_counter())
        took = (time.thread_time() - begun) / max(len(jobs), 1)
        self._pace += (took - self._pace) / 8  # of late

    def _answer_all(self, jobs: list[_Job], started: float) -> None:
        runs: dict[int, _Run] = {}
        jobs[random.randrange(len(jobs))].is_looked_at = True  # noqa: S311 - no secret hangs on it
        for job in jobs:
            run, read = self._read(job)
            if run is None or read is None:
                self._answer_alone(job)
                continue
            if not self._is_permitted(job, run.loaded):
                continue
            runs[id(run)] = run
            run.take(job, read)
            if len(run.rows) >= _MOST_ROWS or not run.loaded.batches:
                self._answer_run(run, started)
        for run in runs.values():
            if run.jobs:
                self._answer_run(run, started)

    def _read(self, job: _Job) -> tuple[_Run | None, tuple[list[list[Any]], bytes, bytes] | None]:
        """Return the run of a request and its rows, None where it is to be answered alone."""
        try:
            run = self._run_of(job)
            read = None if run is None else run.reader.read(job.told)
            if run is not None and read is not None and self._is_dealt_otherwise(job, run, read):
                run = self._run_of(job)
                read = None if run is None else run.reader.read(job.told)
        except Exception:  # noqa: BLE001 - by itself it says what it is, and keeps nobody else waiting
            return None, None
        return run, read

    def _run_of(self, job: _Job) -> _Run | None:
        """Return the run that a request belongs to, None if it is to be answered alone."""
        wire = job.admission.mounted.wire
        reader = getattr(wire, "reader", None)
        if reader is None:
            return None
        table = self._desk.engine.table
        loaded = job.dealt or table.default
        if job.dealt is None and (job.parameters or table.division is not None):
            try:
                loaded = table.deal(job.admission.headers, **job.parameters)
            except NotFound:
                return None
            if table.division is not None and not table.division.asks_rows:
                job.dealt = loaded
        run = self._runs.get((id(loaded), id(wire)))
        if run is None or run.loaded is not loaded:
            there = {id(each) for each in table.rows}
            self._runs = {key: known for key, known in self._runs.items() if key[0] in there}
            run = self._runs[id(loaded), id(wire)] = _Run(loaded, reader(loaded.signature, loaded.entity))
        return run

    def _is_dealt_otherwise(self, job: _Job, run: _Run, read: tuple[list[list[Any]], bytes, bytes]) -> bool:
        """Say whether the rows belong to another version, which is then dealt."""
        table = self._desk.engine.table
        division = table.division
        if division is None or not division.asks_rows or not table.is_open(**job.parameters):
            return False
        job.dealt = division.by_sent(read[1], read[2], job.admission.headers)
        return job.dealt is not run.loaded

    def _is_permitted(self, job: _Job, loaded: Loaded) -> bool:
        """Let the desk check the caller again, now that it is known which model is asked."""
        try:
            self._desk.permit(job.admission, loaded.key[0])
        except HttpProblem as problem:
            self._refuse(job, problem)
            return False
        job.is_counted = True
        return True

    def _answer_alone(self, job: _Job) -> None:
        visit = _visit_of(job)
        try:
            reply = self._desk.reply(visit, job.admission, job.body)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
            reply = self._desk.complain(error, visit)
        self._desk.count(visit, reply.status)
        job.asker.answer(reply, visit.request_id)

    def _answer_run(self, run: _Run, started: float) -> None:
        jobs, counts, sent, rows = run.jobs, run.counts, run.sent, run.rows
        run.empty()
        begun = decoded = time.perf_counter()
        loaded = run.loaded
        try:
            matrix = np.array(rows, dtype=NUMBER)
            usual = run.reader.usual(matrix)
            if not usual.all():
                return self._answer_apart(run, jobs, counts, usual.tolist())
            values = loaded.predictor.predict(matrix)
            check_values(values, len(rows), loaded.signature)
        except Exception:  # noqa: BLE001 - by itself each says what it is
            for job in jobs:
                self._answer_alone(job)
            return None
        scored = time.perf_counter()
        many = len(jobs)
        parts = ((decoded - started) / many, 0.0, scored - decoded)
        outputs = _split(name_values(values, loaded.signature), counts)
        records = _records(run, jobs, zip(sent, outputs, strict=True), (*parts, scored))
        try:
            ids = loaded.recorder.extend(records, len(rows), loaded.keeper)
        except KervanError as error:
            for job in jobs:
                loaded.tally.refuse()
                self._refuse(job, error)
            return None
        self._desk.metrics.add_run(len(rows), many, parts)
        loaded.tally.add(len(rows), many, parts)
        loaded.seen.answer(many, len(rows), scored - decoded)
        ended = time.perf_counter()
        self._see(loaded, _Done(jobs, counts, sent, outputs, ids, values), started, ended - begun)
        told = [job.told for job in jobs]
        bodies = run.reader.write(Scored(loaded.key, told, ids, outputs, counts, values))
        for job, ident, body in zip(jobs, ids, bodies, strict=True):
            self._desk.metrics.count(job.admission.mounted.route.path, 200, ended - job.started)
            job.asker.answer_well(body, job.admission.request_id or ident)
        if self._desk.tells(ended - jobs[0].started):  # which has waited longest
            works = _works(loaded, ids, counts, parts)
            for job, work in zip(jobs, works, strict=True):
                self._tell(job, replace(work, wait=started - job.started), ended - job.started)
        return None

    def _see(self, loaded: Loaded, done: _Done, started: float, own: float) -> None:
        """Look at the request of the turn that stands for all, and let the shadows be asked the same."""
        place = 0
        for job, count in zip(done.jobs, done.counts, strict=True):
            if job.is_looked_at:  # it waited for the turn; what others of the turn took is not the version's
                loaded.seen.look(started - job.started + own, done.values[place : place + 1])
            place += count
        engine = self._desk.engine
        if not engine.table.shadows or loaded.role is not ShareRole.STABLE:
            return
        for job, sent, outputs, ident in zip(done.jobs, done.sent, done.outputs, done.ids, strict=True):
            rows = sent.partition(b',"entity":')[0] if loaded.entity else sent
            asked = job.admission.asked(job.request)
            engine.reflect(Mirrored(ident, rows, outputs, asked, is_looked_at=job.is_looked_at))

    def _tell(self, job: _Job, work: Work, seconds: float) -> None:
        """Tell of a request that was answered together with others, if that is to be told."""
        if self._desk.tells(seconds):
            visit = _visit_of(job, work.prediction)
            visit.work = work
            self._desk.tell(visit, 200, seconds)

    def _answer_apart(self, run: _Run, jobs: list[_Job], counts: list[int], usual: Sequence[bool]) -> None:
        """Answer those by the rules whose rows are not usual, and the others together."""
        place = 0
        for job, count in zip(jobs, counts, strict=True):
            if all(usual[place : place + count]) and (read := run.reader.read(job.told)) is not None:
                run.take(job, read)
            else:
                self._answer_alone(job)
            place += count
        if run.jobs:
            self._answer_run(run, time.perf_counter())

    def _refuse(self, job: _Job, error: Exception) -> None:
        visit = _visit_of(job)
        reply = self._desk.complain(error, visit)
        self._desk.count(visit, reply.status)
        job.asker.answer(reply, visit.request_id)


def _visit_of(job: _Job, request_id: str = "") -> Visit:
    return Visit(
        request_id=job.admission.request_id or request_id or new_id(),
        started=job.started,
        admission=job.admission,
        is_counted=job.is_counted,
        dealt=job.dealt,
        is_looked_at=job.is_looked_at,
    )


def _works(
    loaded: Loaded, ids: Sequence[str], counts: list[int], parts: tuple[float, float, float]
) -> Iterator[Work]:
    decode, wait, score = parts
    for ident, rows in zip(ids, counts, strict=True):
        yield Work(
            model=loaded.key[0],
            version=loaded.key[1],
            rows=rows,
            prediction=ident,
            wait=wait,
            decode=decode,
            score=score,
        )


def _overloaded() -> HttpProblem:
    return HttpProblem(
        503,
        "more is asked than this server can answer in time",
        hint="ask again in a moment",
        headers={"retry-after": "1"},
    )


def _split(named: Sequence[Any], counts: list[int]) -> list[bytes]:
    """Return the JSON list of predictions of each request."""
    if len(counts) == len(named):
        return [_encode((each,)) for each in named]
    found, place = [], 0
    for count in counts:
        found.append(_encode(named[place : place + count]))
        place += count
    return found


def _records(run: _Run, jobs: list[_Job], said: Any, times: tuple[float, float, float, float]) -> list[bytes]:
    """Write the records of a run, but for their ids."""
    *parts, scored = times
    shared = b',"time":%.6f,"decode":%.7f,"wait":%.7f,"score":%.7f' % (time.time(), *parts)
    return [
        b'%b%b,"seconds":%.7f,"request":"%b","trace":"%b","inputs":%b,"outputs":%b}'
        % (
            run.head_of(job.admission),
            shared,
            scored - job.started,
            job.request.encode(),
            job.admission.trace.encode(),
            sent,
            outputs,
        )
        for job, (sent, outputs) in zip(jobs, said, strict=True)
    ]
