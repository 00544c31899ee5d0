"""What the page is made of: its style, cards, tables, figures. Texts are escaped wherever they come in."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from kervan.data.html import policy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NAME, _CELL = Markup("<th{}>{}</th>"), Markup("<td{}>{}</td>")


@cache
def style() -> str:
    """Return the style of the page."""
    return files("kervan.model.page").joinpath("page.css").read_text(encoding="utf-8")


def document(title: str, parts: Iterable[Markup]) -> str:
    """Return the whole page."""
    body, css = Markup("\n").join(part for part in parts if part), style()
    head = Markup(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">{}'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>{}</title><style>{}</style></head>\n"
    ).format(Markup(policy(css)), title, Markup(css))  # noqa: S704 - texts of ours
    return str(head + Markup("<body><main>\n{}\n</main></body></html>\n").format(body))


def section(title: str, *parts: Markup, lead: str = "") -> Markup:
    """Return a part of the page with its heading and a sentence that says what to look for."""
    told = Markup('<p class="lead">{}</p>').format(lead) if lead else Markup("")
    return Markup("<section><h2>{}</h2>{}{}</section>").format(title, told, Markup("\n").join(parts))


def card(title: str, *parts: Markup, note: str = "") -> Markup:
    """Return a card: a heading, what it shows, and a note below."""
    heading = Markup("<h3>{}</h3>").format(title) if title else Markup("")
    below = Markup('<p class="soft small">{}</p>').format(note) if note else Markup("")
    return Markup('<div class="card">{}<div class="scroll">{}</div>{}</div>').format(
        heading, Markup("\n").join(parts), below
    )


def grid(cards: Sequence[Markup], *, kind: str = "") -> Markup:
    """Lay cards out beside each other, as far as there is room."""
    return Markup('<div class="{}">{}</div>').format(f"grid {kind}".strip(), Markup("\n").join(cards))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, kind: str = "") -> Markup:
    """Return a table of texts whose first column names the rows; columns of figures are set to the right."""
    rows = [list(row) for row in rows]
    right = [place > 0 and all(_is_figure(row[place]) for row in rows) for place in range(len(heads))]
    styles = [Markup(' class="n"') if each else Markup("") for each in right]
    head = Markup("").join(
        Markup("<th{}>{}</th>").format(style, text) for style, text in zip(styles, heads, strict=True)
    )
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(
                (_CELL if place else _NAME).format(styles[place], text) for place, text in enumerate(row)
            )
        )
        for row in rows
    )
    return Markup('<div class="{}"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>').format(
        f"table {kind}".strip(), head, body
    )


def tag(word: str) -> Markup:
    """Return a word with its colour: passed, warned, failed."""
    return Markup('<span class="tag {}">{}</span>').format(escape(word), word)


def _is_figure(text: str) -> bool:
    return not text or text[0] in "0123456789+-−–±<"
