"""Files to take away: named by the record that they are of, never by who asks."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.app.artifacts import find_artifact, write_artifact
from kervan.app.data import describe_dataset, export_part
from kervan.app.drift_history import drift_history
from kervan.app.environments import find_deployment
from kervan.app.events import FORMS, Sought, export_events
from kervan.app.model_page import page_of
from kervan.app.register import export_package, find_model
from kervan.app.run_details import run_difference, run_log
from kervan.core.errors import InvalidInput, NotFound, did_you_mean
from kervan.core.identity import Ref, plain_name
from kervan.core.nouns import Dataset, Role
from kervan.data.export import ENDINGS
from kervan.data.page import profile_page
from kervan.monitor.page import drift_page
from kervan.package.contents.archive import SUFFIX

if TYPE_CHECKING:
    from collections.abc import Callable

    from kervan.app.project import Project

_PIECE = 1 << 18
_HTML = "text/html; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"
_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".parquet": "application/vnd.apache.parquet",
    ".ndjson": "application/x-ndjson",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A file: its name is of ASCII letters, digits, dashes and dots; `pieces` give its `size` bytes once."""

    name: str
    type: str
    size: int
    pieces: Iterator[bytes]


def package_file(project: Project, ref: str) -> Download:
    """Return a model's package as one file, every part of it checked."""
    model = find_model(project, ref)
    name = f"{_plain(model.name, 'model')}-{model.version}{SUFFIX}"
    return _written(name, "application/zstd", lambda path: export_package(project, model, path))


def profile_file(project: Project, ref: str) -> Download:
    """Return the page about a dataset's profile, which needs nothing else."""
    found = describe_dataset(project, ref)
    page = profile_page(found.profile, found.dataset.ref, found.findings)
    return _page(f"data-{_plain(found.dataset.name, 'dataset')}-{found.dataset.version}", page)


def evaluation_file(project: Project, ref: str) -> Download:
    """Return the page about how good a model is, which needs nothing else.

    Raises `Refused` for a model that was trained elsewhere, `NotFound` if its run's figures are gone.
    """
    model = find_model(project, ref)
    page = page_of(project, model.ref)
    return _page(f"model-{_plain(model.name, 'model')}-{model.version}", page)


def drift_file(project: Project, environment: str) -> Download:
    """Return the page about the last look for drift in an environment, which needs nothing else."""
    newest = drift_history(project, find_deployment(project, environment).name).newest
    if newest is None:
        raise NotFound(f"nobody looked for drift in {environment} yet", hint=f"kervan drift {environment}")
    page = drift_page(newest, title=f"Drift in {environment}")
    return _page(f"drift-{_plain(environment, 'environment')}", page)


def part_file(project: Project, ref: str, role: str, ending: str) -> Download:
    """Return the rows of a part, as `.csv`, `.parquet` or `.ndjson`; the test part is sealed: `Refused`."""
    if role not in set(Role):
        raise InvalidInput(f"no part is called {role!r}", hint=did_you_mean(role, set(Role)))
    if ending not in ENDINGS:
        raise InvalidInput(f"rows are not written as {ending!r}", hint=did_you_mean(ending, ENDINGS))
    dataset = project.store.catalog.find(Dataset, Ref.parse(ref))
    name = f"{_plain(dataset.name, 'dataset')}-{dataset.version}-{role}{ending}"
    exact = Ref(dataset.name, dataset.version)
    return _written(name, _TYPES[ending], lambda path: export_part(project, exact, Role(role), path))


def log_file(project: Project, ident: str) -> Download:
    """Return all that a run logged until now."""
    run, text = run_log(project, ident)
    return _content(f"run-{run.id}.log", _TEXT, text.encode())


def difference_file(project: Project, ident: str) -> Download:
    """Return what of a run's code was not committed, as a patch. Raises `NotFound` if all of it was."""
    run, patch = run_difference(project, ident)
    return _content(f"run-{run.id}.patch", _TEXT, patch)


def artifact_file(project: Project, ident: str, name: str) -> Download:
    """Return a file that a run logged. Raises `NotFound` where it logged none of that name."""
    found = find_artifact(project, ident, name)
    ending = Path(found.name).suffix
    plain = f"{_plain(Path(found.name).stem, 'file')}{ending if plain_name(ending) else ''}"
    return _written(plain, "application/octet-stream", lambda path: write_artifact(project, found, path))


def trail_file(project: Project, sought: Sought, form: str) -> Download:
    """Return the events that are as `sought` as `jsonl` or `csv`."""
    pieces = export_events(project, sought, form)

    def write(path: Path) -> None:
        with path.open("wb") as file:
            file.writelines(pieces)

    return _written(f"audit-trail.{form}", FORMS[form], write)


def _plain(name: str, otherwise: str) -> str:
    """Return a name for a file; one of a script without Latin letters has none left."""
    return plain_name(name) or otherwise


def _page(name: str, page: str) -> Download:
    return _content(f"{name}.html", _HTML, page.encode())


def _content(name: str, kind: str, content: bytes) -> Download:
    return Download(name=name, type=kind, size=len(content), pieces=iter([content]))


def _written(name: str, kind: str, write: Callable[[Path], object]) -> Download:
    """Let a file be written into a folder that is gone at once; what was opened stays readable."""
    with tempfile.TemporaryDirectory(prefix="kervan-") as folder:
        path = Path(folder) / name
        write(path)
        size = path.stat().st_size
        file = path.open("rb")

    def pieces() -> Iterator[bytes]:
        with file:
            while piece := file.read(_PIECE):
                yield piece

    return Download(name=name, type=kind, size=size, pieces=pieces())
