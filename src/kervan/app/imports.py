"""Models that were trained elsewhere become packages: signed, proved, and honest about what is not known."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from kervan.app.package import copy_package
from kervan.app.register import signing_key
from kervan.core.config import DataSettings
from kervan.core.errors import Conflict, InvalidInput, NotFound, did_you_mean
from kervan.core.identity import Version, check_name
from kervan.core.reading import Reading
from kervan.core.schema import Column, Schema, Signature, Type, Unseen
from kervan.data.columns import infer_schema
from kervan.data.ingest import load
from kervan.data.target import CLASSIFICATION, REGRESSION, task_of, values_of
from kervan.flow.table import as_texts
from kervan.package.contents.background import Outline
from kervan.package.contents.card import MODEL_CARD, model_card
from kervan.package.contents.files import list_files
from kervan.package.contents.manifest import Lineage, Manifest
from kervan.package.contents.materials import MATERIALS, bill_of_materials
from kervan.package.contents.seal import write_manifest, write_whole
from kervan.package.encoding import encode_table
from kervan.package.foreign.fit import fit, in_order_of
from kervan.package.foreign.open import CAN_BE_ALLOWED, open_model
from kervan.package.proving.build import load_format, requirements, served_format, write_formats
from kervan.package.proving.facts import format_facts
from kervan.package.safety.inspection import inspect_file
from kervan.package.safety.kinds import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Collection

    import polars as pl

    from kervan.app.project import Project
    from kervan.package.foreign.foreign import Foreign
    from kervan.package.foreign.open import Opened

_REAL_ROWS = 1_000
_SAMPLES = 20
_READING = Reading.of_table(DataSettings().missing)  # by these rules the table is read that proves a model


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What a file is: its kind, the compressions around it, and by member the kinds of what lies in it."""

    kind: str
    title: str
    runs_code: bool
    wrapped: tuple[str, ...]
    inside: tuple[tuple[str, str], ...]


def inspect_model(file: Path, allow: Collection[str] = ()) -> Inspected:
    """Say what a file from elsewhere is.

    Raises what `inspect_file` raises, and `InvalidInput` where `allow` names no kind.
    """
    _check_kinds(allow)
    found = inspect_file(file, allow=allow)
    return Inspected(
        kind=found.kind,
        title=BY_NAME[found.kind].title,
        runs_code=found.runs_code,
        wrapped=found.wrapped,
        inside=found.inside,
    )


def _check_kinds(names: Collection[str]) -> None:
    for name in names:
        if name not in BY_NAME:
            raise InvalidInput(f"there is no kind of file {name!r}", hint=did_you_mean(name, BY_NAME))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to become of a model: its name, the table that it is proved on, and what it predicts there.

    `table` holds the columns that it was trained on. Without the file `signature` (a signature or a manifest
    as JSON) they and the column `target` say what the model takes and gives; `task` says whether that is a
    "classification" or a "regression" where the values leave it open. `allow` names kinds of files that run
    code, to be run all the same.
    """

    name: str
    table: str
    version: str = "1.0.0"
    target: str = ""
    task: str = ""
    signature: Path | None = None
    formats: tuple[str, ...] = ("onnx",)
    licence: str = ""
    use: str = ""
    allow: tuple[str, ...] = ()


def import_model(project: Project, file: Path, to: Path, wanted: Wanted) -> Manifest:
    """Make a package of a model that somebody trained elsewhere: a new folder, or one file `….kervan`.

    Nothing that the file says is run unless its kind is allowed, and nothing stays unless every format is
    proved on the table's rows. Raises what `open_model`, `fit` and `write_formats` raise, and `Conflict` if
    the place is taken.
    """
    wanted = replace(
        wanted, name=check_name(wanted.name, "a model"), version=str(Version.parse(wanted.version))
    )
    _check_kinds(wanted.allow)
    for kind in wanted.allow:
        if kind not in CAN_BE_ALLOWED:
            raise InvalidInput(
                f"--allow {kind} changes nothing: of files from elsewhere, this kind is never run",
                hint=f"it knows {' and '.join(CAN_BE_ALLOWED)}; a pickle of scikit-learn is read without it",
            )
    if to.exists() or to.is_symlink():
        raise Conflict(f"{to} exists already", hint="choose another name")
    rows = load(wanted.table, Path.cwd(), DataSettings()).table
    with project.stage("read") as tell:
        opened = open_model(file, allow=wanted.allow, columns=_width(rows, wanted))
        tell(f"{opened.place}, {opened.foreign.kind}")
    signature = _signature(opened.foreign, rows, wanted)
    matrix = encode_table(rows, signature)[:_REAL_ROWS]
    fitted = fit(opened.foreign, signature, matrix, str(file))
    with tempfile.TemporaryDirectory(prefix="kervan-") as scratch:
        folder = Path(scratch) / "package"
        with project.stage("prove") as tell:
            parity = write_formats(fitted, folder, wanted.formats, matrix)
            tell(", ".join(wanted.formats))
        manifest = _manifest(project, opened, signature, wanted)
        complete = _complete(project, replace(manifest, parity=parity), rows, wanted, folder)
        copy_package(folder, to)
    return complete


def _width(rows: pl.DataFrame, wanted: Wanted) -> int:
    """Count the columns that the model is given."""
    if wanted.signature is not None:
        return len(read_signature(wanted.signature).inputs.columns)
    return len(set(rows.columns) - {wanted.target})


def _signature(foreign: Foreign, rows: pl.DataFrame, wanted: Wanted) -> Signature:
    if wanted.signature is not None:
        return read_signature(wanted.signature)
    if wanted.target not in rows.columns:
        raise InvalidInput(
            f"the table has no column {wanted.target!r} to be predicted"
            if wanted.target
            else "no target is named",
            hint=did_you_mean(wanted.target, rows.columns) if wanted.target else "name it by --target",
        )
    known = infer_schema(rows, DataSettings())
    names = foreign.names if set(foreign.names) <= set(rows.columns) else ()
    chosen = [known[name] for name in names or known.without(wanted.target).names]
    inputs = [_input(column, foreign, place) for place, column in enumerate(chosen)]
    output = _output(rows[wanted.target], _task(foreign, rows, wanted))
    return in_order_of(foreign, Signature(inputs=Schema(tuple(inputs)), output=output, reading=_READING))


def _task(foreign: Foreign, rows: pl.DataFrame, wanted: Wanted) -> str:
    """Return the task that was asked for; else the model's own where numbers could be either, else theirs."""
    holds_numbers = rows[wanted.target].dtype.is_numeric()
    if wanted.task == REGRESSION and not holds_numbers and not foreign.is_classification:
        raise InvalidInput(
            f"the column {wanted.target!r} holds no numbers, which a regression predicts",
            hint="name the column of numbers by --target",
        )
    if wanted.task or not holds_numbers or foreign.is_classification is None:
        return task_of(values_of(rows, wanted.target), wanted.task)
    return CLASSIFICATION if foreign.is_classification else REGRESSION


def _input(column: Column, foreign: Foreign, place: int) -> Column:
    """Return a column of the table as the model takes it; texts only where it knows what they stand for."""
    texts = foreign.categories.get(place, ())
    if texts and foreign.closed is not None:
        unseen = Unseen.REFUSE if place in foreign.closed else column.unseen
        return Column(
            name=column.name, type=Type.CATEGORY, nullable=column.nullable, allowed=texts, unseen=unseen
        )
    if not (column.type.is_numeric or column.type is Type.CATEGORY):
        raise InvalidInput(
            f"column {column.name!r} of the table holds {column.type}s, which no model takes here",
            hint="leave it out of the table, if the model was not trained on it",
        )
    if column.type is not Type.CATEGORY or foreign.graph is not None:
        return column
    if not texts:
        raise InvalidInput(
            f"column {column.name!r} of the table holds texts, and the model does not say their codes",
            hint="give the numbers that the model was trained on, or a --signature whose `allowed` lists the "
            "texts in the order of their codes",
        )
    if strange := set(column.allowed) - set(texts):
        raise InvalidInput(
            f"column {column.name!r} holds {min(strange)!r}, which the model does not know",
            hint=f"it knows: {', '.join(texts)}",
        )
    return replace(column, allowed=texts)


def _output(values: pl.Series, task: str) -> Column:
    if task != CLASSIFICATION:
        return Column(name=values.name, type=Type.NUMBER)
    present = values.drop_nulls()
    # Numbers in the order of numbers: so do the libraries that train on them.
    ordered = present.unique().sort() if present.dtype.is_numeric() else as_texts(present).unique().sort()
    return Column(name=values.name, type=Type.CATEGORY, allowed=tuple(as_texts(ordered).to_list()))


def read_signature(path: Path) -> Signature:
    """Read a signature as JSON, alone or in a manifest. Raises `InvalidInput` that names the file.

    One that says nothing of how values are read takes the rules of tables.
    """
    try:
        told: dict[str, Any] = msgspec.json.decode(path.read_bytes(), type=dict)
        told = told.get("signature", told)
        signature = msgspec.convert(told, Signature)
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}") from error
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(
            f"{path} is no signature: {error}", hint="it is written like `signature` in a manifest.json"
        ) from error
    return signature if "reading" in told else replace(signature, reading=_READING)


def _manifest(project: Project, opened: Opened, signature: Signature, wanted: Wanted) -> Manifest:
    return Manifest(
        name=wanted.name,
        version=wanted.version,
        created=time.time(),
        creator=project.store.workspace.actor,
        signature=signature,
        formats=wanted.formats,
        parity=(),
        files=(),
        family=opened.foreign.kind,
        licence=wanted.licence,
        requirements=requirements(wanted.formats),
        facts=format_facts(wanted.formats),
        lineage=Lineage(source=opened.place, source_kind=opened.foreign.kind, source_hash=opened.sha256),
        model_card=MODEL_CARD,
        materials=MATERIALS,
    )


def _complete(
    project: Project, manifest: Manifest, rows: pl.DataFrame, wanted: Wanted, folder: Path
) -> Manifest:
    """Write card, bill of materials, manifest and signature beside the formats."""
    samples = _samples(rows, manifest.signature)
    name = served_format(manifest.formats)
    predictor = load_format(name, folder / name, manifest.signature, manifest.precision)
    values = predictor.predict(encode_table(samples, manifest.signature))
    answers = tuple(map(tuple, values.tolist())) if np.isfinite(values).all() else ()
    whole = replace(manifest, samples=tuple(samples.to_dicts()), answers=answers)
    outline = Outline(manifest=whole, use=wanted.use)
    materials = bill_of_materials(outline, list_files(folder))
    write_whole(folder / MODEL_CARD, model_card(outline).encode())
    write_whole(folder / MATERIALS, materials)
    return write_manifest(whole, folder, signing_key(project))


def _samples(rows: pl.DataFrame, signature: Signature) -> pl.DataFrame:
    """Return the first rows as a request would hold them: categories are texts."""
    first = rows.head(_SAMPLES)
    return first.select(
        [
            as_texts(first[column.name]) if column.type is Type.CATEGORY else first[column.name]
            for column in signature.inputs
        ]
    )
