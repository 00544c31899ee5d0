"""A model as a page shows it, with what its run measured; and what can be taken away of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import joblib
import msgspec
import pytest
from sklearn.linear_model import LogisticRegression

from journeys.home import CITIES, HEADER, SETTINGS, as_csv, customers
from kervan.app.columns import ColumnQuery
from kervan.app.download import Download, evaluation_file, package_file, part_file, profile_file
from kervan.app.model import model_view
from kervan.app.package import check_package
from kervan.core.errors import InvalidInput, NotFound, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from journeys.home import Home
    from kervan.app.project import Project

NAME = "müşteri-kaybı"
OLD, NEW = f"{NAME}@1.0.0", f"{NAME}@1.0.1"


@pytest.fixture
def project(grown: Home) -> Iterator[Project]:
    with grown.opened() as opened:
        yield opened


def content(file: Download) -> bytes:
    whole = b"".join(file.pieces)
    assert len(whole) == file.size
    assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", file.name)
    return whole


def test_what_its_run_measured_is_found_again(project: Project, grown: Home) -> None:
    seen = model_view(project, OLD)
    assert seen.board is not None
    assert [each.family for each in seen.board.candidates] == ["linear", "baseline"]
    assert (seen.board.chosen, seen.board.baseline) == ("linear", "baseline")
    assert seen.evaluation is not None
    told = grown.ask("models", OLD, "--json").json
    assert {each.name: each.value for each in seen.evaluation.metrics} == told["metrics"]
    assert all(
        each.low <= each.value <= each.high for each in seen.evaluation.metrics if each.low is not None
    )
    assert sum(map(sum, seen.evaluation.confusion)) == seen.evaluation.rows
    assert sum(each.rows for each in seen.evaluation.classes) == seen.evaluation.rows
    assert sum(each.rows for each in seen.evaluation.calibration) == seen.evaluation.rows
    assert seen.acceptance is not None
    assert seen.acceptance.metric == seen.board.metric
    assert seen.acceptance.findings


def test_the_package_is_told_by_formats_files_and_cards(project: Project) -> None:
    seen = model_view(project, OLD)
    assert seen.formats
    assert all(each.size > 0 and each.title and each.proofs[0].holds for each in seen.formats)
    assert seen.size == sum(each.size for each in seen.files)
    assert [each.name for each in seen.cards] == ["MODEL_CARD.md", "DATA_CARD.md"]
    assert seen.cards[0].text.startswith(f"# {OLD}")
    assert seen.dataset == f"{NAME}:1"
    by_name = {each.name: each for each in seen.inputs.columns}
    assert by_name["şehir"].allowed == tuple(sorted(CITIES))
    msgspec.json.encode(seen)


def test_versions_stand_on_a_line_with_what_changed_and_where_they_answer(project: Project) -> None:
    seen = model_view(project, NEW)
    newest, first = seen.versions
    assert (newest.ref, newest.bump, newest.answers, newest.answered) == (NEW, "patch", (), ("üretim",))
    assert (first.ref, first.bump, first.answers, first.answered) == (OLD, "", ("üretim",), ())
    (stay,) = seen.stays
    assert stay.environment == "üretim"
    assert stay.until is not None
    assert [each.until is None for each in model_view(project, OLD).stays] == [True, False]


def test_a_version_that_breaks_callers_says_by_which_columns(home: Home) -> None:
    settings = SETTINGS.partition("[release]")[0]
    home.start(settings=settings).ask("run", "--quiet")
    rows = [[*row[:4], row[5]] for row in customers(220)]
    home.write("müşteriler.csv", as_csv(rows, [*HEADER[:4], HEADER[5]]))
    home.ask("run", "--quiet")
    home.ask("models", "delete", OLD, "--why", "eski", "--quiet")
    with home.opened() as project:
        newest, first = model_view(project, NAME).versions
        assert (newest.ref, newest.bump) == (f"{NAME}@2.0.0", "major")
        assert [(each.column, each.what) for each in newest.changes] == [("0", "was removed")]
        assert first.deleted.endswith(": eski")
        assert first.answers == first.answered == ()


def test_what_answers_is_guarded_and_the_other_is_not(project: Project) -> None:
    (guard,) = model_view(project, OLD).guards
    assert "in üretim" in guard.reason
    assert "--to üretim" in guard.hint
    assert model_view(project, NEW).guards == ()


def test_inputs_are_searched(project: Project) -> None:
    found = model_view(project, OLD, ColumnQuery(search="YAŞ", sort="categories")).inputs
    assert [each.name for each in found.columns] == ["yaş"]
    with pytest.raises(InvalidInput, match="not sorted"):
        model_view(project, OLD, ColumnQuery(sort="missing"))


def test_a_model_from_elsewhere_has_a_package_and_no_figures(home: Home) -> None:
    home.start()
    rows = [[row[1], row[3], row[5]] for row in customers(120)]
    home.write("satırlar.csv", as_csv(rows, ("yaş", "gelir", "ayrıldı")))
    model = LogisticRegression().fit([row[:2] for row in rows], [row[2] for row in rows])
    joblib.dump(model, home.folder / "model.joblib")
    asked = ("--name", "ayrılma", "--table", "satırlar.csv", "--target", "ayrıldı")
    home.ask("package", "import", "model.joblib", "paket", *asked, "--quiet")
    home.ask("release", "paket", "--to", "deneme", "--port", "0", "--why", "deneme", "--quiet")
    with home.opened() as project:
        seen = model_view(project, "ayrılma")
        assert (seen.board, seen.evaluation, seen.acceptance, seen.dataset) == (None, None, None, "")
        assert seen.is_imported
        assert seen.versions[0].answers == ("deneme",)
        assert seen.lineage.source == "model.joblib"
        assert content(package_file(project, seen.ref))
        with pytest.raises(Refused, match="was trained elsewhere"):
            evaluation_file(project, seen.ref)
        with pytest.raises(NotFound):
            model_view(project, "yok@1.0.0")


def test_a_package_taken_away_is_whole(project: Project, tmp_path: Path) -> None:
    file = package_file(project, OLD)
    assert file.name == "musteri-kaybi-1.0.0.kervan"
    path = tmp_path / file.name
    path.write_bytes(content(file))
    assert check_package(path).manifest.ref == OLD


def test_reports_are_pages_that_need_nothing_else(project: Project, grown: Home) -> None:
    profile, evaluation = profile_file(project, f"{NAME}:1"), evaluation_file(project, OLD)
    assert (profile.name, evaluation.name) == ("data-musteri-kaybi-1.html", "model-musteri-kaybi-1.0.0.html")
    written = grown.folder / ".kervan" / "reports"
    assert content(profile) == (written / f"data-{NAME}-1.html").read_bytes()
    assert content(evaluation) == (written / f"model-{NAME}-1.0.0.html").read_bytes()


def test_rows_are_taken_away_but_not_the_sealed_ones(project: Project) -> None:
    rows = content(part_file(project, f"{NAME}:1", "validation", ".csv")).decode().splitlines()
    assert rows[0].split(",")[1:] == list(HEADER[1:])
    assert content(part_file(project, NAME, "train", ".parquet")).startswith(b"PAR1")
    with pytest.raises(Refused, match="sealed"):
        part_file(project, NAME, "test", ".csv")
    for role, ending in (("../../etc", ".csv"), ("train", "/../x.csv")):
        with pytest.raises(InvalidInput):
            part_file(project, NAME, role, ending)
