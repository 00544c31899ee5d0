"""The folder that `PipelineModel.load` reads: a pipeline of one stage, which is a statement of SQL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kervan.core.errors import Refused
from kervan.core.identity import sha256
from kervan.package.writing.scalar.dialects import DIALECTS
from kervan.package.writing.scalar.sql import TABLE, write_script
from kervan.package.writing.scalar.sql_formulas import answer_names, free_name

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.package.writing.neutral.form import Form

_THIS = "__THIS__"  # what Spark exchanges for the table, wherever it stands
_DIALECT = DIALECTS["spark"]
_VERSION = "4.3.0"
_ML = "org.apache.spark.ml"


def write_pipeline(form: Form, folder: Path) -> None:
    """Write a form as a pipeline. Raises `Refused` for a form that no query can say."""
    _DIALECT.check_names(form.signature.inputs.names)
    statement = _statement(form)
    ident = sha256(statement.encode())[:12]
    stage = f"SQLTransformer_{ident}"
    _write(folder, "PipelineModel", f"PipelineModel_{ident}", {"stageUids": [stage]})
    _write(folder / "stages" / f"0_{stage}", "feature.SQLTransformer", stage, {"statement": statement})


def _statement(form: Form) -> str:
    """Return a statement that gives every column of a table, and the answers after them."""
    signature, named = form.signature, _DIALECT.identifier
    kept, answered = named(free_name("kept", signature)), named("answered")
    query = write_script(form, _DIALECT).keyed(kept).query.partition("\n")[2]  # without its comment
    taken = [named(name) for name in signature.inputs.names]
    given = [named(name) for name in answer_names(signature)]
    source = f"SELECT STRUCT(*) AS {kept}, {', '.join(taken)} FROM {_THIS}"  # noqa: S608 - quoted names
    last = f"SELECT {kept}.*, {', '.join(given)} FROM {answered}"  # noqa: S608
    statement = f"WITH {named(TABLE)} AS ({source}),\n{answered} AS (\n{query})\n{last}"
    if statement.count(_THIS) > 1:
        raise Refused(
            f"Spark ML puts the table's name wherever {_THIS} stands in a statement, also in a column's name",
            hint="rename the column or category that holds it",
        )
    return statement


def _write(folder: Path, name: str, uid: str, parameters: dict[str, object]) -> None:
    """Write the metadata of a pipeline or stage as Spark does: one line, in a file of a folder of its own."""
    content = {
        "class": f"{_ML}.{name}",
        "timestamp": 0,  # the same model always gives the same files
        "sparkVersion": _VERSION,
        "uid": uid,
        "paramMap": parameters,
        "defaultParamMap": {},
    }
    place = folder / "metadata"
    place.mkdir(parents=True)
    (place / "part-00000").write_text(json.dumps(content) + "\n", encoding="ascii", newline="\n")
    (place / "_SUCCESS").touch()
