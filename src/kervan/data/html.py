"""Self-contained pages: one file, no script, nothing fetched, readable in light and dark."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #d9dee5; --page: #fff;
  --bar: #3b7dbd; --second: #d9822b; --bad: #b3261e; --warn: #8a5a00; --good: #1b6e3c }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #a3adba; --line: #39424e;
  --page: #14181d; --bar: #6aa8e0; --second: #f0a35a; --bad: #ff8a80; --warn: #f2c063; --good: #7fd19b } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem; overflow-wrap: anywhere }
section { border-top: 1px solid var(--line) } small, .soft { color: var(--soft) }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
td, th { padding: .1rem .9rem .1rem 0; text-align: left; vertical-align: top; overflow-wrap: anywhere }
svg { display: block; margin: .6rem 0; max-width: 100% }
.bar { fill: var(--bar) } .second { fill: var(--second) }
text { fill: var(--soft); font-size: 11px } .failed { color: var(--bad) } .warned { color: var(--warn) }
.passed { color: var(--good) }
.line { fill: none; stroke: var(--bar); stroke-width: 2 } .mark { stroke: var(--soft); stroke-dasharray: 4 }
.line.second { fill: none; stroke: var(--second) } .line.third { stroke: var(--good) }
.line.fourth { stroke: var(--bad) } .frame { fill: none; stroke: var(--line) }
"""


def policy(style: str) -> str:
    """Return the rule by which a browser shows a page with this style, and loads and runs nothing else."""
    digest = b64encode(sha256(style.encode()).digest()).decode()
    rules = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return f'<meta http-equiv="Content-Security-Policy" content="{rules}">'


def document(title: str, body: str) -> str:
    """Return a whole page; `body` is markup, `title` is text."""
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">{policy(_STYLE)}'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body>\n<h1>{escape(title)}</h1>\n{body}\n</body>\n</html>\n"
    )


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Return a table of names and values, both texts."""
    rows = (f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in pairs)
    return f"<table>{''.join(rows)}</table>"


def rows_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table with a head, all of it texts."""
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def histogram(counts: Sequence[int], left: str, right: str) -> str:
    """Return upright bars, with what stands at both ends of the axis."""
    highest, width, height = max(counts, default=0) or 1, 480, 90
    step = width / max(1, len(counts))
    bars = "".join(
        f'<rect class="bar" x="{place * step:.1f}" y="{height - height * count / highest:.1f}" '
        f'width="{step - 1:.1f}" height="{height * count / highest:.1f}"><title>{count:,}</title></rect>'
        for place, count in enumerate(counts)
    )
    ends = (
        f'<text x="0" y="{height + 14}">{escape(left)}</text>'
        f'<text x="{width}" y="{height + 14}" text-anchor="end">{escape(right)}</text>'
    )
    return f'<svg viewBox="0 0 {width} {height + 18}" width="{width}" role="img">{bars}{ends}</svg>'


def bars(rows: Sequence[tuple[str, Sequence[float]]]) -> str:
    """Return lying bars: for each label one or two shares (0 to 1), the second in another colour."""
    highest = max((share for _, shares in rows for share in shares), default=0) or 1
    lines, top = [], 0
    for label, shares in rows:
        text = label if len(label) <= 28 else label[:27] + "…"
        tip = f"<title>{escape(label)}</title>"
        lines.append(f'<text x="0" y="{top + 11}">{escape(text)}{tip}</text>')
        for share, style in zip(shares, ("bar", "second"), strict=False):
            width = 240 * share / highest
            lines.append(f'<rect class="{style}" x="190" y="{top + 2}" width="{width:.1f}" height="10"/>')
            lines.append(f'<text x="{196 + width:.1f}" y="{top + 11}">{share:.1%}</text>')
            top += 13
        top += 4
    return f'<svg viewBox="0 0 490 {top}" width="490" role="img">{"".join(lines)}</svg>'


def number(value: float | None) -> str:
    """Return a number for people: up to five digits, thousands apart."""
    if value is None:
        return "–"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.5g}" if 1e-4 <= abs(value) < 1e6 else f"{value:.4e}"
