"""The pages that only explain: what they show is run too, and nothing is left out without a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from .pages import DOCS, Block, blocks, commands, missing_line
from .reader import Reader

ALL = sorted(DOCS.glob("**/*.md"))
PAGES = [page for page in ALL if page.parent.name in {"docs", "explanation", "architecture", "how-to"}]
EXPLAINING = [page for page in PAGES if page.parent.name != "how-to" and page.stem != "tutorial"]


@pytest.mark.parametrize("page", EXPLAINING, ids=lambda page: page.stem)
def test_what_an_explaining_page_shows_is_true(page: Path, tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        reader.follow(page)


@pytest.mark.parametrize("page", ALL, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_a_block_is_left_out_for_a_reason_only(page: Path) -> None:
    for block in blocks(page):
        assert block.kind, f"line {block.line}: say what the block is"
    shown = page.read_text(encoding="utf-8").count("<!-- not run:")
    assert shown == sum(bool(block.reason) for block in blocks(page))


def test_a_command_that_fails_has_to_show_its_code() -> None:
    text = "$ kervan run\nerror: …\n$ echo $?\n4\n$ cat <<END\n> a\n> END\na\n"
    found = commands(Block(kind="console", title="", text=text, line=1, reason=""))
    assert [(each.text, each.code) for each in found] == [
        ("kervan run", 4),
        ("echo $?", 0),
        ("cat <<END\na\nEND", 0),
    ]


@pytest.mark.parametrize(
    ("shown", "missing"),
    [
        (("a  1", "…", "c …"), None),
        (("c 3", "a 1"), "a 1"),
        (("a 2",), "a 2"),
        (("b … 2",), None),
    ],
)
def test_shown_lines_must_be_printed_in_their_order(shown: tuple[str, ...], missing: str | None) -> None:
    assert missing_line(shown, "a 1\nb x y 2\nc 3") == missing


def test_a_page_that_lies_is_found_out(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    for lie in ("$ echo here\nthere", "$ false", "$ true\n$ echo $?\n1"):
        page.write_text(f"```console\n{lie}\n```\n", encoding="utf-8")
        with (
            Reader(tmp_path / str(len(lie))) as reader,
            pytest.raises(AssertionError, match=r"page\.md, line 1"),
        ):
            reader.follow(page)
