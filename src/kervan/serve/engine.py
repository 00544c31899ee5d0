"""The one engine: it checks a request, predicts, guards the answer and hands over the record."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.errors import ParityFailed, ServerFailed
from kervan.core.identity import new_id
from kervan.core.nouns import Prediction, Serving
from kervan.core.ports import Answer, Predictor
from kervan.package.contents.manifest import Manifest
from kervan.package.encoding import NUMBER
from kervan.package.opening import load_package
from kervan.package.writing.formats.onnx import bound_memory
from kervan.serve.answer import check_values, name_values
from kervan.serve.decode import RowDecoder
from kervan.serve.metrics import Metrics
from kervan.serve.record import FORM
from kervan.serve.recorder import Recorder
from kervan.serve.trial import try_samples

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from kervan.core.ports import Matrix, Request
    from kervan.core.schema import Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A package that answered its health prediction; `since` is when it was ready."""

    serving: Serving
    manifest: Manifest
    package: str
    predictor: Predictor
    decoder: RowDecoder
    recorder: Recorder
    since: float

    @property
    def signature(self) -> Signature:
        """What the model takes and gives."""
        return self.manifest.signature


class Engine:
    """Answers with one package and switches to another between two requests.

    A request belongs to the `current` package that its caller took once; `answer` and the caller's
    decoding and encoding then agree, whatever is switched meanwhile.
    """

    def __init__(self, serving: Serving, metrics: Metrics | None = None) -> None:
        self.metrics = metrics or Metrics()
        self._recorders: dict[str, Recorder] = {}
        self._current = self._load(serving)
        self.metrics.name_model(serving, self._current.manifest)

    @property
    def current(self) -> Loaded:
        """The package that answers now."""
        return self._current

    @property
    def failure(self) -> str:
        """Why no prediction can be made now, or ""."""
        return self._current.recorder.failure

    def switch(self, serving: Serving) -> Loaded:
        """Load another package beside the current one, try it, and make it current.

        May run in a thread of its own. When it raises, the package before goes on.
        """
        loaded = self._load(serving)
        self._current = loaded
        self.metrics.name_model(serving, loaded.manifest)
        return loaded

    def answer(self, loaded: Loaded, request: Request, *, protocol: str, request_id: str) -> Answer:
        """Predict the rows of a request and hand over the record.

        Raises `RefusedRow` for rows that break the signature, `StorageFailed` when no record can be
        kept, `ServerFailed` when the model's figures are no answer; then the record has no outputs.
        """
        started = time.perf_counter()
        rows = request.rows
        matrix = loaded.decoder.decode(rows)
        failure: ServerFailed | None = None
        outputs: tuple[dict[str, Any], ...] = ()
        try:
            values = loaded.predictor.predict(matrix)
            check_values(values, len(rows), loaded.signature)
            outputs = name_values(values, loaded.signature)
        except ServerFailed as error:
            failure = error
        prediction = Prediction(
            id=new_id(),
            version=FORM,
            time=time.time(),
            environment=loaded.serving.environment,
            deployment=loaded.serving.deployment,
            model=loaded.manifest.ref,
            package=loaded.package,
            protocol=protocol,
            request=request.id or request_id,
            seconds=time.perf_counter() - started,
            inputs=_known(rows, loaded.signature),
            outputs=outputs,
        )
        loaded.recorder.append(prediction)
        if failure is not None:
            raise failure
        self.metrics.rows.inc(len(rows))
        return Answer(
            id=prediction.id,
            request=request.id,
            model=loaded.manifest.name,
            version=loaded.manifest.version,
            values=values,
            outputs=request.outputs,
        )

    def close(self) -> None:
        """Write the records that wait; raise `StorageFailed` if some are lost."""
        for recorder in self._recorders.values():
            recorder.close()

    def _load(self, serving: Serving) -> Loaded:
        bound_memory()
        manifest, predictor = load_package(Path(serving.package), trusted=serving.trusted or None)
        decoder = RowDecoder(manifest.signature)
        _try(manifest, predictor, decoder)
        if serving.records not in self._recorders:
            self._recorders[serving.records] = Recorder(Path(serving.records), self.metrics)
        return Loaded(
            serving=serving,
            manifest=manifest,
            package=manifest.hash,
            predictor=predictor,
            decoder=decoder,
            recorder=self._recorders[serving.records],
            since=time.time(),
        )


def _known(rows: Sequence[Mapping[str, Any]], signature: Signature) -> tuple[dict[str, Any], ...]:
    """Keep of each row what the model was asked with; other columns are nobody's business."""
    names = signature.inputs.names
    return tuple({name: row.get(name) for name in names} for row in rows)


def _try(manifest: Manifest, predictor: Predictor, decoder: RowDecoder) -> None:
    """Warm the model up with the package's samples (else with zeros) and check that it answers as it did."""
    matrix: Matrix = np.zeros((1, decoder.width), dtype=NUMBER)
    try:
        try_samples(manifest, predictor)
        if not manifest.samples:
            check_values(predictor.predict(matrix), len(matrix), manifest.signature)
    except (ServerFailed, ParityFailed) as error:
        raise type(error)(f"{manifest.ref} failed its health prediction: {error}", hint=error.hint) from error
