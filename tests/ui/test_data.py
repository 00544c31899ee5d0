"""Pages about datasets: looked at, searched, compared, taken away, deleted."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from journeys.home import HEADER, SETTINGS, Home, as_csv, customers
from ui.visitor import visiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ui.visitor import Visitor

REF = "müşteri-kaybı:1"
AT = "/data/m%C3%BC%C5%9Fteri-kayb%C4%B1:1"
HOSTILE = "<img src=x onerror=alert(1)>"
WITHOUT_MODEL = SETTINGS.partition("[model]")[0]


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """A project with two versions of a table of 1,000 columns with hostile names and values."""
    home = Home(tmp_path_factory.mktemp("wide"))
    home.start(settings=WITHOUT_MODEL)
    for seed, count in ((0, 120), (1, 150)):
        header = [*HEADER[:5], HOSTILE, *(f"s/{place:03d}?" for place in range(993)), HEADER[5]]
        rows = [
            [*row[:2], HOSTILE if number % 2 else row[2], *row[3:5], number % 7 or HOSTILE]
            + [(number * place + seed) % 97 for place in range(993)]
            + [row[5]]
            for number, row in enumerate(customers(count, seed))
        ]
        home.write("müşteriler.csv", as_csv(rows, header))
        home.ask("data", "ingest", "--quiet")
    with visiting(home.folder) as visitor:
        yield visitor


@pytest.fixture
def twice(home: Home) -> Iterator[Visitor]:
    """A project with two versions of a table."""
    for seed in (0, 1):
        home.start(settings=WITHOUT_MODEL, seed=seed).ask("data", "ingest", "--quiet")
    with visiting(home.folder) as visitor:
        yield visitor


def safe(page: str) -> str:
    assert "<img" not in page
    assert "style=" not in page
    assert len(page.encode()) < 500_000
    return page


def test_datasets_are_listed_and_lead_to_their_pages(visitor: Visitor) -> None:
    page = safe(visitor.get("/data"))
    assert f'href="{AT}"' in page
    assert "kervan data" in page
    found = visitor.json("/data")["listed"]
    assert [each["ref"] for each in found["datasets"]] == [REF]


@pytest.mark.parametrize("show", ["columns", "rows", "versions", "lineage"])
@pytest.mark.parametrize("language", ["en", "tr"])
def test_every_part_of_a_dataset_is_shown(visitor: Visitor, show: str, language: str) -> None:
    page = safe(visitor.get(f"{AT}?show={show}", language=language))
    assert REF in page
    assert f"kervan data show &#39;{REF}&#39;" in page


def test_the_page_and_its_json_say_the_same(visitor: Visitor) -> None:
    found = visitor.json(AT)
    page = visitor.get(AT)
    assert [each["name"] for each in found["columns"]["columns"]] == list(HEADER)
    for each in found["columns"]["columns"]:
        assert each["name"] in page
    rows = visitor.get(f"{AT}?show=rows")
    assert "sealed" in rows
    assert "müşteriler.csv" in rows
    assert found["looks"][0]["why"] in rows
    assert found["models"][0]["ref"] in visitor.get(f"{AT}?show=lineage")


@pytest.mark.parametrize("language", ["en", "tr"])
def test_the_quality_and_what_was_kept_aside_are_shown(home: Home, language: str) -> None:
    rows = customers(80)
    rows[3] = [rows[3][0], 9031.5, *rows[3][2:]]
    check = f'[[data.checks]]\ncolumn = "yaş"\nmost = 120\nseverity = "reject"\nwhy = "{HOSTILE}"\n'
    home.start(settings=WITHOUT_MODEL + check)
    home.write("müşteriler.csv", as_csv(rows, HEADER))
    home.ask("data", "ingest", "--quiet")
    with visiting(home.folder) as visitor:
        page = safe(visitor.get(f"{AT}?show=rows", language=language))
        assert "Rows kept aside" in page if language == "en" else "Ayrılan satırlar" in page
        assert "is not at most 120 (&lt;img" in page
        assert "9031.5" not in page
        assert visitor.json(AT)["versions"][0]["quality"] > 98
        assert visitor.json(AT)["validation"]["rejected"] == 1


def test_persons_are_found_protected_and_forgotten_on_the_page(home: Home) -> None:
    settings = WITHOUT_MODEL.replace(
        "protect =", 'person = "müşteri"\nquasi = ["şehir"]\nsensitive = ["gelir"]\nprotect ='
    )
    rows = [[*row[:5], f"k{number}@example.org", row[5]] for number, row in enumerate(customers(150))]
    home.write("kervan.toml", settings.replace('"hash"', '"pseudonymise"'))
    home.write("müşteriler.csv", as_csv(rows, [*HEADER[:5], "eposta", HEADER[5]]))
    home.ask("data", "ingest", "--quiet")
    with visiting(home.folder) as visitor:
        page = visitor.get(f"{AT}?show=rows")
        assert "pseudonymise" in page
        assert "Personal data that are not protected" in page
        assert "[data] protect = { eposta = " in safe(page)
        assert "k, the smallest group" in page
        page = visitor.post(f"{AT}/forget-original", why="süresi doldu")
        assert f"The original of {REF} is forgotten." in safe(page)
        page = visitor.get(f"{AT}?show=rows")
        assert "süresi doldu" in page
        assert "Forget the original" not in page


def test_columns_are_sorted_and_searched_by_the_address(visitor: Visitor) -> None:
    names = [each["name"] for each in visitor.json(f"{AT}?sort=-name")["columns"]["columns"]]
    assert names == sorted(HEADER, key=str.casefold, reverse=True)
    assert "No column matches" in visitor.get(f"{AT}?search=yok")
    assert visitor.json(f"{AT}?type=text&search=M%C3%9C%C5%9E")["columns"]["matched"] == 1
    for query in ("sort=x", "type=x", "page=0", "page=x"):
        assert visitor.json(f"{AT}?{query}", status=422)["hint"]
    assert "there is no" in visitor.get(f"{AT}?show=x", status=422)


@pytest.mark.parametrize("column", HEADER)
def test_every_column_has_a_page(visitor: Visitor, column: str) -> None:
    page = safe(visitor.client.get(f"{AT}/column", params={"name": column}).text)
    assert f"<h1>{column}</h1>" in page
    assert visitor.client.get(f"{AT}/column", params={"name": "yok"}).status_code == 404


def test_rows_and_report_are_taken_away_but_not_what_is_sealed(visitor: Visitor) -> None:
    report = visitor.client.get(f"{AT}/report")
    assert report.headers["content-disposition"].startswith(
        'attachment; filename="data-musteri-kaybi-1.html"'
    )
    assert b"yas" in report.content or "yaş" in report.text
    rows = visitor.client.get(f"{AT}/part", params={"part": "validation", "as": "csv"})
    assert rows.text.splitlines()[0].endswith("ayrıldı")
    assert visitor.client.get(f"{AT}/part", params={"part": "test"}).status_code == 403
    assert visitor.client.get(f"{AT}/part", params={"part": "train", "as": "/etc"}).status_code == 422


def test_what_still_trains_a_model_is_guarded(visitor: Visitor) -> None:
    page = visitor.get(AT)
    assert "Why it cannot be deleted now" in page
    assert "trained müşteri-kaybı@1.0.0" in page
    said = visitor.tell(f"{AT}/delete", why="deneme", status=403)
    assert "trained" in said["detail"]


def test_a_thousand_hostile_columns_come_in_pages(wide: Visitor) -> None:
    for path in (AT, f"{AT}?page=20", f"{AT}?search=ONERROR", f"{AT}?sort=-missing"):
        page = safe(wide.get(path))
    assert "&lt;img src=x onerror=alert(1)&gt;" in wide.get(AT)
    found = wide.json(f"{AT}?page=20")["columns"]
    assert (found["page"], found["pages"], len(found["columns"])) == (20, 20, 50)
    (link,) = set(re.findall(r'href="(/data/[^"]*/column\?name=%3Cimg[^"]*)"', wide.get(AT)))
    page = safe(wide.get(link))
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "s/000?" in wide.get(f"{AT}/column?name=s%2F000%3F")


def test_two_versions_are_compared(wide: Visitor) -> None:
    versions = wide.get(f"{AT}?show=versions")
    (link,) = set(re.findall(r'href="(/data/compare\?[^"]*)"', versions))
    page = safe(wide.get(link.replace("&amp;", "&")))
    assert "120 → 150" in page
    assert "kervan data diff" in page
    found = wide.json(link.replace("&amp;", "&") + "&search=s/&page=2")
    assert (found["matched"], len(found["difference"]["columns"])) == (993, 50)
    assert wide.json("/data/compare?before=x&now=y", status=404)["status"] == 404


def test_a_version_is_deleted_with_a_reason_on_record(twice: Visitor, home: Home) -> None:
    assert (
        "names no version"
        in twice.tell("/data/m%C3%BC%C5%9Fteri-kayb%C4%B1/delete", why="x", status=422)["detail"]
    )
    page = twice.post(f"{AT}/delete", why=HOSTILE)
    assert f"{REF} is deleted." in safe(page)
    line = safe(twice.get(f"{AT.removesuffix('1')}2?show=versions"))
    assert "&lt;img src=x onerror=alert(1)&gt;" in line
    assert "was deleted" in twice.get(AT, status=404)
    (event,) = (each for each in home.ask("audit", "--json").json if each["action"] == "deleted dataset")
    assert event["why"] == HOSTILE


def test_the_source_is_read_from_the_page(home: Home) -> None:
    home.start(settings=WITHOUT_MODEL)
    with visiting(home.folder) as visitor:
        page = visitor.get("/data")
        assert "There is no dataset yet" in page
        assert "Read müşteriler.csv" in page
        visitor.post("/data/ingest")
        for _ in range(600):
            if visitor.json("/data")["listed"]["total"]:
                break
            time.sleep(0.1)
        assert [each["ref"] for each in visitor.json("/data")["listed"]["datasets"]] == [REF]


@pytest.fixture
def shaped(home: Home) -> Iterator[Visitor]:
    """A project whose table went through steps, and of which checks kept 60 rows aside."""
    checks = f'[[data.checks]]\ncolumn = "yaş"\nmost = 120\nseverity = "reject"\nwhy = "{HOSTILE}"\n'
    steps = (
        '[[data.steps]]\nfilter = "yaş > 20"\n[[data.steps]]\nderive = { "iki yaş" = "yaş * 2" }\n'
        '[[data.steps]]\noutliers = ["gelir"]\nlimit = 3.0\n'
    )
    rows = customers(300)
    for place in range(60):
        rows[place] = [f"GİZLİ{place}", 900 + place, *rows[place][2:]]
    rows = [[*row, *((number * place) % 11 for place in range(39))] for number, row in enumerate(rows)]
    home.start(settings=WITHOUT_MODEL + steps + checks)
    home.write("müşteriler.csv", as_csv(rows, [*HEADER, *(f"s{place}" for place in range(39))]))
    home.ask("data", "ingest", "--quiet")
    with visiting(home.folder) as visitor:
        yield visitor


def test_steps_are_shown_with_the_table_before_and_after_each(shaped: Visitor) -> None:
    page = safe(shaped.get(f"{AT}?show=rows"))
    found = shaped.json(AT)
    kept, derived, outliers = found["steps"]
    assert kept["before"] == {"rows": 300, "columns": 45}
    assert kept["after"] == derived["before"]
    assert derived["after"] == {**derived["before"], "columns": 46}
    assert outliers["after"]["columns"] == found["columns"]["total"] == 46
    assert "300 rows × 45 columns" in page
    assert '<span class="tag good">+ iki yaş</span>' in page


def test_rows_kept_aside_have_pages_of_their_own(shaped: Visitor) -> None:
    assert f'href="{AT}/rejects"' in shaped.get(f"{AT}?show=rows")
    page = safe(shaped.get(f"{AT}/rejects"))
    assert "6 columns more are in the file" in page
    assert "6 sütun daha" in shaped.get(f"{AT}/rejects", language="tr")
    assert page.count("is not at most 120 (&lt;img") == 50
    assert "900" in page
    assert "GİZLİ" not in page
    assert safe(shaped.get(f"{AT}/rejects?page=2")).count("is not at most 120") == 10
    found = shaped.json(f"{AT}/rejects?page=2")
    assert (found["total"], len(found["rows"]), found["rows"][0]["values"]["yaş"]) == (60, 10, 950)
    shaped.json(f"{AT}/rejects?page=0", status=422)


def test_without_rows_kept_aside_the_page_says_so(visitor: Visitor) -> None:
    assert "No row was kept aside" in safe(visitor.get(f"{AT}/rejects"))


def test_how_large_the_source_is_is_said_before_it_is_read(shaped: Visitor, home: Home) -> None:
    assert 'href="/data/size"' in shaped.get("/data")
    page = safe(shaped.get("/data/size"))
    assert "There is room for it." in page
    assert 'action="/data/ingest"' in page
    assert "Yeterli yer var." in shaped.get("/data/size", language="tr")
    assert shaped.json("/data/size")["fetched"] == (home.folder / "müşteriler.csv").stat().st_size


def test_a_dataset_is_described_on_the_page_on_record(shaped: Visitor, home: Home) -> None:
    page = shaped.get(f"{AT}?show=rows")
    assert f'action="{AT}/describe"' in page
    said = {
        "owner": "Ayşe",
        "licence": "",
        "description": f"iki\r\nsatır {HOSTILE}",
        "tags": "a, b\r\n\r\n c ",
    }
    page = safe(shaped.post(f"{AT}/describe", **said, why="denetim istedi"))
    assert f"What is said of {REF} is on record." in page
    about = shaped.json(AT)["about"]
    assert about == {
        "owner": "Ayşe",
        "licence": "",
        "description": f"iki\nsatır {HOSTILE}",
        "tags": ["a, b", "c"],
        "access": [],
    }
    assert any(each["why"] == "denetim istedi" for each in home.ask("audit", "--json").json)
    shaped.tell(f"{AT}/describe", owner="Ali")
    assert shaped.json(AT)["about"] == {**about, "owner": "Ali"}
    shaped.post(f"{AT}/describe", owner="", tags="")
    assert (shaped.json(AT)["about"]["owner"], shaped.json(AT)["about"]["tags"]) == ("", [])
