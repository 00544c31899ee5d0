"""A dataset's metadata in the forms that other catalogues read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidInput, did_you_mean
from kervan.core.identity import Ref
from kervan.core.nouns import Dataset, Run
from kervan.data.metadata.croissant import croissant
from kervan.data.metadata.dcat import dcat
from kervan.data.metadata.openlineage import openlineage

if TYPE_CHECKING:
    from kervan.app.project import Project

FORMS = ("croissant", "dcat", "openlineage")
_MOST_RUNS = 1_000


def metadata_of(project: Project, ref: str, form: str) -> Any:
    """Return what other catalogues read of a dataset: values that JSON can hold."""
    if form not in FORMS:
        raise InvalidInput(f"there is no form {form!r} of metadata", hint=did_you_mean(form, FORMS))
    dataset = project.store.catalog.find(Dataset, Ref.parse(ref))
    if form == "croissant":
        return croissant(dataset)
    if form == "dcat":
        return dcat(dataset)
    runs, _ = project.store.catalog.descendants(Run, dataset.id, limit=_MOST_RUNS)
    return openlineage(dataset, runs, namespace=f"kervan://{project.config.project_name}")
