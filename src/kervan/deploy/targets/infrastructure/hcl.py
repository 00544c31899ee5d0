"""HCL as people write it: blocks of attributes and blocks, aligned as `terraform fmt` aligns them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Expression:
    """What stands for itself: a reference such as `var.region`, or a call."""

    text: str


@dataclass(frozen=True, slots=True)
class Block:
    """A block with its labels; `body` maps names to values, each block in it stands by itself.

    `remarks` are the comments with which it begins.
    """

    kind: str
    labels: tuple[str, ...] = ()
    body: Mapping[str, Any] | None = None
    blocks: Sequence[Block] = ()
    remarks: Sequence[str] = ()


def hcl_text(*blocks: Block) -> str:
    """Write blocks, an empty line between them.

    >>> print(hcl_text(Block("provider", ("aws",), {"region": Expression("var.region"), "x": 1})), end="")
    provider "aws" {
      region = var.region
      x      = 1
    }
    """
    return "\n".join("".join(f"{line}\n" for line in _lines(each)) for each in blocks)


def _lines(block: Block) -> Iterator[str]:
    labels = "".join(f" {quoted(label)}" for label in block.labels)
    yield f"{block.kind}{labels} {{"
    yield from (f"  # {remark}" for remark in block.remarks)
    body = {name: value for name, value in (block.body or {}).items() if value is not None}
    if block.remarks and body:
        yield ""
    yield from (f"  {line}" for line in _attributes(body))
    for number, each in enumerate(block.blocks):
        if number or body or block.remarks:
            yield ""
        yield from (f"  {line}" if line else "" for line in _lines(each))
    yield "}"


def _attributes(body: Mapping[str, Any]) -> Iterator[str]:
    """Write attributes; neighbours that take one line each have their signs in one column."""
    written = [(name, list(_value(value))) for name, value in body.items()]
    group: list[tuple[str, list[str]]] = []
    for name, lines in [*written, ("", ["", ""])]:
        if len(lines) == 1:
            group.append((name, lines))
            continue
        width = max((len(each) for each, _ in group), default=0)
        yield from (f"{each:<{width}} = {line[0]}" for each, line in group)
        group = []
        if name:
            yield f"{name} = {lines[0]}"
            yield from lines[1:]


def _value(value: Any) -> Iterator[str]:
    if isinstance(value, Expression):
        yield from value.text.split("\n")
    elif isinstance(value, dict) and value:
        yield "{"
        keys = {key if _NAME.fullmatch(key) else quoted(key): each for key, each in value.items()}
        yield from (f"  {line}" for line in _attributes(keys))
        yield "}"
    elif isinstance(value, list | tuple) and any(isinstance(each, dict) for each in value):
        yield "["
        for each in value:
            *lines, last = _value(each)
            yield from (f"  {line}" for line in lines)
            yield f"  {last},"
        yield "]"
    else:
        yield _plain(value)


def value_text(value: Any) -> str:
    """Write one value, in several lines where it holds others."""
    return "\n".join(_value(value))


def _plain(value: Any) -> str:
    match value:
        case Expression():
            return value.text
        case bool() | int() | float():
            return json.dumps(value)
        case dict():
            return "{}"
        case list() | tuple():
            return f"[{', '.join(_plain(each) for each in value)}]"
        case _:
            return quoted(str(value))


def quoted(text: str) -> str:
    """Write a text in which nothing is a template.

    >>> print(quoted('a "b" ${c} %{d}'))
    "a \\"b\\" $${c} %%{d}"
    """
    return json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
