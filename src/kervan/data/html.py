"""Self-contained pages: one file, no script, nothing fetched, readable in light and dark."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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
a { color: inherit } pre { white-space: pre-wrap; border: 1px solid var(--line); padding: .5rem }
td svg { margin: 0 } h3 { font-size: 1rem; margin: 1rem 0 .3rem }
@media print { :root { color-scheme: light; --ink: #000; --soft: #444; --page: #fff }
  body { margin: 0; max-width: none; font-size: 10pt } section, tr, svg { break-inside: avoid }
  * { print-color-adjust: exact } }
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


def steps(counts: Sequence[int], width: int, height: int) -> str:
    """Return upright bars as one small shape, without words."""
    highest, step = max(counts, default=0) or 1, width / max(1, len(counts))
    path = f"M0 {height}" + "".join(
        f"V{height - height * count / highest:.0f}H{(place + 1) * step:.0f}"
        for place, count in enumerate(counts)
    )
    return f'<svg width="{width}" height="{height}"><path class="bar" d="{path}V{height}Z"/></svg>'


def matrix(names: Sequence[str], strengths: Mapping[tuple[int, int], float]) -> str:
    """Return a square of all pairs of names: the fuller a cell, the stronger; another colour below 0."""
    size, left = 16, 150
    whole = size * len(names)
    cells = "".join(
        f'<rect class="{"bar" if strength >= 0 else "second"}" x="{left + column * size}" '
        f'y="{row * size}" width="{size - 1}" height="{size - 1}" fill-opacity="{abs(strength):.2f}">'
        f"<title>{escape(names[row])}, {escape(names[column])}: {strength:.2f}</title></rect>"
        for pair, strength in strengths.items()
        for row, column in (pair, pair[::-1])
    )
    labels = "".join(
        f'<text x="{left - 4}" y="{place * size + 12}" text-anchor="end">{escape(_short(name, 22))}</text>'
        f'<text transform="translate({left + place * size + 12} {whole + 4}) rotate(90)">'
        f"{escape(_short(name, 18))}</text>"
        for place, name in enumerate(names)
    )
    frame = f'<rect class="frame" x="{left}" y="0" width="{whole}" height="{whole}"/>'
    box = f'viewBox="0 0 {left + whole + 4} {whole + 130}" width="{left + whole + 4}"'
    return f'<svg {box} role="img">{frame}{cells}{labels}</svg>'


def bars(rows: Sequence[tuple[str, Sequence[float]]]) -> str:
    """Return lying bars: for each label one or two shares (0 to 1), the second in another colour."""
    highest = max((share for _, shares in rows for share in shares), default=0) or 1
    lines, top = [], 0
    for label, shares in rows:
        text = _short(label, 28)
        tip = f"<title>{escape(label)}</title>"
        lines.append(f'<text x="0" y="{top + 11}">{escape(text)}{tip}</text>')
        for share, style in zip(shares, ("bar", "second"), strict=False):
            width = 240 * share / highest
            lines.append(f'<rect class="{style}" x="190" y="{top + 2}" width="{width:.1f}" height="10"/>')
            lines.append(f'<text x="{196 + width:.1f}" y="{top + 11}">{share:.1%}</text>')
            top += 13
        top += 4
    return f'<svg viewBox="0 0 490 {top}" width="490" role="img">{"".join(lines)}</svg>'


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def number(value: float | None) -> str:
    """Return a number for people: up to five digits, thousands apart."""
    if value is None:
        return "–"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.5g}" if 1e-4 <= abs(value) < 1e6 else f"{value:.4e}"
