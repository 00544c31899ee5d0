"""The command that opens the project in the browser."""

from __future__ import annotations

from pathlib import Path

import click

from kervan.cli.edge import Shown, say, shows, takes_quiet


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help="Instead of 7867, or the next that is free.")
@click.option("--host", default="127.0.0.1", show_default=True, help="One of this machine's own addresses.")
@click.option("--browser/--no-browser", default=True, help="Whether to open the browser.")
@click.option(
    "-C",
    "--project",
    "folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="The project's folder; by default the one around here.",
)
@takes_quiet
@shows(
    example="""kervan ui
               kervan ui --port 8080 --no-browser"""
)
def ui(port: int | None, host: str, browser: bool, folder: Path | None) -> Shown:
    """Open the project in the browser: data, runs, models, releases, predictions, drift, the audit trail.

    In a folder without a project it begins one. It answers on this machine alone, until Ctrl-C.
    """
    from kervan.core.loading import find_folder
    from kervan.core.plugins import extras_named

    with extras_named():
        from kervan.ui.server import serve

    place = (find_folder(Path.cwd()) if folder is None else folder).resolve()

    def ready(address: str) -> None:
        say(f"{address} shows {place}; Ctrl-C ends it", err=True)
        if browser:
            import webbrowser

            webbrowser.open(address)

    serve(place, host=host, port=port, ready=ready)
    return Shown({"folder": str(place)}, "")
