"""The one engine: it predicts, guards the answer and hands over the record, for one version or many."""

from __future__ import annotations

import gc
import threading
import time
from contextlib import suppress
from ctypes import CDLL
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from kervan.core import feedback
from kervan.core.errors import Conflict, InvalidInput, NotFound, ParityFailed, ServerFailed
from kervan.core.ports import Action, Answer, Served
from kervan.core.serving import SHADOWS, ShareRole
from kervan.package.encoding import NUMBER
from kervan.package.opening import load_package, told
from kervan.package.quick.quickened import Quickened
from kervan.package.writing.formats.onnx import bound_memory
from kervan.serve.answer import check_values, name_values
from kervan.serve.asked import Asked, record_of
from kervan.serve.decode import RowDecoder
from kervan.serve.keeper import keeper_of, read_entity
from kervan.serve.library import named_by_others, packages_in
from kervan.serve.metrics import Metrics
from kervan.serve.mirror import Mirror
from kervan.serve.recorder import Recorder
from kervan.serve.seen import Incidents, Seen
from kervan.serve.table import Loaded, Table
from kervan.serve.trial import try_samples

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from kervan.core.ports import Matrix, Predictor, Request
    from kervan.core.schema import Signature
    from kervan.core.serving import Serving
    from kervan.package.contents.manifest import Manifest
    from kervan.serve.mirror import Mirrored

_MANY = 16  # rows with which it is tried whether scoring them together pays
_encoder = msgspec.json.Encoder(enc_hook=float)


class Engine:
    """Answers with the versions in its table and changes the table between two requests.

    A request belongs to the version that its caller took once; `answer` and the caller's decoding and
    encoding then agree, whatever is switched meanwhile.
    """

    def __init__(
        self,
        serving: Serving,
        metrics: Metrics | None = None,
        *,
        recorder: Callable[[Path, Metrics | None], Recorder] = Recorder,
    ) -> None:
        self.metrics = metrics or Metrics()
        self._recorders: dict[Path, Recorder] = {}
        self._new_recorder = recorder
        self._changing = threading.Lock()
        self._added: dict[tuple[str, str], Loaded] = {}  # by `load`, not by what the server is told to do
        self.is_one_of_many = False  # beside other processes at the same address
        self.incidents = Incidents()
        self.mirror = Mirror()
        self._table = self._made(serving, ())
        self._tell()

    @property
    def table(self) -> Table:
        """The versions that answer now."""
        return self._table

    @property
    def current(self) -> Loaded:
        """The version that answers where nothing else is asked for."""
        return self._table.default

    @property
    def failure(self) -> str:
        """Why no prediction can be made now, or ""."""
        return self.current.recorder.failure

    def switch(self, serving: Serving) -> Loaded:
        """Load another package beside the current one, try it, and make it the default.

        May run in a thread of its own. When it raises, what was there goes on.
        """
        made = self._made(serving, self._table.rows)
        with self._changing:
            self._table = Table(made.default, [*self._added.values(), *made.rows], made.rivals)
        self._tell()
        return made.default

    def load(self, package: Path, alias: str = "") -> Loaded:
        """Load one more version, or the same one anew, and let it answer those who ask for it."""
        loaded = self._load(self.current.serving, str(package))
        if alias not in {"", loaded.manifest.name}:
            loaded = replace(loaded, alias=alias)
        with self._changing:
            self._added[loaded.key] = loaded
            self._table = self._table.having(loaded)
        self._tell()
        return loaded

    def unload(self, name: str, version: str = "") -> None:
        """Forget a version, or all of a name; requests that have it are still answered.

        Raises `NotFound`, and `Conflict` for the version that answers by default.
        """
        with self._changing:
            gone = [each for each in self._table.rows if each.key[0] == name and version in {"", each.key[1]}]
            if not gone:
                there = ", ".join("@".join(each.key) for each in self._table.rows)
                raise NotFound(
                    f"there is no model {name}{'@' * bool(version)}{version} here", hint=f"there is {there}"
                )
            if self.current in gone:
                raise Conflict(
                    f"{self.current.manifest.ref} answers whoever names no version",
                    hint="release another one first",
                )
            if any(each in gone for each in self._table.rivals):
                raise Conflict(f"{gone[0].manifest.ref} is being released", hint="roll it back first")
            for each in gone:
                self._added.pop(each.key, None)
                self._table = self._table.without(each)
        del gone, each
        self._tell()
        _give_back_memory()

    def change(self, action: Action, name: str, version: str = "") -> Signature:
        """Load a version (anew, unless it is to be added) or unload it, and return what it takes."""
        if action is Action.UNLOAD:
            signature = self.table.choose(name, version).signature
            self.unload(name, version)
            return signature
        if action is Action.ADD and any(
            name == each.key[0] and version in {"", each.key[1]} for each in self.table.rows
        ):
            raise Conflict(f"{name}{'@' * bool(version)}{version} is loaded", hint="unload it first")
        return self.load(self.find_package(name, version), name).signature

    def find_package(self, name: str, version: str = "") -> Path:
        """Return the package in the server's folder that holds a model, the newest where no version is named.

        If there is none of this name, it may be one that somebody else named, in a folder of its own.
        Raises `NotFound`, and `InvalidInput` where the server has no folder of packages.
        """
        folder = self.current.serving.folder
        if not folder:
            raise InvalidInput(
                "this server has no folder to load models from", hint="kervan serve --models FOLDER"
            )
        found = [
            path
            for path, manifest in packages_in(Path(folder))
            if manifest.name == name and version in {"", manifest.version}
        ]
        if not found and not version:
            found = named_by_others(Path(folder), name)
        if not found:
            raise NotFound(
                f"{folder} holds no package of {name}{'@' * bool(version)}{version}",
                hint="put one there: kervan package export",
            )
        return found[-1]

    def lying(self) -> tuple[Served, ...]:
        """Tell which models lie in the server's folder and are not loaded; none where it has no folder."""
        folder = self.current.serving.folder
        loaded = {each.key for each in self.table.rows}
        return tuple(
            Served(
                name=manifest.name,
                version=manifest.version,
                signature=manifest.signature,
                is_default=False,
                is_ready=False,
                reason="not loaded",
            )
            for _, manifest in (packages_in(Path(folder)) if folder else ())
            if (manifest.name, manifest.version) not in loaded
        )

    def answer(self, loaded: Loaded, request: Request, asked: Asked, started: float | None = None) -> Answer:
        """Predict the rows of a request and hand over the record.

        Raises `RefusedRow` for rows that break the signature, `StorageFailed` when no record can be
        kept, `ServerFailed` when the model's figures are no answer; then the record has no outputs.
        """
        started = time.perf_counter() if started is None else started
        matrix = loaded.decoder.decode(request.rows)
        entity = read_entity(request.rows, loaded.entity)
        decoded = time.perf_counter()
        values: Any = None
        failure: ServerFailed | None = None
        outputs: tuple[dict[str, Any], ...] = ()
        try:
            values = loaded.predictor.predict(matrix)
            check_values(values, len(matrix), loaded.signature)
            outputs = name_values(values, loaded.signature)
        except ServerFailed as error:
            failure = error
        scored = time.perf_counter()
        record = {
            **record_of(loaded, asked),
            "time": time.time(),
            "request": request.id or asked.request_id,
            "trace": asked.trace,
            "seconds": scored - started,
            "decode": decoded - started,
            "score": scored - decoded,
            **({} if entity is None else {"entity": entity}),
            "inputs": _known(request.rows, loaded.signature),
            "outputs": outputs,
        }
        ident = loaded.recorder.append(_encoder.encode(record)[1:], len(matrix), loaded.keeper)
        if failure is not None:
            raise failure
        parts = (decoded - started, 0.0, scored - decoded)
        self.metrics.add_run(len(matrix), 1, parts)
        loaded.tally.add(len(matrix), 1, parts)
        return Answer(id=ident, request=request, model=loaded.key[0], version=loaded.key[1], values=values)

    def take_feedback(self, rows: Sequence[Mapping[str, Any]], model: str, asked: Asked) -> list[str]:
        """Write down what came back about predictions, and return the ids under which it is kept.

        `rows` are as `kervan.serve.feedback` reads them, `model` is "" or the only one they may be about.
        Raises `InvalidInput` where entities are not to be kept, `StorageFailed` when nothing can be.
        """
        loaded = self.current
        common = {"model": model, "caller": asked.caller, "request": asked.request_id}
        rests = []
        for row in rows:
            kept = dict(row)
            if loaded.keeper is not None and "entity" in row:
                kept["entity"] = loaded.keeper.entity(row["entity"])
                if kept["entity"] is None:
                    raise InvalidInput("entities are not kept here", hint="name predictions by their ids")
            record = {"version": feedback.FORM, "time": time.time(), **kept, **common}
            rests.append(_encoder.encode(record)[1:])
        with self._changing:
            recorder = self._recorder(Path(loaded.serving.records) / feedback.FOLDER)  # counted by itself
        ids = recorder.extend(rests, len(rests))
        self.metrics.add_feedback(len(ids))
        return ids

    def reflect(self, mirrored: Mirrored) -> None:
        """Let the shadows be asked what was answered just now. Nobody waits for it."""
        if self._table.shadows:
            self.mirror.take(self._table.shadows, mirrored)

    def flush(self) -> None:
        """Wait until the records of all that was answered are written; raise `StorageFailed` if not."""
        for recorder in tuple(self._recorders.values()):
            recorder.flush()

    def close(self) -> None:
        """Write the records that wait; raise `StorageFailed` if some are lost."""
        self.mirror.close()
        for recorder in self._recorders.values():
            recorder.close()

    def _made(self, serving: Serving, known: Sequence[Loaded]) -> Table:
        """Return the table that a serving file asks for; what is known and stays is not loaded again."""
        stable = self._brought(serving, serving.package, known)
        stable = replace(stable, share=1.0 - sum(each.share for each in serving.rivals))
        rivals = [
            replace(self._brought(serving, each.package, known), role=each.role, share=each.share)
            for each in serving.rivals
        ]
        for each in rivals:
            if each.role is ShareRole.SHADOW:
                self.mirror.knows(self._recorder(Path(serving.records) / SHADOWS))
        table = Table(stable, (), rivals)
        for package in serving.others:
            other = self._brought(serving, package, known)
            if other.key not in {each.key for each in table.rows}:
                table = table.having(other)
        return table

    def _brought(self, serving: Serving, package: str, known: Sequence[Loaded]) -> Loaded:
        """Return a package that is ready, which it may be already."""
        manifest = told(Path(package))
        found = [each for each in known if manifest is not None and each.package == manifest.hash]
        stays = [each for each in found if _is_kept_alike(each.serving, serving) and not each.alias]
        if not stays:
            return self._load(serving, package)
        seen = Seen(serving.deployment, stays[0].manifest.ref, stays[0].signature)
        return replace(stays[0], serving=serving, seen=seen, role=ShareRole.STABLE, share=1.0)

    def _load(self, serving: Serving, package: str) -> Loaded:
        bound_memory()
        manifest, predictor = load_package(
            Path(package), trusted=serving.trusted or None, allow=serving.allow
        )
        decoder = RowDecoder(manifest.signature)
        matrix = _try(manifest, predictor, decoder)
        if isinstance(predictor, Quickened):
            predictor.settle(matrix)
        keeper = keeper_of(serving.keeping, serving.keeping.entity or manifest.entity)
        return Loaded(
            serving=serving,
            manifest=manifest,
            package=manifest.hash,
            predictor=predictor,
            decoder=decoder,
            recorder=self._recorder(Path(serving.records), self.metrics),
            since=time.time(),
            seen=Seen(serving.deployment, manifest.ref, manifest.signature),
            batches=_pays(predictor, matrix[:1]),
            keeper=keeper,
        )

    def _recorder(self, folder: Path, metrics: Metrics | None = None) -> Recorder:
        if folder not in self._recorders:
            self._recorders[folder] = self._new_recorder(folder, metrics)
        return self._recorders[folder]

    def _tell(self) -> None:
        self.metrics.name_models(
            [
                (*each.key, each.package, each.serving.environment, each.serving.deployment)
                for each in self._table.rows
            ]
        )


def _is_kept_alike(one: Serving, other: Serving) -> bool:
    """Say whether records are kept in the same way, of packages that the same people may have made."""
    return all(getattr(one, name) == getattr(other, name) for name in ("records", "keeping", "trusted"))


def _known(rows: Sequence[Mapping[str, Any]], signature: Signature) -> tuple[dict[str, Any], ...]:
    """Keep of each row what the model was asked with; other columns are nobody's business."""
    names = signature.inputs.names
    return tuple({name: row.get(name) for name in names} for row in rows)


def _try(manifest: Manifest, predictor: Predictor, decoder: RowDecoder) -> Matrix:
    """Warm the model up with the package's samples (else with zeros) and check that it answers as it did.

    Returns some encoded rows.
    """
    matrix: Matrix = np.zeros((1, decoder.width), dtype=NUMBER)
    try:
        try_samples(manifest, predictor)
        if not manifest.samples:
            check_values(predictor.predict(matrix), len(matrix), manifest.signature)
    except (ServerFailed, ParityFailed) as error:
        raise type(error)(f"{manifest.ref} failed its health prediction: {error}", hint=error.hint) from error
    return decoder.decode([dict(sample) for sample in manifest.samples]) if manifest.samples else matrix


def _pays(predictor: Predictor, row: Matrix) -> bool:
    """Say whether scoring rows together takes less time than one after the other."""
    return _seconds(predictor, np.repeat(row, _MANY, axis=0)) < _MANY * _seconds(predictor, row)


def _seconds(predictor: Predictor, matrix: Matrix) -> float:
    """Return the least time of a few that scoring a matrix takes."""
    times = []
    for _ in range(5):
        started = time.perf_counter()
        predictor.predict(matrix)
        times.append(time.perf_counter() - started)
    return min(times)


def _give_back_memory() -> None:
    """Hand the memory of models that are gone back to the system, where the C library can."""
    gc.collect()
    with suppress(OSError, AttributeError):
        CDLL(None).malloc_trim(0)
