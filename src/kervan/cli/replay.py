"""Commands that answer recorded requests once more."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kervan.cli.edge import Shown, shows, table, with_project
from kervan.core.shown import moment
from kervan.core.when import read_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.app.project import Project
    from kervan.app.recompute import Recomputed
    from kervan.app.replay import Replayed

_PREDICTION = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}(\.[0-9]+)?")
_FEW = 5


@click.command()
@click.argument("what", metavar="MODEL|PREDICTION")
@click.option(
    "--environment", default="", help="Whose requests; by default `to` in [release], or production."
)
@click.option("--since", help="Only requests since then: 7d (ago), 2026-05-01 or 2026-05-01T12:00.")
@click.option("--until", help="Only requests before then.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the newest so many requests.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the comparison as a page."
)
@shows(
    example="""kervan replay income@1.3.0 --since 7d -o replay.html
               kervan replay income@1.3.0 --environment staging --limit 10000 --json
               kervan replay 01JD4Z8Y7W0000000000000000"""
)
@with_project
def replay(
    project: Project,
    what: str,
    environment: str,
    since: str | None,
    until: str | None,
    limit: int | None,
    out: Path | None,
) -> Shown:
    """Answer recorded requests once more, and compare with what was answered then. No server is asked.

    With a MODEL: what it would have answered to an environment's requests, which answers change, where most,
    and where labels came back, which of both is better. With a PREDICTION's id: whether the package that gave
    the answer gives the same to the last bit; if not, it ends with code 1.
    """
    from kervan.app.recompute import recompute
    from kervan.app.replay import replay as answer_again

    if _PREDICTION.fullmatch(what):
        again = recompute(project, what)
        return Shown(again, _again_text(again), 0 if again.is_same else 1)
    found = answer_again(
        project, what, environment, since=read_time(since), until=read_time(until), limit=limit
    )
    if out is not None:
        from kervan.app.replay_page import replay_page

        out.write_text(replay_page(found), encoding="utf-8")
    return Shown(found, "\n".join(_lines(found)))


def _again_text(found: Recomputed) -> str:
    if found.is_same:
        return f"{found.model} gives {found.id} the same answer, to the last bit"
    lines = [f"{found.model} answers {found.id} otherwise now: figures differ by up to {found.apart:.3g}"]
    for before, after in zip(found.recorded, found.answered, strict=True):
        lines += [f"  then {dict(before)}", f"  now  {dict(after)}"] if before != after else []
    return "\n".join(lines)


def _lines(found: Replayed) -> Iterator[str]:
    changed = found.changed
    then = ", ".join(f"{ref} ({rows:,})" for ref, rows in found.against.items()) or "nobody"
    yield f"{found.requests:,} requests to {found.environment}, {moment(found.begin)} to {moment(found.end)}"
    yield f"{changed.rows:,} rows compared; answered then by {then}"
    for each in found.left_out:
        what = f" {each.column!r}" if each.column else ""
        yield f"left out: {each.rows:,} rows, {each.reason}{what}; first {each.id}: {each.example}"
    if not changed.rows:
        return
    yield f"changed: {changed.changed:,} answers ({changed.share:.2%})"
    yield from (f"  {each.before} → {each.after}: {each.rows:,}" for each in changed.moves[:_FEW])
    for shift in changed.shifts:
        most = shift.largest
        yield f"{shift.name}: PSI {shift.psi:.4f}; most at {most.label}: {most.before:.1%} → {most.now:.1%}"
    if changed.quantiles:
        rows = [(f"{each.level:.0%}", each.before, each.after, each.change) for each in changed.quantiles]
        yield table(("quantile", "before", "after", "change of a row"), rows)
    if changed.sections:
        shares = [(each.column, each.values, each.rows, each.mean) for each in changed.sections]
        yield table(("changes most where", "is", "rows", "mean change"), shares)
    yield from (
        f"example: {each.id}, {_answer(each.before)} → {_answer(each.after)}"
        for each in changed.examples[:_FEW]
    )
    yield from _quality(found)


def _quality(found: Replayed) -> Iterator[str]:
    if not found.labelled:
        yield "no labels came back for these rows"
        return
    yield f"quality on {found.labelled:,} rows with labels:"
    rows = [
        (each.metric, each.before, each.after, each.difference, each.low, each.high, each.verdict)
        for each in found.quality
    ]
    headers = ("metric", "before", "after", "difference", "95 % from", "to", "")
    yield table(headers, rows, empty="too few to compare")


def _answer(answer: object) -> str:
    if not isinstance(answer, dict):
        return str(answer)
    if "value" in answer:
        return f"{answer['value']:.6g}"
    return f"{answer['label']} ({max(answer['probabilities'].values()):.3f})"
