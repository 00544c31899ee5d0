"""Power BI as a target: two queries in M, one that asks an endpoint, one that reads scores computed before.

Neither needs Python or R where reports are refreshed. The key for the endpoint is a parameter of the report.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kervan.core.errors import Refused
from kervan.core.places import Place
from kervan.core.schema import Type
from kervan.deploy.targets.findings import failed
from kervan.deploy.targets.written import note_of, with_note
from kervan.deploy.workload import settings_of, workload_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from kervan.core.nouns import Finding
    from kervan.core.schema import Signature
    from kervan.core.serving import Plan, Serving

_TYPES = {Type.INTEGER: "Int64.Type", Type.NUMBER: "type number", Type.BOOLEAN: "type logical"}

LIVE = """// {title}: asks the endpoint for {batch} rows at a time, and adds what it answers to a table.
// Key is one that may predict, from a parameter of the report; without keys leave it out.
(Rows as table, optional Key as nullable text) as table =>
let
    Endpoint = {url},
    Inputs = {{{inputs}}},
    Asked = Table.SelectColumns(Rows, Inputs),
    Door = if Key = null then [] else [Authorization = "Bearer " & Key],
    Ask = (Part as table) as list =>
        let
            Body = Json.FromValue([features = Table.ToRecords(Part)]),
            Headers = [#"Content-Type" = "application/json"] & Door,
            Answer = Json.Document(
                Web.Contents(Endpoint, [RelativePath = "predict", Headers = Headers, Content = Body])
            )
        in
            Answer[predictions],
    Answers = List.Combine(List.Transform(Table.Split(Asked, {batch}), Ask)),
    Scores = List.Transform(Answers, each Record.Field(_, "{field}")),
    Columns = Table.ToColumns(Rows) & {{Scores}},
    Names = Table.ColumnNames(Rows) & {{{output}}}
in
    Table.FromColumns(Columns, Names)
"""

SCORED = """// {title}: reads scores that were computed before, such as those of
// kervan predict {model} -f rows.csv -o scores.csv
let
    Path = {path},
    Form = [Delimiter = ",", Encoding = 65001, QuoteStyle = QuoteStyle.Csv],
    Source = Csv.Document(File.Contents(Path), Form),
    Named = Table.PromoteHeaders(Source, [PromoteAllScalars = true]),
    Typed = Table.TransformColumnTypes(Named, {{{types}}}, "en-US")
in
    Typed
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerBiSettings:
    """`url` is where a release answers; `scores` the file with scores that were computed before.

    `batch` is how many rows go into one request.
    """

    url: str = "https://model.example.org"
    scores: str = "C:\\scores.csv"
    batch: int = 1000


class PowerBiTarget:
    """Reports of Power BI over a release that runs elsewhere."""

    about = Place(
        title="Power BI",
        applies=False,
        tool="Power BI Desktop: paste the queries into its advanced editor",
        checked="Microsoft's own parser of M",
        proved="what the query sends and reads, by a real server; no Power BI ran it",
    )

    def render(self, serving: Serving, plan: Plan) -> Mapping[PurePath, str]:
        """Return both queries."""
        settings = settings_of(plan, PowerBiSettings)
        workload = workload_of(serving, plan)
        manifest = workload.main.manifest
        signature = manifest.signature
        title = f"{manifest.name}@{manifest.version}"
        live = LIVE.format(
            title=title,
            batch=settings.batch,
            url=text(settings.url),
            inputs=", ".join(text(each.name) for each in signature.inputs),
            field="value" if signature.output.type is Type.NUMBER else "label",
            output=text(signature.output.name),
        )
        scored = SCORED.format(
            title=title, model=manifest.name, path=text(settings.scores), types=_types(signature)
        )
        note = note_of(
            workload,
            "power-bi",
        )
        return with_note({PurePath("live.pq"): live, PurePath("scored.pq"): scored}, note)

    def check(self, folder: Path, plan: Plan) -> Sequence[Finding]:
        """Return what Power BI would refuse."""
        settings = settings_of(plan, PowerBiSettings)
        found = []
        url = urlsplit(settings.url)
        if url.scheme not in {"http", "https"} or not url.hostname:
            found.append(failed("address", "url", f"{settings.url!r} is no address", "such as https://…"))
        if settings.batch < 1:
            found.append(failed("size", "batch", f"{settings.batch} rows are none", "1 at least"))
        return found

    def apply(self, folder: Path, plan: Plan) -> str:
        """Power BI takes queries from people alone."""
        raise Refused("Power BI takes queries from people alone", hint="render them, and paste them there")

    def remove(self, folder: Path) -> None:
        """Nothing was applied."""

    def runs(self, folder: Path) -> bool:
        """Nobody here knows."""
        return False


def text(value: str) -> str:
    """Return a text as M writes it.

    >>> print(text('a "b"'))
    "a ""b""\"
    """
    escaped = value.replace("#(", "#(#)(").replace('"', '""')
    return '"' + "".join(each if each.isprintable() else f"#({ord(each):08X})" for each in escaped) + '"'


def _types(signature: Signature) -> str:
    pairs = ((each.name, _TYPES.get(each.type, "type text")) for each in signature.inputs)
    return ", ".join(f"{{{text(name)}, {kind}}}" for name, kind in pairs)
