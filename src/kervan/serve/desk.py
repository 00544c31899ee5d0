"""The one place where a request is admitted, answered or refused, whatever way it came in.

The connection's own path, the ASGI application and gRPC all come here, so that host and site, access,
limits, request ids, metrics and records are the same for each of them.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import msgspec

from kervan.core.errors import Conflict, KervanError
from kervan.core.identity import new_id
from kervan.core.plugins import plugin, plugins
from kervan.core.ports import Action, Call, Reply, Scope, Served
from kervan.core.serving import ShareRole
from kervan.serve.access import ANYBODY, Access, Caller
from kervan.serve.address import Hosts
from kervan.serve.answer import name_values
from kervan.serve.asked import Asked
from kervan.serve.body import plain
from kervan.serve.feedback import decode_feedback
from kervan.serve.guard import check_kind, check_sender, read_headers
from kervan.serve.mirror import Mirrored
from kervan.serve.moment import Now
from kervan.serve.own import OwnPages
from kervan.serve.problem import HttpProblem, respond, to_problem
from kervan.serve.rates import Rates
from kervan.serve.routing import Mounted, Router
from kervan.serve.seen import kind_of
from kervan.serve.spans import Spans, are_wanted
from kervan.serve.visit import SlowLog, Visit, Work

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kervan.core.ports import Answer, Choose, Request, Route
    from kervan.core.schema import Signature
    from kervan.serve.engine import Engine
    from kervan.serve.table import Loaded, Table
    from kervan.serve.tls import Certificates

_log = logging.getLogger("kervan.serve")
_MOST_HEAVY = 32  # large requests that wait for their turn
SMALL = 64 << 10  # bytes of a body that is answered at once; larger ones leave the event loop
_MOST_FIELDS = 100
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_HOLE = re.compile(r"\{(\w+)\}")
_TRACE = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Head:
    """What a request says before its body; `path` and `query` are as they were sent."""

    method: str
    path: str
    query: str
    headers: Iterable[tuple[bytes, bytes]]
    scheme: str = "http"


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that may be answered once its body is there. `request_id` is the caller's own, or ""."""

    mounted: Mounted
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    query: Mapping[str, str]
    request_id: str
    trace: str
    caller: Caller = ANYBODY

    @property
    def path(self) -> str:
        """The path that was asked for, in its usual form."""
        return _HOLE.sub(lambda hole: self.parameters.get(hole[1], hole[0]), self.mounted.route.path)

    def asked(self, request_id: str) -> Asked:
        """Return what a record says of the request."""
        return Asked(
            protocol=self.mounted.protocol,
            request_id=self.request_id or request_id,
            caller=self.caller.id,
            trace=self.trace,
        )


class Desk:
    """Admits and answers requests with an engine, by every protocol that is installed."""

    def __init__(self, engine: Engine, certificates: Certificates | None = None) -> None:
        serving = engine.current.serving
        self.engine = engine
        self.access = Access(Path(serving.keys) if serving.keys else None)
        self._rates = Rates(serving.rate)
        self._is_free = not (serving.keys or serving.rate)
        self.metrics = engine.metrics
        wires = {name: plugin("protocol", name) for name in plugins("protocol")}
        own = OwnPages(engine)
        self.router = Router({"kervan": own, **wires})
        own.mounted = self.router.mounted
        self._hosts = Hosts(serving, certificates)
        # One at a time: they hold the lock of the interpreter.
        self._heavy = ThreadPoolExecutor(1, thread_name_prefix="kervan-heavy")
        self._waiting = 0
        self._slow_log = SlowLog()
        self._spans = Spans(serving) if are_wanted(serving) else None
        self.metrics.watch(self._now)
        self.metrics.watch_models(lambda: [(*each.key, each.tally) for each in engine.table.rows])

    def admit(self, head: Head) -> Admission:
        """Check all that can be checked before the body is there, or raise `HttpProblem`."""
        headers = read_headers(head.headers)
        check_sender(head.method, headers, self._hosts, head.scheme)
        mounted, parameters = self.router.find(head.method, head.path)
        try:
            caller = self._caller(mounted.route.scope, headers, parameters.get("name", ""))
            if mounted.route.method != "GET":
                check_kind(mounted.route, headers)
            return _admitted(mounted, parameters, headers, _read_query(head.query), caller)
        except HttpProblem as problem:
            problem.complaint = mounted.wire.complaint
            raise

    def admit_call(self, mounted: Mounted, metadata: Iterable[tuple[bytes, bytes]]) -> Admission:
        """Check what comes before the messages of a gRPC call, or raise `HttpProblem`.

        No page of a browser can make such a call, so there is no sender to be checked.
        """
        headers = read_headers(metadata)
        return _admitted(mounted, {}, headers, {}, self._caller(mounted.route.scope, headers, ""))

    def permit(self, admission: Admission, model: str, *, is_counted: bool = False) -> None:
        """Check that the caller is still known, may ask a model, and does not ask too often.

        Raises `HttpProblem`. One that `is_counted` is not taken from the caller's rate again.
        """
        if self._is_free:
            return
        caller = self._known(admission)
        caller.must(admission.mounted.route.scope, model)
        if not is_counted:
            self._rates.take(caller, model)

    async def answer(self, visit: Visit, admission: Admission, body: bytes) -> Reply:
        """Answer a request as `reply` does, outside of the event loop if that takes long."""
        if not _is_heavy(admission, body):
            return self.reply(visit, admission, body)
        if self._waiting >= _MOST_HEAVY:
            raise HttpProblem(
                503, "too many large requests wait", hint="send smaller ones", headers={"retry-after": "1"}
            )
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._heavy, self.reply, visit, admission, body)
        finally:
            self._waiting -= 1

    def reply(self, visit: Visit, admission: Admission, body: bytes) -> Reply:
        """Answer a request whose body is there. Raises whatever `complain` can tell."""
        route = admission.mounted.route
        call = Call(
            route=route,
            body=plain(body, admission.headers.get("content-encoding", "")),
            parameters=admission.parameters,
            headers=admission.headers,
            query=admission.query,
        )
        wire = admission.mounted.wire
        if route.action is Action.PREDICT:
            return self._predict(visit, admission, call)
        if route.action is Action.FEEDBACK:
            return self._take_feedback(admission, call, visit.request_id)
        caller = self._known(admission)
        if route.action is not Action.INFORM:
            wire.decode(call, self._changing(admission))
        elif route.scope is not Scope.OPEN:
            self._rates.take(caller, call.parameters.get("name", ""))
        return wire.inform(call, self._open_to(caller, route))

    def _take_feedback(self, admission: Admission, call: Call, request_id: str) -> Reply:
        """Take what came back. Whoever may tell of one model alone tells of that one."""
        caller = self._known(admission)
        model = call.parameters.get("name", "")
        if not model and not caller.may(Scope.FEEDBACK):
            model = self.engine.current.key[0]
        caller.must(Scope.FEEDBACK, model)
        self.engine.table.choose(model)
        self._rates.take(caller, model or self.engine.current.key[0])
        rows = decode_feedback(call.body)
        ids = self.engine.take_feedback(rows, model, admission.asked(request_id))
        return Reply(body=msgspec.json.encode({"taken": len(ids), "ids": ids}), status=202)

    def complain(self, error: Exception, visit: Visit) -> Reply:
        """Tell the caller what was wrong, in the way of the protocol; count it."""
        admission = visit.admission
        problem, reason = to_problem(error)
        visit.error = reason
        is_page = admission is not None and admission.mounted.route.scope is Scope.OPEN
        if not is_page:  # that the server is not ready is an answer
            self.metrics.refuse(reason)
        if reason == "surprise":
            _log.error("the server failed", exc_info=error, extra={**visit.place, "status": 500})
        elif isinstance(error, KervanError) and problem.status == 500:  # the recorder logs its own failures
            _log.error(str(error), extra={**visit.place, "status": 500, "error": error})
        complaint = admission.mounted.wire.complaint if admission is not None else problem.complaint
        return respond(problem, request_id=visit.request_id, complaint=complaint)

    def count(self, visit: Visit, status: int) -> None:
        """Count an answer that was given."""
        seconds = time.perf_counter() - visit.started
        self.metrics.count(visit.admission.mounted.route.path if visit.admission else "none", status, seconds)
        if self.tells(seconds):
            self.tell(visit, status, seconds)

    def tells(self, seconds: float) -> bool:
        """Say whether somebody is to be told of a request that took so long."""
        return self._spans is not None or seconds >= self.engine.current.serving.slow

    def tell(self, visit: Visit, status: int, seconds: float) -> None:
        """Tell of a request that was answered."""
        if seconds >= self.engine.current.serving.slow:
            self._slow_log.write(visit, status, seconds)
        if self._spans is not None:
            self._spans.add(visit, status, seconds)

    def close(self) -> None:
        """Send what is to be told and was not yet."""
        if self._spans is not None:
            self._spans.close()

    def _now(self) -> Now:
        engine = self.engine
        recorders = {id(each.recorder): each.recorder for each in engine.table.rows}
        return Now(
            large=self._waiting,
            records=sum(each.waiting for each in recorders.values()),
            processes=1,
            ready=int(not engine.failure),
        )

    def _changing(self, admission: Admission) -> Choose:
        """Return a choice that loads or unloads what is chosen, for those who may."""

        def change(name: str = "", version: str = "") -> Signature:
            self.permit(admission, name)
            if self.engine.is_one_of_many and self.engine.current.serving.folder:
                raise Conflict(
                    "this server has several processes, which load models from its folder alone",
                    hint="put the package there, or take it away",
                )
            return self.engine.change(admission.mounted.route.action, name, version)

        return change

    def _open_to(self, caller: Caller, route: Route) -> tuple[Served, ...]:
        """Return the models of which somebody may hear."""
        served = self.engine.table.served()
        if route.asks_folder:
            served = (*served, *self.engine.lying())
        if route.scope is Scope.OPEN:
            return served
        return tuple(each for each in served if caller.may(route.scope, each.name))

    def _caller(self, scope: Scope, headers: Mapping[str, str], model: str) -> Caller:
        """Return who asks, or raise `HttpProblem` if they may not; a model may still be named in the body."""
        if scope is Scope.OPEN:
            return ANYBODY
        caller = self.access.caller(headers)
        if model or not caller.may_some(scope):
            caller.must(scope, model)
        return caller

    def _known(self, admission: Admission) -> Caller:
        """Return the caller as the keys are now."""
        caller = admission.caller
        if admission.mounted.route.scope is Scope.OPEN or self.access.holds(caller):
            return caller
        return self.access.caller(admission.headers)

    def _predict(self, visit: Visit, admission: Admission, call: Call) -> Reply:
        started = time.perf_counter()
        wire = admission.mounted.wire
        table = self.engine.table
        chosen: list[Loaded] = []

        def choose(name: str = "", version: str = "") -> Signature:
            model = name or table.default.key[0]
            # First: which models there are is not everybody's business.
            self.permit(admission, model, is_counted=visit.is_counted or bool(chosen))
            is_dealt = visit.dealt is not None and table.is_open(name, version)
            chosen.append(
                visit.dealt if visit.dealt and is_dealt else table.deal(call.headers, name, version)
            )
            return chosen[-1].signature

        try:
            request = wire.decode(call, choose)
            if self._is_dealt_otherwise(visit, table, chosen[-1], request, call):
                request = wire.decode(call, choose)
            loaded = chosen[-1]
            decoded = time.perf_counter()
            answer = self.engine.answer(loaded, request, admission.asked(visit.request_id), started)
        except Exception as error:
            if chosen:
                self.blame(chosen[-1], error, visit)
            raise
        ended = time.perf_counter()
        loaded.seen.answer(1, len(request.rows), ended - decoded)
        if visit.is_looked_at:
            loaded.seen.look(ended - visit.started, answer.values)
        if table.shadows and loaded.role is ShareRole.STABLE:
            self.engine.reflect(_mirrored(answer, loaded, admission, is_looked_at=visit.is_looked_at))
        visit.work = Work(
            model=answer.model,
            version=answer.version,
            rows=len(request.rows),
            prediction=answer.id,
            wait=started - visit.started,
            decode=decoded - started,
            score=ended - decoded,
        )
        return wire.encode(answer, loaded.signature, call)

    def blame(self, loaded: Loaded, error: Exception, visit: Visit) -> None:
        """Count a request that a version did not answer, against the version if it is to blame."""
        loaded.tally.refuse()
        kind = kind_of(error)
        if kind:
            caller = visit.admission.caller.id if visit.admission else ""
            is_new = self.engine.incidents.is_new(kind, caller)
            loaded.seen.fail(kind, is_looked_at=visit.is_looked_at, is_new=is_new)

    def _is_dealt_otherwise(
        self, visit: Visit, table: Table, loaded: Loaded, request: Request, call: Call
    ) -> bool:
        """Say whether the rows, now that they are known, belong to another version, which is then dealt."""
        division = table.division
        is_open = loaded is table.default or loaded in table.rivals
        if division is None or not division.asks_rows or visit.dealt is not None or not is_open:
            return False
        if not table.is_open(call.parameters.get("name", ""), call.parameters.get("version", "")):
            return False
        row = request.rows[0] if request.rows else {}
        visit.dealt = division.by_row(row, row.get(table.default.entity), call.headers)
        return visit.dealt is not loaded


def _mirrored(answer: Answer, loaded: Loaded, admission: Admission, *, is_looked_at: bool) -> Mirrored:
    return Mirrored(
        ident=answer.id,
        rows=msgspec.json.encode(answer.request.rows, enc_hook=float),
        outputs=msgspec.json.encode(name_values(answer.values, loaded.signature)),
        asked=admission.asked(""),
        is_looked_at=is_looked_at,
    )


def _is_heavy(admission: Admission, body: bytes) -> bool:
    route = admission.mounted.route
    is_long = len(body) > SMALL or route.asks_folder or route.action not in {Action.PREDICT, Action.INFORM}
    return is_long or "content-encoding" in admission.headers


def _admitted(
    mounted: Mounted,
    parameters: Mapping[str, str],
    headers: Mapping[str, str],
    query: Mapping[str, str],
    caller: Caller,
) -> Admission:
    given = headers.get("x-request-id", "")
    trace = _TRACE.fullmatch(headers.get("traceparent", ""))
    return Admission(
        mounted=mounted,
        parameters=parameters,
        headers=headers,
        query=query,
        request_id=given if _REQUEST_ID.fullmatch(given) else "",
        trace=trace[1] if trace else "",
        caller=caller,
    )


def _read_query(query: str) -> dict[str, str]:
    """Return what stands behind the question mark of a path, or raise `HttpProblem`."""
    if not query:
        return {}
    try:
        return dict(parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError as error:
        raise HttpProblem(400, f"the path has more than {_MOST_FIELDS} parameters") from error


def request_id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the caller's own id if there is one and it is short and harmless, else a new one."""
    given = next((value.decode("latin-1") for name, value in headers if name.lower() == b"x-request-id"), "")
    return given if _REQUEST_ID.fullmatch(given) else new_id()
