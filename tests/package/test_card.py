from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from kervan.core.nouns import Origin
from kervan.core.reading import Reading
from kervan.core.schema import Column, Schema, Signature, Type
from kervan.core.written import Written
from kervan.package.contents.card import data_card, model_card
from kervan.package.contents.manifest import FormatFacts, Lineage
from package.backgrounds import HASH, background, dataset


class Page(HTMLParser):
    """What a reader sees: headings, table cells, all text, and which elements there are."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.rows: list[list[str]] = []
        self.headings: list[str] = []
        self.text = ""
        self._open = ""
        self.feed(MarkdownIt("commonmark").enable("table").render(markdown))

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.elements.add(tag)
        self._open = tag if tag in {"td", "th", "h1", "h2"} else self._open
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self.rows[-1].append("")
        elif tag in {"h1", "h2"}:
            self.headings.append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = "" if tag == self._open else self._open

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._open in {"td", "th"}:
            self.rows[-1][-1] += data
        elif self._open:
            self.headings[-1] += data


def test_a_model_card_tells_what_people_ask() -> None:
    page = Page(model_card(background(use="Only for **tests**.", licence="CC-BY-4.0")))
    assert page.headings == [
        "gelir@1.2.0",
        "Intended use",
        "Inputs",
        "How good it is",
        "Formats",
        "Limitations",
        "Where it came from",
        "Licence",
        "Verify and use it",
    ]
    assert ["roc_auc", "0.9", "0.85 to 0.95"] in page.rows
    assert ["log_loss", "0.2", "not known"] in page.rows
    assert ["onnx/model.onnx", "2,000", "float64", "3e-08", "1e-05", "onnxruntime 1.31.1"] in page.rows
    assert ["yaş", "integer", "", "from 0 to 120", "yıl"] in page.rows
    assert ["a|b", "number", "may be missing", "", ""] in page.rows
    assert ["şehir", "category", "", "a, b, c, d, e, f, g, h and 2 more", ""] in page.rows
    assert ["code", "c0ffee, with changes that were not committed"] in page.rows
    for told in ("Only for tests.", "CC-BY-4.0", "binary classification", "by ayşe", "1970-01-01"):
        assert told in page.text
    assert "acceptance on the sealed test part: warned" in page.text


def test_a_model_card_says_how_callers_may_write() -> None:
    known = background()
    assert "A text may stand" not in model_card(known)
    written = {"yaş": Written(decimal=",", units={"yıl": 1.0, "": 1.0})}
    signature = replace(known.manifest.signature, reading=Reading.of_table([], written))
    known = replace(known, manifest=replace(known.manifest, signature=signature))
    assert "yaş: like 1.234,5 yıl" in Page(model_card(known)).text


def test_every_format_says_what_scores_it_without_kervan() -> None:
    known = background()
    facts = (
        FormatFacts(format="onnx", requires={"onnxruntime": "1.2.3", "numpy": "2.0.0"}),
        FormatFacts(format="c"),
    )
    told = model_card(replace(known, manifest=replace(known.manifest, facts=facts)))
    assert "- `onnx`: `onnxruntime==1.2.3`, `numpy==2.0.0`" in told
    assert "- `c`: no library of Python" in told


def test_limitations_are_those_of_this_model() -> None:
    told = background().limitations()
    assert "At its acceptance: 200 rows tell little." in told
    assert not any("roc_auc is" in each for each in told)
    assert any("did not see counts as a missing value" in each for each in told)
    assert any("Kervan's server refuses others" in each for each in told)
    column = Column(name="a", type=Type.BOOLEAN)
    plain = background(signature=Signature(inputs=Schema((column,)), output=column)).limitations()
    assert len(plain) == 3
    assert not any("32-bit" in each or "category" in each for each in plain)


def test_what_nobody_said_is_said_to_be_unknown() -> None:
    page = Page(model_card(background(lineage=Lineage())))
    assert "did not say what it is for" in page.text
    assert "Its maker did not state one" in page.text
    assert ["code", "not in a Git repository"] in page.rows


def test_a_data_card_tells_where_the_rows_came_from() -> None:
    page = Page(data_card(background()))
    assert ["source", "müşteriler.csv"] in page.rows
    assert ["train", "800", "learning", HASH] in page.rows
    assert "ad: drop" in page.text
    assert "1 rows of the validation part" in page.text
    assert "No column was hashed" in Page(data_card(background(data=dataset(protection={})))).text


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("/home/ayşe/gizli/a.csv", "a.csv"),
        ("a.csv", "a.csv"),
        ("https://ayşe:parola@example.org/a.csv?token=parola#x", "https://example.org/a.csv"),
        ("s3://bucket/key.parquet", "s3://bucket/key.parquet"),
    ],
)
def test_folders_logins_and_tokens_are_left_out(source: str, shown: str) -> None:
    told = background(data=dataset(origin=Origin(source=source, size=1, sha256=HASH, blob="")))
    assert told.source == shown
    assert "parola" not in data_card(told) + model_card(told)


HOSTILE = [
    "<script>alert(1)</script>",
    "a|b",
    "`x`",
    "``",
    "[l](javascript:x)",
    "![i](http://x)",
    "# h",
    "*b*",
    "&lt;",
]
LETTERS = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])
NAMES = st.sampled_from(HOSTILE) | st.text(LETTERS, min_size=1)


@given(name=NAMES, creator=NAMES, licence=NAMES)
def test_no_name_becomes_markup(name: str, creator: str, licence: str) -> None:
    columns = Schema((Column(name=name, type=Type.CATEGORY, allowed=(name,), unit=creator),))
    told = background(
        signature=Signature(inputs=columns, output=columns[name]),
        creator=creator,
        licence=licence,
        use=HOSTILE[0],
        data=dataset(schema=columns, target=name, protection={name: "drop"}, creator=creator),
    )
    for card in (model_card(told), data_card(told)):
        page = Page(card)
        assert page.elements <= {
            "h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "ul", "li", "pre", "hr"
        }  # fmt: skip
        assert len(page.headings) == (9 if card.startswith("# gelir") else 5)
        assert {len(row) for row in page.rows} <= {2, 3, 4, 5, 6}
        cells = [row[0] for row in page.rows if len(row) == 5]
        assert any(squeezed(cell) == squeezed(name) for cell in cells)


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", unescape(text)).strip()
