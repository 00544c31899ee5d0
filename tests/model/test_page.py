from __future__ import annotations

from xml.etree import ElementTree

import pytest

from kervan.core.config import Goal
from kervan.core.schema import Column, Signature
from kervan.model.candidates import BASELINE
from kervan.model.evaluate import accept, evaluate
from kervan.model.folds import Folding
from kervan.model.page import evaluation_page
from kervan.model.train import cross_validate, fit
from kervan.package.writing.fitted import Fitted

from .tables import real


def page(name: str, labels: tuple[str, ...] = (), title: str = "gelir@1.0.0") -> str:
    signature, matrix, truth = real(name)
    if labels:
        output = Column(name="y", type=signature.output.type, allowed=labels)
        signature = Signature(inputs=signature.inputs, output=output)
    families = (BASELINE, "tree")
    candidates = [
        cross_validate(family, matrix, truth, signature, Folding(folds=2, seed=0)) for family in families
    ]
    model = Fitted(fit("tree", matrix[::2], truth[::2], signature, seed=0), signature)
    evaluation = evaluate(model, matrix[1::2], truth[1::2], signature)
    return evaluation_page(title, evaluation, accept(evaluation, Goal()), candidates)


def parsed(text: str) -> ElementTree.Element:
    """Parse the page as XML, which it is apart from its first line and the open meta elements."""
    body = text[text.index("<body>") :].removesuffix("</html>\n")
    return ElementTree.fromstring(body)


@pytest.mark.parametrize("name", ["cancer", "wine", "diabetes"])
def test_the_page_is_well_formed_and_shows_verdict_metrics_families_and_a_picture(name: str) -> None:
    body = parsed(page(name))
    text = " ".join(body.itertext())
    metric = "rmse" if name == "diabetes" else "roc_auc"
    verdict = "warned" if name == "wine" else "passed"  # 89 rows tell little
    for wanted in ("gelir@1.0.0", verdict, metric, BASELINE, "tree"):
        assert wanted in text
    assert body.find("svg") is not None
    first = body.findall("table")[1].find("tbody/tr/td")
    assert first is not None
    assert first.text == "tree"


def test_it_fetches_nothing_and_runs_nothing() -> None:
    for forbidden in ("<script", "http://", "https://", "src=", "@import", "url("):
        assert forbidden not in page("wine")


def test_every_text_is_escaped() -> None:
    evil = "<img src=x onerror=alert(1)>"
    text = page("cancer", (evil, 'İstanbul & "ı"'), title=evil)
    assert evil not in text
    assert evil in "".join(parsed(text).itertext())
    assert 'İstanbul & "ı"' in "".join(parsed(text).itertext())
