"""Answers beside the rows that were asked about, and what is said of odd rows, by `kervan predict`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cli.person import PERSON
from kervan.core import plugins as plugins_module
from kervan.core.plugins import add, plugins

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from journeys.home import Home, Reply
    from kervan.core.ports import ReadOptions

pytestmark = pytest.mark.sampled

OWN = {"kimlik": ["007", "1.50", "NA"], "not": ["=1+1", "-5", None]}
READ: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".csv": lambda file: pl.read_csv(file, schema_overrides={"kimlik": pl.String}),
    ".parquet": pl.read_parquet,
    ".ndjson": pl.read_ndjson,
}
ANSWERS = ["prediction", "probability of evet", "probability of hayır", "prediction id"]


def rows() -> pl.DataFrame:
    people = [PERSON, {**PERSON, "şehir": "Sivas", "yaş": 70}, {**PERSON, "yaş": 25, "0": None}]
    return pl.DataFrame({**OWN, **{name: [each[name] for each in people] for name in PERSON}})


def write(table: pl.DataFrame, file: Path) -> Path:
    if file.suffix == ".csv":
        table.write_csv(file)
    elif file.suffix == ".parquet":
        table.write_parquet(file)
    elif file.suffix == ".json":
        file.write_text(json.dumps(table.to_dicts()), encoding="utf-8")
    else:
        table.write_ndjson(file)
    return file


def predict(shop: Home, file: Path, *arguments: str, code: int = 0) -> Reply:
    return shop.ask("predict", "üretim", "-f", str(file), *arguments, code=code)


@pytest.mark.parametrize("kind", [".csv", ".parquet", ".json", ".jsonl"])
@pytest.mark.parametrize("out", READ)
def test_answers_stand_beside_the_columns_that_the_caller_has(
    shop: Home, tmp_path: Path, kind: str, out: str
) -> None:
    file = write(rows(), tmp_path / f"a{kind}")
    to = tmp_path / f"b{out}"
    reply = predict(shop, file, "-o", str(to), "--exact", "--json")
    assert reply.json == {"rows": 3, "file": str(to)}
    found = READ[out](to)
    assert found.columns == [*OWN, *PERSON, *ANSWERS]
    assert found["yaş"].to_list() == [39, 70, 25]
    assert found["0"].to_list() == [0.5, 0.5, None]
    assert found["not"].to_list() == OWN["not"]
    if (kind, out) == (".csv", ".csv") or kind.startswith(".json"):
        assert found["kimlik"].to_list() == OWN["kimlik"]
    answers = predict(shop, file, "--json").json
    assert found["prediction"].to_list() == [each["label"] for each in answers]
    likely = [each["probabilities"]["evet"] for each in answers]
    assert found["probability of evet"].to_list() == pytest.approx(likely, abs=1e-12)
    shop.ask("trace", found["prediction id"][2])


def test_a_spreadsheet_runs_nothing_of_the_answers_unless_asked(shop: Home, tmp_path: Path) -> None:
    table = rows().rename({"not": "=not"})
    file, to = write(table, tmp_path / "a.csv"), tmp_path / "b.csv"
    predict(shop, file, "-o", str(to))
    found = pl.read_csv(to, infer_schema=False)
    assert found["'=not"].to_list() == ["'=1+1", "-5", None]
    predict(shop, file, "-o", str(to), "--exact")
    assert pl.read_csv(to, infer_schema=False)["=not"].to_list() == OWN["not"]


def test_values_of_several_kinds_are_carried_as_texts(shop: Home, tmp_path: Path) -> None:
    own: list[Any] = [1, "iki", {"üç": [3]}, None, True]
    file = tmp_path / "a.json"
    file.write_text(json.dumps([{**PERSON, "x": each, "n": 2**70} for each in own]), encoding="utf-8")
    predict(shop, file, "-o", str(tmp_path / "b.parquet"))
    found = pl.read_parquet(tmp_path / "b.parquet")
    assert found["x"].to_list() == ["1", "iki", '{"üç":[3]}', None, "true"]
    assert found["n"].to_list() == [str(2**70)] * 5


def test_one_row_is_written_too(shop: Home, tmp_path: Path) -> None:
    to = tmp_path / "b.ndjson"
    shop.ask("predict", "üretim", "--row", json.dumps({**PERSON, "kim": "x"}), "-o", str(to), "--flags")
    (found,) = pl.read_ndjson(to).to_dicts()
    assert found["kim"] == "x"
    assert found["flags"] == "not used: kim"


@pytest.mark.parametrize("kind", [".csv", ".parquet", ".json", ".jsonl"])
def test_what_is_not_used_and_not_known_is_said_and_flagged(shop: Home, tmp_path: Path, kind: str) -> None:
    file = write(rows(), tmp_path / f"a{kind}")
    reply = predict(shop, file, "--json", "--flags")
    assert "2 columns are not used: kimlik, not" in reply.err
    assert "1 row holds a category that the model does not know: şehir 'Sivas'" in reply.err
    unused = ["not used: kimlik", "not used: not"]
    flags = [each["flags"] for each in reply.json]
    assert flags == [unused, ["not known: şehir", *unused], unused]
    assert "flags" not in predict(shop, file, "--json").json[0]
    to = tmp_path / "b.csv"
    predict(shop, file, "-o", str(to), "--flags")
    assert pl.read_csv(to)["flags"].to_list() == ["; ".join(each) for each in flags]
    assert "not known: şehir; not used: kimlik" in predict(shop, file, "--flags").out


def test_nothing_is_said_of_rows_that_are_as_they_should_be(shop: Home, tmp_path: Path) -> None:
    file = write(pl.DataFrame([PERSON]), tmp_path / "a.csv")
    reply = predict(shop, file, "--json", "--flags")
    assert [line for line in reply.err.splitlines() if "still at work" not in line] == []
    assert reply.json[0]["flags"] == []


@pytest.mark.parametrize("kind", [".csv", ".parquet", ".json", ".jsonl"])
def test_names_that_differ_in_capital_letters_are_told(shop: Home, tmp_path: Path, kind: str) -> None:
    capital = {name: name.upper() for name in ("yaş", "gelir", "şehir")}
    file = write(rows().drop(*OWN).rename(capital), tmp_path / f"a{kind}")
    problem = predict(shop, file, "--json", code=2).problem
    assert "has a column 'YAŞ' where the model takes 'yaş', and 2 more like it" in problem["message"]
    assert str(file) in problem["message"]
    assert "rename 'YAŞ', 'ŞEHIR', 'GELIR'" in problem["hint"]
    file = write(rows().select("kimlik", "not"), file)
    problem = predict(shop, file, "--json", code=2).problem
    assert "has none of the model's columns, but 'kimlik', 'not'" in problem["message"]
    assert "'yaş', 'şehir', 'gelir', '0'" in problem["hint"]


@pytest.mark.parametrize("kind", [".csv", ".parquet", ".json", ".jsonl"])
def test_a_row_has_the_same_number_in_every_file(shop: Home, tmp_path: Path, kind: str) -> None:
    bad = rows().with_columns(pl.Series("gelir", [1.0, 2.0, None]))
    file = write(bad, tmp_path / f"a{kind}")
    problem = predict(shop, file, "--json", code=2).problem
    assert f"{file}: row 3, 'gelir': is missing" in problem["message"]


def test_what_means_missing_in_a_table_means_it_in_json(shop: Home, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    lines = [{**PERSON, "0": "NA"}, {**PERSON, "0": None}, {**PERSON, "şehir": " Ankara "}]
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    first, second, third = predict(shop, file, "--json").json
    assert first["probabilities"] == second["probabilities"]
    (known,) = shop.ask(
        "predict", "üretim", "--row", json.dumps({**PERSON, "şehir": "Ankara"}), "--json"
    ).json
    assert third["probabilities"] == known["probabilities"]


def test_what_meant_missing_in_training_does_whatever_the_settings_say_now(
    shop: Home, tmp_path: Path
) -> None:
    kept = [{**PERSON, "0": value} for value in ("NA", "", "0.5")]
    file = write(pl.DataFrame(kept), tmp_path / "a.csv")
    settings = shop.folder / "kervan.toml"
    before = settings.read_text(encoding="utf-8")
    try:
        settings.write_text(before.replace("[data]", "[data]\nmissing = []"), encoding="utf-8")
        first, second, third = predict(shop, file, "--json").json
    finally:
        settings.write_text(before, encoding="utf-8")
    assert first["probabilities"] == second["probabilities"] != third["probabilities"]


def test_what_a_source_of_others_reads_is_read_by_it(shop: Home, tmp_path: Path) -> None:
    class Lines:
        def accepts(self, location: str) -> bool:
            return location.endswith(".lines")

        def read(self, path: Path, _options: ReadOptions) -> pl.DataFrame:
            return pl.DataFrame([PERSON] * len(path.read_text(encoding="utf-8").split()))

    file = tmp_path / "a.lines"
    file.write_text("x y z", encoding="utf-8")
    add("source", "lines", Lines())
    try:
        assert len(predict(shop, file, "--json").json) == 3
    finally:
        plugins_module._ADDED.clear()
        plugins.cache_clear()


def test_a_file_that_nothing_reads_is_told_what_can_be(shop: Home, tmp_path: Path) -> None:
    file = tmp_path / "a.docx"
    file.write_bytes(b"PK")
    hint = predict(shop, file, "--json", code=2).problem["hint"]
    assert all(ending in hint for ending in (".csv", ".parquet", ".json", ".jsonl"))


def test_neither_header_nor_empty_lines_nor_breaks_in_texts_are_rows(shop: Home, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    names = "not,yaş,şehir,gelir,0\n"
    file.write_text(f'{names}"a\nb",39,Ankara,1,1\n\n"c",39,Ankara,,1\n', encoding="utf-8")
    assert f"{file}: row 2, 'gelir': is missing" in predict(shop, file, code=2).err


def test_a_column_that_is_there_is_never_meant_instead(shop: Home, tmp_path: Path) -> None:
    file = write(rows().drop("gelir").rename({"not": "gelr"}), tmp_path / "a.csv")
    assert predict(shop, file, "--json", code=2).problem["hint"] == 'did you mean "gelr"?'
    file = write(rows().drop("gelir", *OWN), file)
    assert "did you mean" not in predict(shop, file, "--json", code=2).problem["hint"]


REFUSED = {
    "kind": ("b.xlsx", "names no kind of file that can be written"),
    "itself": ("a.csv", "holds the rows themselves"),
    "folder": ("yok/b.csv", "there is no folder"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_written_is_refused_before_anything_is_asked(
    shop: Home, tmp_path: Path, case: str
) -> None:
    name, message = REFUSED[case]
    file = write(rows(), tmp_path / "a.csv")
    before = file.read_bytes()
    assert message in predict(shop, file, "-o", str(tmp_path / name), code=2).err
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_asking_for_many_rows_tells_how_far_it_is(shop: Home, tmp_path: Path) -> None:
    file = write(pl.concat([pl.DataFrame([PERSON])] * 20_000), tmp_path / "a.parquet")
    to = tmp_path / "b.parquet"
    reply = predict(shop, file, "-o", str(to))
    assert "2,000 of 20,000 rows" in reply.err
    assert "20,000 of 20,000 rows" in reply.err
    assert pl.read_parquet(to).height == 20_000
    assert "of 20,000 rows" not in predict(shop, file, "-o", str(to), "-q").err
