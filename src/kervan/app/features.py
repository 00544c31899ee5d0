"""What the features of a model are on the rows to learn from, before anything is trained."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kervan.app.parts import read_part
from kervan.core.called import file_of, located
from kervan.core.features import Feature, appended, fills
from kervan.core.identity import Ref
from kervan.core.nouns import Dataset, Role
from kervan.core.row_steps import IMPUTE, check_row_steps
from kervan.core.schema import Type
from kervan.data.columns import signature_of
from kervan.data.target import task_of, values_of
from kervan.model.features.signature import computed, unread
from kervan.model.features.stages import staged
from kervan.model.prepared import prepared_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kervan.app.project import Project
    from kervan.core.schema import Column, Signature

_TRIED = "tried"
_SAMPLES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureView:
    """A feature on the training part: of numbers the least, most and mean, of categories which there are."""

    name: str
    formula: str
    type: Type
    categories: tuple[str, ...]
    rows: int
    missing: int
    least: float | None
    most: float | None
    mean: float | None
    samples: tuple[str, ...]


def features(project: Project, ref: str = "", *, tried: str = "") -> tuple[FeatureView, ...]:
    """Return the features of `kervan.toml` on a dataset, by default the newest of the project.

    With `tried`, an expression or a function such as `geo:distance`, it alone is returned; it may use the
    others. Raises `InvalidConfig` for a feature without meaning, `InvalidData` for one that is missing in
    every row.
    """
    settings = project.config.model
    wanted = settings.features
    if tried:
        name = _free(_TRIED, [each.name for each in wanted])
        wanted = (*wanted, Feature(name, call=tried) if file_of(tried) else Feature(name, tried))
    wanted = located(wanted, project.config.folder)
    dataset = project.store.catalog.find(Dataset, Ref.parse(ref or project.config.dataset_name))
    table = read_part(project, dataset, Role.TRAIN)
    task = settings.task or task_of(values_of(table, dataset.target))
    schema = dataset.schema.without(*dataset.protection)
    found, left_out = signature_of(table, schema, dataset.target, task, settings.texts)
    signature = replace(
        found,
        reading=dataset.reading,
        steps=(*project.config.data.row_steps, *fills(wanted)),
        features=wanted,
    )
    check_row_steps(project.config.data.row_steps, signature.inputs)
    check_row_steps(fills(wanted), signature.inputs, IMPUTE)
    columns = computed(signature, unread(left_out))
    staged(signature)
    if not columns:
        return ()
    values = prepared_table(signature, table)[:, -len(columns) :]
    views = [_view(signature, place, column, values[:, place]) for place, column in enumerate(columns)]
    return tuple(views[-1:] if tried else views)


def _view(signature: Signature, place: int, column: Column, values: NDArray[np.float64]) -> FeatureView:
    is_category = column.type is Type.CATEGORY
    known = values[values >= 0] if is_category else values[~np.isnan(values)]
    has_numbers = not is_category and len(known) > 0
    return FeatureView(
        name=column.name,
        formula=appended(signature.features)[place].told,
        type=column.type,
        categories=column.allowed,
        rows=len(values),
        missing=len(values) - len(known),
        least=float(known.min()) if has_numbers else None,
        most=float(known.max()) if has_numbers else None,
        mean=float(known.mean()) if has_numbers else None,
        samples=tuple(_shown(value, column) for value in values[:_SAMPLES].tolist()),
    )


def _shown(value: float, column: Column) -> str:
    if np.isnan(value) or (column.type is Type.CATEGORY and value < 0):
        return "missing"
    if column.type is Type.CATEGORY:
        return column.allowed[int(value)]
    if column.type is Type.BOOLEAN:
        return "true" if value else "false"
    return f"{value:g}"


def _free(name: str, taken: Sequence[str]) -> str:
    return _free(f"{name}_", taken) if name in taken else name
