"""Pages about datasets: all of them, one version, one of its columns, two versions compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from shlex import quote
from typing import TYPE_CHECKING

from kervan.app.catalogue import Catalogued, Change, describe_data, search_data
from kervan.app.dataset import DatasetVersion, column_view, dataset_list, dataset_versions, dataset_view
from kervan.app.delete import delete_dataset
from kervan.app.difference import DatasetDifference, diff_datasets
from kervan.app.download import part_file, profile_file
from kervan.app.ingest import ingest_data
from kervan.app.original import forget_original
from kervan.app.rejects import Reject, rejects_of
from kervan.app.size import size_of_source
from kervan.core.errors import InvalidInput
from kervan.core.identity import Ref
from kervan.ui.asked import link
from kervan.ui.columns import column_query
from kervan.ui.page import Done, Page, Route, Work

if TYPE_CHECKING:
    from kervan.app.dataset import DatasetList
    from kervan.app.dataset_column import ColumnView
    from kervan.app.download import Download
    from kervan.app.project import Project
    from kervan.ui.asked import Asked

_PAGE = 50
_WIDEST = 40  # columns
_ENDINGS = {"csv": ".csv", "parquet": ".parquet", "ndjson": ".ndjson"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """All datasets, the source that would be read, and what a search `found`; `error` says why it cannot."""

    listed: DatasetList
    source: str
    search: str = ""
    found: tuple[Catalogued, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneColumn:
    """A column of a dataset."""

    ref: str
    name: str
    rows: int
    column: ColumnView


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Two datasets compared: of the columns one page, counted from 1, and the versions to choose from."""

    difference: DatasetDifference
    page: int
    size: int
    matched: int
    versions: tuple[DatasetVersion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAside:
    """Rows that checks kept out of a dataset, of `total` one page, counted from 1; the first columns."""

    ref: str
    total: int
    page: int
    size: int
    columns: tuple[str, ...]
    left_out: int
    rows: tuple[Reject, ...]


def every(project: Project, asked: Asked) -> Page:
    """Show all datasets."""
    listed = dataset_list(project, page=asked.whole("page", 1, low=1), size=_PAGE)
    content = Listed(listed=listed, source=project.config.data.source, search=asked.text("search"))
    command = "kervan data"
    if content.search:
        command = f"kervan data search {quote(content.search)}"
        try:
            content = replace(content, found=tuple(search_data(project, content.search)))
        except InvalidInput as error:
            content = replace(content, error=f"{error}; {error.hint}")
    return Page(template="data.html", title="Data", content=content, command=command)


def one(project: Project, asked: Asked) -> Page:
    """Show one version of a dataset."""
    found = dataset_view(project, asked.part("ref"), column_query(asked))
    command = f"kervan data show {quote(found.ref)}"
    return Page(template="dataset.html", title=found.ref, content=found, command=command)


def column(project: Project, asked: Asked) -> Page:
    """Show one column."""
    ref, name = asked.part("ref"), asked.text("name")
    found = column_view(project, ref, name)
    content = OneColumn(ref=ref, name=found.name, rows=found.count + found.missing, column=found)
    return Page(
        template="data_column.html",
        title=found.name,
        content=content,
        command=f"kervan data show {quote(ref)}",
    )


def compared(project: Project, asked: Asked) -> Page:
    """Show what differs between two versions."""
    before, now = asked.text("before"), asked.text("now")
    found = diff_datasets(project, before, now)
    wanted = asked.text("search").casefold()
    matching = [each for each in found.columns if wanted in each.name.casefold()]
    page = min(asked.whole("page", 1, low=1), max(1, -(-len(matching) // _PAGE)))
    shown = tuple(matching[(page - 1) * _PAGE : page * _PAGE])
    content = Compared(
        difference=replace(found, columns=shown),
        page=page,
        size=_PAGE,
        matched=len(matching),
        versions=tuple(each for each in dataset_versions(project, Ref.parse(now).name) if not each.deleted),
    )
    command = f"kervan data diff {quote(found.before)} {quote(found.now)}"
    both = " → ".join((found.before, found.now))
    return Page(template="data_compared.html", title=both, content=content, command=command)


def measured(project: Project, _asked: Asked) -> Page:
    """Show how large the source is, and whether there is room, before anything is fetched."""
    found = size_of_source(project)
    title = "How large the source is"
    return Page(template="data_size.html", title=title, content=found, command="kervan data size")


def aside(project: Project, asked: Asked) -> Page:
    """Show the rows that checks kept out of a version."""
    page = asked.whole("page", 1, low=1)
    found = rejects_of(project, asked.part("ref"), first=(page - 1) * _PAGE, limit=_PAGE)
    names = tuple(found.rows[0].values) if found.rows else ()
    content = KeptAside(
        ref=found.dataset,
        total=found.total,
        page=page,
        size=_PAGE,
        columns=names[:_WIDEST],
        left_out=len(names[_WIDEST:]),
        rows=found.rows,
    )
    command = f"kervan data rejects {quote(found.dataset)}"
    return Page(template="data_rejects.html", title="Rows kept aside", content=content, command=command)


def report(project: Project, asked: Asked) -> Download:
    """Give the report as a page that needs nothing else."""
    return profile_file(project, asked.part("ref"))


def part(project: Project, asked: Asked) -> Download:
    """Give the rows of a part."""
    ending = _ENDINGS[asked.choice("as", tuple(_ENDINGS), "csv")]
    return part_file(project, asked.part("ref"), asked.text("part", "train"), ending)


def ingest(_project: Project, _asked: Asked) -> Work:
    """Read the source again."""
    return Work(title="Read the data", about="data", function=read_source, command="kervan data ingest")


def read_source(project: Project) -> Done:
    """Read the source; a dataset that is known is found again."""
    found = ingest_data(project)
    return Done(text=f"{found.ref}: {found.rows:,} rows", to=link("data", found.ref))


def delete(project: Project, asked: Asked) -> Done:
    """Delete a version."""
    gone = delete_dataset(project, asked.part("ref"), why=asked.text("why"))
    return Done(text=asked.say("{ref} is deleted.", ref=gone.ref), to=link("data"))


def forget(project: Project, asked: Asked) -> Done:
    """Destroy the key of a version's original."""
    gone = forget_original(project, asked.part("ref"), why=asked.text("why"))
    to = link("data", gone.dataset, show="rows")
    return Done(text=asked.say("The original of {ref} is forgotten.", ref=gone.dataset), to=to)


def describe(project: Project, asked: Asked) -> Done:
    """Say something else of a version: whose it is, its licence, what it is, its tags."""

    def given(field: str) -> str | None:
        return asked.text(field).replace("\r\n", "\n") if asked.texts(field) else None

    tags = given("tags")
    change = Change(
        owner=given("owner"),
        licence=given("licence"),
        description=given("description"),
        tags=None if tags is None else tuple(filter(None, map(str.strip, tags.splitlines()))),
    )
    told = describe_data(project, asked.part("ref"), change, why=asked.text("why"))
    text = asked.say("What is said of {ref} is on record.", ref=told.ref)
    return Done(text=text, to=link("data", told.ref, show="rows"))


ROUTES = (
    Route(path="/data", shows=every),
    Route(path="/data/ingest", does=ingest),
    Route(path="/data/compare", shows=compared),
    Route(path="/data/size", shows=measured),
    Route(path="/data/{ref}", shows=one),
    Route(path="/data/{ref}/column", shows=column),
    Route(path="/data/{ref}/report", shows=report),
    Route(path="/data/{ref}/part", shows=part),
    Route(path="/data/{ref}/rejects", shows=aside),
    Route(path="/data/{ref}/describe", does=describe),
    Route(path="/data/{ref}/delete", does=delete),
    Route(path="/data/{ref}/forget-original", does=forget),
)
