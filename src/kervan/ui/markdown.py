"""The Markdown of cards as HTML: headings, lists, tables, code; all else is text, everything is escaped."""

from __future__ import annotations

import re
from html import unescape
from itertools import groupby

from markupsafe import Markup, escape

_PIECES = re.compile(r"\\([\\`*_\[\]|#])|(`+)(.+?)(?<!`)\2(?!`)", re.DOTALL)
_CELLS = re.compile(r"(?<!\\)\|")


def html_of(text: str) -> Markup:
    """Return the HTML of a card; its headings begin at `h2`.

    >>> print(html_of("# A `<b>`"))
    <h2>A <code>&lt;b&gt;</code></h2>
    """
    fences = re.split(r"^```\w*\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    parts = []
    for place, piece in enumerate(fences):
        if place % 2:
            parts.append(Markup('<pre tabindex="0"><code>{}</code></pre>').format(piece.rstrip()))
        else:
            parts += [_block(block) for block in re.split(r"\n\s*\n", piece) if block.strip()]
    return Markup("\n").join(parts)


def _block(block: str) -> Markup:
    lines = block.strip("\n").split("\n")
    found = [_run(kind, list(run)) for kind, run in groupby(lines, key=_kind)]
    return Markup("\n").join(found)


def _kind(line: str) -> str:
    if re.match(r"#{1,6} ", line):
        return "heading"
    if line.startswith("|") and line.rstrip().endswith("|"):
        return "table"
    return "item" if re.match(r"[-*] ", line) else "text"


def _run(kind: str, lines: list[str]) -> Markup:
    match kind:
        case "heading":
            return Markup("\n").join(_heading(line) for line in lines)
        case "table":
            return _table(lines)
        case "item":
            items = Markup("").join(Markup("<li>{}</li>").format(_inline(line[2:])) for line in lines)
            return Markup("<ul>{}</ul>").format(items)
        case _:
            return Markup("<p>{}</p>").format(_inline(" ".join(lines)))


def _heading(line: str) -> Markup:
    marks, _, words = line.partition(" ")
    level = min(6, len(marks) + 1)
    return Markup("<h{level}>{words}</h{level}>").format(level=level, words=_inline(words))


def _table(lines: list[str]) -> Markup:
    rows = [_CELLS.split(line.strip())[1:-1] for line in lines]
    is_rule = len(rows) > 1 and all(set(cell.strip()) <= set("-:") and cell.strip() for cell in rows[1])
    head, body = (rows[:1], rows[2:]) if is_rule else ([], rows)
    heads = Markup("").join(_row(row, "th") for row in head if any(cell.strip() for cell in row))
    cells = Markup("").join(_row(row, "td") for row in body)
    return Markup("<table><thead>{}</thead><tbody>{}</tbody></table>").format(heads, cells)


def _row(cells: list[str], tag: str) -> Markup:
    return Markup("<tr>{}</tr>").format(Markup("").join(_cell(cell.strip(), tag) for cell in cells))


def _cell(text: str, tag: str) -> Markup:
    """Write one cell; a column without a name has no heading, which readers would hear."""
    if tag == "th" and text:
        return Markup('<th scope="col">{}</th>').format(_inline(text))
    return Markup("<td>{}</td>").format(_inline(text))


def _inline(text: str) -> Markup:
    """Write code in backticks as code, take backslashes away, and escape everything."""
    parts, last = [], 0
    for match in _PIECES.finditer(text):
        parts.append(escape(unescape(text[last : match.start()])))
        if match[1]:
            parts.append(escape(match[1]))
        else:
            code = match[3].replace("\\|", "|")
            parts.append(Markup("<code>{}</code>").format(code[1:-1] if _is_padded(code) else code))
        last = match.end()
    parts.append(escape(unescape(text[last:])))
    return Markup("").join(parts)


def _is_padded(code: str) -> bool:
    return code.startswith(" ") and code.endswith(" ") and bool(code.strip())
