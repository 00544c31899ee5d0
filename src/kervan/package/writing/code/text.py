"""Texts of others in source code: what a signature says can never end a literal or a comment."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from kervan.core.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kervan.core.schema import Signature

LONGEST = 4095  # bytes of one text; what every C99 compiler takes
_TEMPLATES = Path(__file__).parent / "templates"
_SLOT = re.compile(r"@@(\w+)@@")


def fill(template: str, parts: Mapping[str, str]) -> str:
    """Fill the slots `@@name@@` of a template file, once: what is filled in is not looked at again."""
    text = (_TEMPLATES / template).read_text(encoding="utf-8")
    return _SLOT.sub(lambda slot: parts[slot[1]], text)


def naming(signature: Signature, by_threshold: str, by_costs: str) -> str:
    """Return code that names a class by the threshold, called THRESHOLD there, or by the program's constant
    `costs`; "" without either.
    """
    if signature.costs:
        return by_costs
    return "" if signature.threshold is None else by_threshold.replace("THRESHOLD", repr(signature.threshold))


def check_texts(signature: Signature) -> None:
    """Raise `Refused` if a name or category is too long for a literal."""
    for column in (*signature.inputs, signature.output):
        for text in (column.name, column.unit, *column.allowed):
            if len(text.encode()) > LONGEST:
                raise Refused(
                    f"column {column.name[:40]!r} has a text of {len(text.encode()):,} bytes; source code "
                    f"holds texts of up to {LONGEST:,}",
                    hint="shorten it before training, or write the model as onnx",
                )


def c_text(text: str) -> str:
    r"""Write a literal of C and C++: all but letters and digits as octal escapes of its UTF-8 bytes.

    >>> c_text('ı"??/')
    '"\\304\\261\\042\\077\\077\\057"'
    """
    plain = b" _-.,:;+=()<>"
    return _quoted(
        "".join(
            chr(byte) if (byte < 128 and chr(byte).isalnum()) or byte in plain else f"\\{byte:03o}"
            for byte in text.encode()
        )
    )


def java_text(text: str) -> str:
    r"""Write a literal of Java. Unicode escapes are read before anything else there, so that only what is
    beyond ASCII may be one.

    >>> print(java_text('\u0131"\n\\u0022'))
    "\u0131\042\012\134u0022"
    """
    return _quoted(
        "".join(
            chr(unit) if _is_plain(unit) else f"\\{unit:03o}" if unit < 128 else f"\\u{unit:04x}"
            for unit in _utf16(text)
        )
    )


def javascript_text(text: str) -> str:
    r"""Write a literal of JavaScript and TypeScript, safe inside of HTML as well.

    >>> print(javascript_text('ı</script>'))
    "ı\u003c/script>"
    """
    return _quoted(_kept(text, lambda each: "".join(f"\\u{unit:04x}" for unit in _utf16(each))))


def rust_text(text: str) -> str:
    r"""Write a literal of Rust.

    >>> print(rust_text('ı"'))
    "ı\u{22}"
    """
    return _quoted(_kept(text, lambda each: f"\\u{{{ord(each):x}}}"))


def go_text(text: str) -> str:
    r"""Write a literal of Go.

    >>> print(go_text('ı"'))
    "ı\U00000022"
    """
    return _quoted(_kept(text, lambda each: f"\\U{ord(each):08x}"))


def _quoted(text: str) -> str:
    return f'"{text}"'


def _kept(text: str, escape: Callable[[str], str]) -> str:
    """Keep what is printed and plain, so that texts stay readable, and escape the rest."""
    return "".join(each if each.isprintable() and each not in '"\\<$`*' else escape(each) for each in text)


def _is_plain(unit: int) -> bool:
    return 32 <= unit < 127 and chr(unit) not in '"\\'


def _utf16(text: str) -> list[int]:
    units = text.encode("utf-16-le")
    return [units[at] | units[at + 1] << 8 for at in range(0, len(units), 2)]
