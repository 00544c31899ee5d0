"""What the records know about a candidate, written into its package: cards, materials, manifest."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kervan.app.parts import read_part
from kervan.core.imported import needed
from kervan.core.nouns import Role, Verdict
from kervan.package.contents.background import Background
from kervan.package.contents.card import DATA_CARD, MODEL_CARD, data_card, model_card
from kervan.package.contents.files import list_files
from kervan.package.contents.manifest import Lineage, Manifest
from kervan.package.contents.materials import MATERIALS, bill_of_materials
from kervan.package.contents.seal import write_manifest, write_whole
from kervan.package.encoding import encode_table
from kervan.package.proving.build import load_format, requirements, served_format
from kervan.package.proving.facts import format_facts

if TYPE_CHECKING:
    import polars as pl

    from kervan.app.project import Project
    from kervan.app.train import Trained
    from kervan.core.identity import Version
    from kervan.core.nouns import Report
    from kervan.package.contents.signing import SigningKey

_SAMPLES = 20


def complete_package(
    project: Project, trained: Trained, acceptance: Report, version: Version, folder: Path, key: SigningKey
) -> Manifest:
    """Write cards, bill of materials, manifest and signature beside a candidate's formats."""
    rows = _samples(project, trained)
    manifest = replace(
        _manifest(project, trained, acceptance, version),
        samples=tuple(rows.to_dicts()),
        answers=_answers(rows, trained, folder),
    )
    background = Background(
        manifest=manifest,
        dataset=trained.dataset,
        acceptance=acceptance,
        use=project.config.package.use,
        chosen=trained.candidate.named_by(trained.evaluation.rows),
        calibrated=trained.candidate.calibrated.told if trained.candidate.calibrated else "",
    )
    materials = bill_of_materials(background, list_files(folder))
    write_whole(folder / MODEL_CARD, model_card(background).encode())
    write_whole(folder / DATA_CARD, data_card(background).encode())
    write_whole(folder / MATERIALS, materials)
    return write_manifest(manifest, folder, key)


def _manifest(project: Project, trained: Trained, acceptance: Report, version: Version) -> Manifest:
    candidate, evaluation = trained.candidate, trained.evaluation
    called = needed(candidate.functions.values())
    return Manifest(
        name=project.config.model_name,
        version=str(version),
        created=time.time(),
        creator=project.store.workspace.actor,
        signature=trained.signature,
        formats=candidate.formats,
        parity=candidate.parity,
        files=(),
        metrics=dict(evaluation.metrics),
        intervals={metric: (each.low, each.high) for metric, each in evaluation.intervals.items()},
        doubts=tuple(each.message for each in acceptance.findings if each.verdict is Verdict.WARNED),
        family=candidate.family,
        licence=project.config.package.licence,
        requirements=requirements(candidate.formats) | called,
        facts=format_facts(candidate.formats, called),
        lineage=_lineage(trained, acceptance),
        model_card=MODEL_CARD,
        data_card=DATA_CARD,
        materials=MATERIALS,
        entity=project.config.data.entity,
    )


def _lineage(trained: Trained, acceptance: Report) -> Lineage:
    code = trained.run.code
    return Lineage(
        dataset=trained.dataset.ref,
        dataset_hash=trained.dataset.hash,
        run=trained.run.id,
        repository="" if Path(code.repository).is_absolute() else code.repository,  # a folder tells too much
        branch=code.branch,
        commit=code.commit,
        difference=code.difference,
        acceptance=acceptance.id,
    )


def _samples(project: Project, trained: Trained) -> pl.DataFrame:
    rows = read_part(project, trained.dataset, Role.VALIDATION).head(_SAMPLES)
    # Columns one by one: a list of names would be read as patterns.
    return rows.select([rows[name] for name in trained.signature.inputs.names])


def _answers(rows: pl.DataFrame, trained: Trained, folder: Path) -> tuple[tuple[float, ...], ...]:
    name = served_format(trained.candidate.formats)
    predictor = load_format(name, folder / name, trained.signature)
    values = predictor.predict(encode_table(rows, trained.signature))
    return tuple(map(tuple, values.tolist())) if np.isfinite(values).all() else ()  # JSON has no NaN
