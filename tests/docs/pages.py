"""The fenced blocks of a page, and what each of them asks for.

A block with a `title` is a file, to be written. A `console` block holds commands behind `$ ` with the lines
that they print; `…` stands for anything. A comment `<!-- not run: reason -->` in front leaves a block out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(
    r"^(?:<!-- not run: (?P<reason>.+?) -->\n+)?(?P<indent> *)```(?P<kind>\w*)(?P<info>[^\n]*)\n"
    r"(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block; `line` is where it starts in its page, `reason` why it is not run, or ""."""

    kind: str
    title: str
    text: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command of a console block, the lines that it is said to print, and the exit code it must have."""

    text: str
    shown: tuple[str, ...]
    code: int


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page in order."""
    content = page.read_text(encoding="utf-8")
    return [_block(match, content) for match in _FENCE.finditer(content)]


def commands(block: Block) -> list[Command]:
    """Return the commands of a console block.

    A command has to end with 0, unless the next one is `echo $?`: then that shows the code. `> ` in front
    goes on with the command above.
    """
    found: list[tuple[str, list[str]]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line.startswith("> ") and found and not found[-1][1]:
            found[-1] = (f"{found[-1][0]}\n{line[2:]}", [])
        elif line.strip():
            assert found, f"line {block.line}: {line!r} stands before the first command"
            found[-1][1].append(line)
    following = [*found[1:], ("", [])]
    return [
        Command(text=text, shown=tuple(shown), code=int(after[1][0]) if after[0] == "echo $?" else 0)
        for (text, shown), after in zip(found, following, strict=True)
    ]


def missing_line(shown: tuple[str, ...], printed: str) -> str | None:
    """Return the first shown line that was not printed, or None; lines may be left out between them."""
    lines = iter(printed.splitlines())
    for wanted in shown:
        if wanted.strip() == "…":
            continue
        pattern = re.compile(".*".join(re.escape(part) for part in _squeezed(wanted).split("…")))
        if not any(pattern.fullmatch(_squeezed(line)) for line in lines):
            return wanted
    return None


def _squeezed(line: str) -> str:
    """Forget how wide the columns are, and the comment behind a shown line."""
    return re.sub(r"\s+", " ", line).strip()


def _block(match: re.Match[str], content: str) -> Block:
    title = _TITLE.search(match["info"])
    indent = match["indent"]
    text = "".join(line.removeprefix(indent) for line in match["text"].splitlines(keepends=True))
    return Block(
        kind=match["kind"],
        title=title[1] if title else "",
        text=text,
        line=content.count("\n", 0, match.start("kind")) + 1,
        reason=match["reason"] or "",
    )
