"""Templates with everything that users name escaped, and the texts in the reader's language."""

from __future__ import annotations

from functools import cache, lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from kervan import draw
from kervan.app.model_page import pictures
from kervan.core.shown import printable, without_passwords
from kervan.ui.asked import link
from kervan.ui.markdown import html_of
from kervan.ui.voice import Voice

if TYPE_CHECKING:
    from collections.abc import Mapping

_STATIC = files("kervan.ui") / "static"
KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "txt": "text/plain"}


@cache
def environment() -> Environment:
    """Return what makes pages of templates; a name that a template misspells is an error."""
    found = Environment(
        loader=PackageLoader("kervan.ui"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalized,
    )
    found.globals.update(draw=draw, pictures=pictures, link=link, markdown=html_of, static=static_url)
    return found


def render(template: str, context: Mapping[str, Any], voice: Voice) -> str:
    """Return a whole page, in which nothing turns the direction of text or hides it."""
    return printable(environment().get_template(template).render(_whole(context, voice)))


def render_block(template: str, block: str, context: Mapping[str, Any], voice: Voice) -> str:
    """Return one block of a page, "" where the page has none."""
    found = environment().get_template(template)
    if block not in found.blocks:
        return ""
    return printable("".join(found.blocks[block](found.new_context(_whole(context, voice)))))


def _whole(context: Mapping[str, Any], voice: Voice) -> dict[str, Any]:
    """Return what a template sees: what it shows, how it speaks, and of what pages are made (`parts`)."""
    seen = {**context, **spoken(voice)}
    return {**seen, "parts": environment().get_template("parts.html").make_module(seen)}


def spoken(voice: Voice) -> dict[str, Any]:
    """Return by what templates speak the reader's language."""
    return {
        "t": voice.text,
        "number": voice.number,
        "share": voice.share,
        "size": voice.size,
        "took": voice.took,
        "when": voice.when,
        "voice": voice,
    }


@lru_cache
def static_file(name: str) -> bytes:
    """Return a file that came with the site."""
    return (_STATIC / name).read_bytes()


@cache
def static_names() -> frozenset[str]:
    """Return which files there are."""
    return frozenset(each.name for each in _STATIC.iterdir() if each.is_file())


@cache
def static_url(name: str) -> str:
    """Return the address of a file, which changes with its content, so that browsers may keep it for ever."""
    return f"/static/{sha256(static_file(name)).hexdigest()[:12]}/{name}"


def _finalized(value: Any) -> Any:
    """Hide passwords in all that is shown; nothing for None."""
    if value is None:
        return ""
    return without_passwords(value) if type(value) is str and not isinstance(value, Markup) else value
