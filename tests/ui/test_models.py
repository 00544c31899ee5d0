"""Pages about models: looked at, taken away, deleted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import joblib
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from journeys.home import HEADER, SETTINGS, as_csv, customers
from kervan.app.package import check_package
from kervan.ui.markdown import html_of
from ui.visitor import visiting

if TYPE_CHECKING:
    from pathlib import Path

    from journeys.home import Home
    from ui.visitor import Visitor

pytestmark = pytest.mark.sampled

REF = "müşteri-kaybı@1.0.0"
AT = "/models/m%C3%BC%C5%9Fteri-kayb%C4%B1@1.0.0"
HOSTILE = "<img src=x onerror=alert(1)>"
TABS = ("overview", "quality", "package", "inputs", "cards")


def safe(page: str) -> str:
    assert "<img" not in page
    assert "style=" not in page
    assert len(page.encode()) < 500_000
    return page


def test_models_are_listed_with_where_they_answer(visitor: Visitor) -> None:
    page = safe(visitor.get("/models"))
    assert f'href="{AT}"' in page
    (found,) = visitor.json("/models")["models"]
    assert (found["ref"], found["answers"]) == (REF, ["üretim"])


@pytest.mark.parametrize("show", TABS)
@pytest.mark.parametrize("language", ["en", "tr"])
def test_every_part_of_a_model_is_shown(visitor: Visitor, show: str, language: str) -> None:
    page = safe(visitor.get(f"{AT}?show={show}", language=language))
    assert REF in page
    assert f"kervan models {REF}" in page or f"kervan models &#39;{REF}&#39;" in page


@pytest.mark.parametrize("language", ["en", "tr"])
def test_where_a_model_fails_is_shown(visitor: Visitor, language: str) -> None:
    page = safe(visitor.get(f"{AT}/errors", language=language))
    seen = visitor.json(f"{AT}/errors")["seen"]["look"]
    for each in seen["explanation"]["importance"]:
        assert each["name"] in page
    assert page.count("<svg") > 5
    assert ("Neden böyle yanıtlıyor" in page) == (language == "tr")


def test_the_pages_say_what_is_on_record(visitor: Visitor) -> None:
    found = visitor.json(AT)
    overview, quality, package, inputs, cards = (visitor.get(f"{AT}?show={show}") for show in TABS)
    assert found["acceptance"]["findings"][0]["message"].split(":")[0] in overview
    assert 'href="/runs/' in overview
    assert "answers in üretim" in overview
    for each in found["evaluation"]["metrics"]:
        assert each["name"] in quality
    for each in found["board"]["candidates"]:
        assert each["family"] in quality
    for each in found["files"]:
        assert each["sha256"] in package
    assert [each["name"] for each in found["inputs"]["columns"]] == ["yaş", "şehir", "gelir", "0"]
    assert "İstanbul" in inputs
    assert "Intended use" in cards


def test_the_package_and_the_report_are_taken_away(visitor: Visitor, tmp_path: Path) -> None:
    found = visitor.client.get(f"{AT}/package")
    assert 'filename="musteri-kaybi-1.0.0.kervan"' in found.headers["content-disposition"]
    path = tmp_path / "paket.kervan"
    path.write_bytes(found.content)
    assert check_package(path).manifest.ref == REF
    report = visitor.client.get(f"{AT}/report")
    assert 'filename="model-musteri-kaybi-1.0.0.html"' in report.headers["content-disposition"]
    assert report.text.startswith("<!doctype html>")


def test_what_answers_is_guarded_with_its_reason(visitor: Visitor) -> None:
    page = visitor.get(AT)
    assert "Why it cannot be deleted now" in page
    assert "is part of deployment" in page
    assert "in üretim" in visitor.tell(f"{AT}/delete", why="deneme", status=403)["detail"]
    assert visitor.json("/models/yok@1.0.0", status=404)["status"] == 404


def test_a_version_is_deleted_with_a_reason_and_stays_on_the_line(home: Home) -> None:
    settings = SETTINGS.partition("[release]")[0]
    home.start(settings=settings).ask("run", "--quiet")
    rows = [[*row[:4], HOSTILE if row[1] > 50 else "b", row[5]] for row in customers(220)]
    home.write("müşteriler.csv", as_csv(rows, [*HEADER[:4], HOSTILE, HEADER[5]]))
    home.ask("run", "--quiet", "--why", HOSTILE)
    newest = AT.replace("1.0.0", "2.0.0")
    with visiting(home.folder) as visitor:
        for show in TABS:
            assert "&lt;img src=x onerror=alert(1)&gt;" in safe(
                visitor.get(f"{newest}?show={show}")
            ) or show in {
                "quality",
                "package",
            }
        page = visitor.get(newest)
        assert "breaks callers" in page
        assert "was removed" in page
        assert "kervan release" in page
        page = visitor.post(f"{AT}/delete", why=HOSTILE)
        assert f"{REF} is deleted." in safe(page)
        line = safe(visitor.get(newest))
        assert "deleted" in line
        assert "&lt;img src=x onerror=alert(1)&gt;" in line
        assert "was deleted" in visitor.get(AT, status=404)


def test_a_regression_shows_its_errors(home: Home) -> None:
    home.start(settings=SETTINGS.partition("[release]")[0].replace('target = "ayrıldı"', 'target = "gelir"'))
    home.ask("run", "--quiet")
    with visiting(home.folder) as visitor:
        page = safe(visitor.get(f"{AT}?show=quality"))
        assert "Answer minus truth" in page
        assert visitor.json(AT)["evaluation"]["residuals"]


@pytest.mark.parametrize("kind", [LogisticRegression, LinearRegression])
def test_a_model_from_elsewhere_is_shown_without_figures(home: Home, kind: type) -> None:
    home.start()
    answers = [row[5] for row in customers(120)]
    if kind is LinearRegression:
        answers = [row[1] / 3 for row in customers(120)]
    rows = [[row[1], row[3], answer] for row, answer in zip(customers(120), answers, strict=True)]
    home.write("satırlar.csv", as_csv(rows, ("yaş", "gelir", "sonuç")))
    joblib.dump(kind().fit([row[:2] for row in rows], answers), home.folder / "model.joblib")
    asked = ("--name", "ayrılma", "--table", "satırlar.csv", "--target", "sonuç")
    home.ask("package", "import", "model.joblib", "paket", *asked, "--quiet")
    home.ask("release", "paket", "--to", "deneme", "--port", "0", "--why", HOSTILE, "--quiet")
    with visiting(home.folder) as visitor:
        assert "trained elsewhere" in safe(visitor.get("/models"))
        for show in TABS:
            page = safe(visitor.get(f"/models/ayr%C4%B1lma@1.0.0?show={show}"))
            assert ("nobody measured it here" in page) == (show in {"overview", "quality", "cards"})
        assert visitor.client.get("/models/ayr%C4%B1lma@1.0.0/report").status_code == 403
        assert "kervan errors" in safe(visitor.get("/models/ayr%C4%B1lma@1.0.0/errors"))
    assert "was trained elsewhere" in home.ask("errors", "ayrılma@1.0.0", code=4).err
    (found,) = home.ask("explain", "ayrılma", "--row", '{"yaş": 30, "gelir": 9000.5}', "--json").json
    assert {each["name"] for each in found["reasons"]["contributions"]} == {"yaş", "gelir"}


def test_no_model_yet_says_what_makes_one(home: Home) -> None:
    home.start()
    with visiting(home.folder) as visitor:
        assert "kervan run" in visitor.get("/models")


def test_cards_are_shown_as_markdown_and_everything_is_escaped() -> None:
    text = (
        "# A `x|y`\n\nwords &lt;b&gt; <script>\\* \\| and ``a`b``\n\n- one `<i>`\n- two\n\n"
        "| h | k |\n| --- | --- |\n| `a\\|b` | <td> |\n\n```sh\nkervan <x>\n\n# no heading\n```\n"
    )
    found = str(html_of(text))
    assert "<h2>A <code>x|y</code></h2>" in found
    assert "<p>words &lt;b&gt; &lt;script&gt;* | and <code>a`b</code></p>" in found
    assert "<li>one <code>&lt;i&gt;</code></li>\n<li>two</li>" in found
    assert "<td><code>a|b</code></td>\n<td>&lt;td&gt;</td>" in found
    assert "kervan &lt;x&gt;\n\n# no heading\n</code></pre>" in found
    assert not re.search(r"<(script|b|i)>", found)


@pytest.mark.parametrize("count", [3, 40])
def test_many_classes_are_shown_as_far_as_they_can_be_read(home: Home, count: int) -> None:
    settings = SETTINGS.partition("[release]")[0].replace('target = "ayrıldı"', 'target = "sınıf"')
    rows = [[*row, f"{HOSTILE}{number % count}"] for number, row in enumerate(customers(count * 30))]
    home.start(settings=settings)
    home.write("müşteriler.csv", as_csv(rows, [*HEADER, "sınıf"]))
    home.ask("run", "--quiet")
    with visiting(home.folder) as visitor:
        page = safe(visitor.get(f"{AT}?show=quality"))
        found = visitor.json(AT)["evaluation"]
    assert found["class_count"] == count
    assert ("classes are too many" in page) == (count > 30)
    assert len(found["classes"]) == min(count, 30)
    assert len(found["confusion"]) == (count if count <= 30 else 0)
    assert f"&lt;img src=x onerror=alert(1)&gt;{1}" in page
