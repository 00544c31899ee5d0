"""The Markdown of cards as HTML that runs nothing and leads nowhere: everything else in it is text."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token
    from markdown_it.utils import EnvType, OptionsDict


def html_of(text: str) -> Markup:
    """Return the HTML of a card; its headings begin at `h2`.

    >>> print(html_of("# A `<b>`"))
    <h2>A <code>&lt;b&gt;</code></h2>
    <BLANKLINE>
    """
    return Markup(_reader().render(text))  # noqa: S704 - HTML within is escaped, links and images are text


@cache
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["link", "image", "autolink"])
    for name in ("heading_open", "heading_close"):
        reader.add_render_rule(name, _lowered)
    for name in ("th_open", "th_close"):
        reader.add_render_rule(name, _head)
    reader.add_render_rule("fence", _fence)
    return reader


def _lowered(
    renderer: RendererHTML, tokens: Sequence[Token], place: int, options: OptionsDict, env: EnvType
) -> str:
    """Write a heading a step lower: the page has the first."""
    token = tokens[place].copy(tag=f"h{min(6, int(tokens[place].tag[1]) + 1)}")
    return renderer.renderToken([*tokens[:place], token, *tokens[place + 1 :]], place, options, env)


def _head(
    renderer: RendererHTML, tokens: Sequence[Token], place: int, options: OptionsDict, env: EnvType
) -> str:
    """Write a heading of a column; one without words is no heading."""
    token = tokens[place]
    words = tokens[place + 1] if token.nesting > 0 else tokens[place - 1]
    if words.content:
        return renderer.renderToken(tokens, place, options, env)
    return "<td>" if token.nesting > 0 else "</td>\n"


def _fence(
    renderer: RendererHTML, tokens: Sequence[Token], place: int, _options: OptionsDict, _env: EnvType
) -> str:
    """Write code that can be scrolled by keys."""
    del renderer
    return str(Markup('<pre tabindex="0"><code>{}</code></pre>\n').format(tokens[place].content))
