from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from kervan.core.goals import Goal
from kervan.core.schema import Column, Signature
from kervan.model.errors.analysis import Looked, analyse_errors
from kervan.model.errors.learning import learning_curve
from kervan.model.evaluate import accept, evaluate
from kervan.model.explain.explanation import explain
from kervan.model.families.registry import BASELINE
from kervan.model.folds import Folding
from kervan.model.look import Look
from kervan.model.metrics import default_metric
from kervan.model.page import Story, model_page
from kervan.model.train import cross_validate, fit
from kervan.package.writing.fitted import Fitted

from .seen import answered
from .tables import real


def page(name: str, labels: tuple[str, ...] = (), title: str = "gelir@1.0.0", *, closely: bool = True) -> str:
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
    metric = default_metric(evaluation.task)
    return model_page(
        Story(
            title=title,
            predicts=signature.output.name,
            evaluation=evaluation,
            acceptance=accept(evaluation, Goal()),
            candidates=tuple(candidates),
            metric=metric,
            chosen="tree",
            look=look(name, metric, signature) if closely else None,
            learning=learning_curve(1_000, metric, lambda rows, _: 1 - len(rows) ** -0.5)
            if closely
            else None,
            facts=(("data", "gelir:1"),),
        )
    )


def look(name: str, metric: str, signature: Signature) -> Look:
    model, seen = answered(name)
    seen = replace(seen, signature=replace(signature, inputs=seen.signature.inputs))
    looked = Looked(metric=metric, groups=(signature.inputs.names[0],), examples=True)
    found = analyse_errors(seen, len(seen.truth), looked)
    return Look(errors=found, explanation=explain(model, seen, metric))


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
    assert body.find(".//svg") is not None
    first = body.find(".//table/tbody/tr/th")
    assert first is not None
    assert first.text == "tree"
    assert "Where it fails" in text
    assert "Would more rows help?" in text


@pytest.mark.parametrize("name", ["cancer", "diabetes"])
def test_without_a_closer_look_it_tells_what_was_measured(name: str) -> None:
    text = " ".join(parsed(page(name, closely=False)).itertext())
    assert "Where it fails" not in text
    assert "All metrics on the validation part" in text


@pytest.mark.parametrize("name", ["cancer", "wine", "diabetes"])
def test_it_is_light(name: str) -> None:
    assert len(page(name).encode()) < 300_000


def test_it_fetches_nothing_and_runs_nothing() -> None:
    for forbidden in ("<script", "http://", "https://", "src=", "@import", "url("):
        assert forbidden not in page("wine")


def test_every_text_is_escaped() -> None:
    evil = "<img src=x onerror=alert(1)>"
    text = page("cancer", (evil, 'İstanbul & "ı"'), title=evil)
    assert evil not in text
    assert evil in "".join(parsed(text).itertext())
    assert 'İstanbul & "ı"' in "".join(parsed(text).itertext())
