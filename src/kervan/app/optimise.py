"""Whether smaller or faster numbers pay for a registered model."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from kervan.app.formats import original_of
from kervan.app.parts import read_part
from kervan.core.errors import Conflict, NotFound, Refused, StorageFailed, did_you_mean
from kervan.core.identity import new_id
from kervan.core.nouns import Dataset, Link, Report, ReportKind, Role, Verdict
from kervan.model.evaluate import evaluate
from kervan.model.metrics import default_metric, task_of
from kervan.package.encoding import encode_table, encode_truth
from kervan.package.proving.optimise import FILE, Question, optimise

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.app.project import Project
    from kervan.core.nouns import Model
    from kervan.core.ports import Predictor
    from kervan.package.proving.optimise import Measured


def metric_of(model: Model) -> str:
    """Return the metric by which the graphs of a model are compared."""
    return default_metric(task_of(model.signature))


def optimise_model(project: Project, model: Model) -> list[Measured]:
    """Measure the model's graph in narrower numbers on its validation part; the figures go on record."""
    fitted = original_of(project, model)
    signature = model.signature
    table = read_part(project, project.store.catalog.get(Dataset, model.dataset), Role.VALIDATION)
    matrix = encode_table(table, signature)
    truth = encode_truth(table[signature.output.name], signature.output)
    metric = metric_of(model)

    def score(predictor: Predictor) -> float:
        return evaluate(predictor, matrix, truth, signature).metrics[metric]

    found = optimise(fitted, Question(rows=matrix, score=score))
    body = [{**msgspec.to_builtins(each), "content": None, "metric": metric} for each in found]
    report = Report(
        id=new_id(),
        name=model.name,
        creator=project.store.workspace.actor,
        time=time.time(),
        parents=(Link(parent=model.id, role="about"),),
        kind=ReportKind.PARITY,
        verdict=Verdict.PASSED,
        body=body,
    )
    with project.store.catalog.transaction() as transaction:
        transaction.put(report)
    return found


def write_graph(found: list[Measured], name: str, to: Path) -> Path:
    """Write one of the measured graphs into a new folder. Raises `Refused` for one that does not pay."""
    graphs = {each.name: each for each in found if each.name != "original"}
    if name not in graphs:
        raise NotFound(f"there is no graph {name!r}", hint=did_you_mean(name, graphs))
    if not graphs[name].pays:
        raise Refused(f"{name} does not pay: {graphs[name].reason}", hint="keep the graph as it is")
    try:
        to.mkdir(parents=True)
        (to / FILE).write_bytes(graphs[name].content)
    except FileExistsError as error:
        raise Conflict(f"{to} exists already", hint="choose another folder") from error
    except OSError as error:
        raise StorageFailed(f"cannot write {to}: {error.strerror}") from error
    return to / FILE
