"""The address of a page of every kind, as links lead there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ui.visitor import Visitor

ALWAYS = (
    "/",
    "/begin",
    "/settings",
    "/settings/file",
    "/work",
    "/find?q=m",
    "/find?q=nichts",
    "/data",
    "/data/size",
    "/runs",
    "/models",
    "/releases",
    "/predictions",
    "/ask",
    "/watch",
    "/audit",
    "/nothing",
)


def every_page(visitor: Visitor) -> tuple[str, ...]:
    """Return the addresses for a project in which something answers and was asked."""
    stops = {each["name"]: each["ref"] for each in visitor.json("/")["stops"]}
    runs = [each["id"] for each in visitor.json("/runs")["runs"]]
    asked = visitor.json("/predictions")["page"]["rows"][0]["id"]
    return (
        *ALWAYS,
        f"/data/{stops['data']}",
        *(f"/data/{stops['data']}?show={each}" for each in ("rows", "versions", "lineage")),
        f"/data/{stops['data']}/rejects",
        f"/models/{stops['model']}",
        *(f"/models/{stops['model']}?show={each}" for each in ("quality", "package", "inputs", "cards")),
        f"/models/{stops['model']}/errors",
        f"/releases/{stops['release']}",
        *(f"/watch/{stops['release']}{each}" for each in ("", "/traffic", "/quality")),
        *(f"/runs/{each}" for each in (runs[0], runs[-1])),
        *([f"/runs/compare?{'&'.join(f'run={each}' for each in runs[:3])}"] if runs[1:] else []),
        f"/predictions/{asked}",
    )
