"""Persons in tables: found, protected before anything is stored, measured, forgotten, released in figures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl
import pytest

from app.disk import holding
from data.protection.persons import table_of_persons
from kervan.app.original import FORGOT
from kervan.app.person import FORGOT as FORGOT_PERSON
from kervan.app.project import open_project
from kervan.app.table_profile import profile_table
from kervan.data.profile.advice import pasteable

if TYPE_CHECKING:
    from journeys.home import Home

SETTINGS = """\
[project]
name = "krediler"
[data]
source = "krediler.csv"
target = "ödedi"
person = "tckn"
quasi = ["yaş"]
sensitive = ["gelir"]
[data.protect]
tckn = "pseudonymise"
ad = "drop"
eposta = { mask = "domain" }
telefon = "mask"
iban = "tokenise"
adres = { prefix = 1 }
"doğum" = "drop"
"yaş" = { generalise = 10 }
gelir = { noise = 2.5, law = "gaussian" }
"""


@pytest.fixture
def loans(home: Home) -> Home:
    home.write("kervan.toml", SETTINGS)
    table_of_persons(400).write_csv(home.folder / "krediler.csv")
    return home


def exported(home: Home, ref: str) -> pl.DataFrame:
    home.ask("data", "export", ref, "train.parquet")
    return pl.read_parquet(home.folder / "train.parquet")


def test_nothing_of_a_person_is_on_the_disk_in_clear(loans: Home) -> None:
    loans.ask("data", "ingest", "--quiet")
    table = table_of_persons(400)
    root = loans.folder / ".kervan"
    for column in ("tckn", "ad", "eposta", "iban", "adres"):
        for value in table[column].head(20):
            assert holding(root, value) == [], column
    assert holding(root, "@example")


def test_values_tell_less_and_rows_stay_what_they_are(loans: Home) -> None:
    loans.ask("data", "ingest", "--quiet")
    kept = exported(loans, "krediler:1")
    assert kept.columns == ["tckn", "eposta", "telefon", "iban", "adres", "yaş", "gelir", "tutar", "ödedi"]
    assert kept["tckn"].str.len_chars().unique().to_list() == [32]
    assert set(kept["yaş"].unique()) <= set(range(10, 90, 10))
    assert kept["eposta"].str.contains(r"^\*{4}@example\.(org|com|net)$").all()
    assert kept["iban"].str.starts_with("tok_").all()
    assert kept["adres"].str.len_chars().max() == 1
    assert kept["gelir"].dtype == pl.Float64


def test_the_same_table_comes_to_the_same_version(loans: Home) -> None:
    loans.ask("data", "ingest", "--quiet")
    table_of_persons(400).write_csv(loans.folder / "krediler.csv", quote_style="always")
    assert loans.ask("data", "ingest", "--json", "--quiet").json["version"] == "1"


def test_a_forgotten_person_gets_another_pseudonym(loans: Home) -> None:
    loans.ask("data", "ingest", "--quiet")
    table = table_of_persons(400)
    ring = open_project(loans.folder).store.ring
    name, *others = (f"person {each}" for each in table["tckn"])
    before = ring.keys([name])
    assert ring.destroy([name]) == 1
    assert not ring.holds(name)
    assert all(map(ring.holds, others))
    assert ring.keys([name]) != before


def test_a_person_is_forgotten_on_record_and_nobody_says_who(loans: Home) -> None:
    loans.ask("data", "ingest", "--quiet")
    name, other = table_of_persons(400)["tckn"].head(2)
    before = exported(loans, "krediler:1")
    ask = ("data", "forget-person", name, "--why")
    gone = loans.ask(*ask, "dilekçe geldi", "--json").json
    assert gone == {"datasets": ["krediler:1"], "originals": ["krediler:1"]}
    (event,) = [each for each in loans.ask("audit", "--json").json if each["action"] == FORGOT_PERSON]
    assert event["why"] == "dilekçe geldi"
    assert name not in str(event)
    loans.ask("audit", "verify")
    assert exported(loans, "krediler:1").equals(before)
    ring = open_project(loans.folder).store.ring
    assert (ring.holds(f"person {name}"), ring.holds(f"person {other}")) == (False, True)
    assert "has no key any more" in loans.ask(*ask, "yine", code=3).err


def test_whom_to_forget_and_why_has_to_be_said_well(loans: Home) -> None:
    loans.ask("data", "ingest", "--quiet")
    name = table_of_persons(400)["tckn"][0]
    ask = ("data", "forget-person", name, "--why")
    assert "give a reason" in loans.ask(*ask, " ", code=2).err
    assert "without naming them" in loans.ask(*ask, f"{name} sordu", code=2).err
    unknown = loans.ask("data", "forget-person", f"{name}0", "--why", "dilekçe", "--json", code=3).problem
    assert unknown["message"] == "nobody of that name has a key here"
    assert "('tckn')" in unknown["hint"]
    loans.ask("data", "forget-original", "krediler", "--why", "süresi doldu")
    assert "forget-original" not in loans.ask(*ask, "dilekçe").out


def test_too_few_rows_that_hide_together_stop_the_run(loans: Home) -> None:
    loans.write(
        "kervan.toml", SETTINGS.replace('quasi = ["yaş"]', 'quasi = ["yaş", "adres"]\nk_at_least = 50')
    )
    problem = loans.ask("data", "ingest", "--quiet", "--json", code=2).problem
    assert "rows hide among fewer than 50 that are equal in yaş, adres" in problem["message"]
    assert loans.ask("data", "list", "--json").json == []


def test_how_well_rows_hide_is_kept_and_measured_anew(loans: Home) -> None:
    loans.ask("data", "ingest", "--quiet")
    kept = loans.ask("data", "anonymity", "krediler:1", "--json").json
    assert kept["scope"] == "all"
    assert kept["anonymity"]["rows"] == 400
    assert kept["anonymity"]["k"] >= 2
    other = loans.ask("data", "anonymity", "krediler:1", "--quasi", "tckn", "--json").json
    assert (other["scope"], other["anonymity"]["k"]) == ("training and validation", 1)
    refused = loans.ask("data", "anonymity", "krediler", "--quasi", "yaşş", "--json", code=2).problem
    assert "no column 'yaşş'" in refused["message"]


def test_an_original_is_forgotten_on_record_and_all_else_stays(loans: Home) -> None:
    loans.ask("data", "ingest", "--quiet")
    assert "give a reason" in loans.ask("data", "forget-original", "krediler", "--why", " ", code=2).err
    gone = loans.ask("data", "forget-original", "krediler:1", "--why", "süresi doldu", "--json").json
    assert gone["keys"] == 1
    (event,) = [each for each in loans.ask("audit", "--json").json if each["action"] == FORGOT]
    assert (event["why"], event["body"]["dataset"]) == ("süresi doldu", "krediler:1")
    loans.ask("audit", "verify")
    assert {each["verdict"] for each in loans.ask("doctor", "--json").json} <= {"passed", "warned"}
    assert loans.ask("data", "ingest", "--json", "--quiet").json["version"] == "1"
    assert exported(loans, "krediler:1").height > 200
    assert loans.ask("data", "forget-original", "krediler:1", "--why", "yine", "--json").json["keys"] == 0


def test_tokens_are_turned_back_on_record_without_their_values(loans: Home) -> None:
    loans.ask("data", "ingest", "--quiet")
    token = exported(loans, "krediler:1")["iban"][0]
    ask = ("data", "detokenise", "krediler:1")
    found = loans.ask(*ask, token, "--why", "müşteri sordu", "--json").json["values"]
    assert found[token] in table_of_persons(400)["iban"].to_list()
    (event,) = [each for each in loans.ask("audit", "--json").json if each["action"] == "detokenised"]
    assert (event["why"], event["body"]["tokens"]) == ("müşteri sordu", [token])
    assert holding(loans.folder / ".kervan", found[token]) == []
    assert "does not know the token" in loans.ask(*ask, "tok_1", "--why", "x", code=None).err
    assert "give a reason" in loans.ask(*ask, token, "--why", " ", code=2).err


def test_a_key_that_went_without_a_word_is_noticed(loans: Home) -> None:
    loans.ask("data", "ingest", "--quiet")
    for path in (loans.folder / ".kervan" / "keys" / "ring").glob("*.keys"):
        path.unlink()
    found = loans.ask("doctor", "--json", code=6).json
    (finding,) = [each for each in found if each["verdict"] == "failed"]
    assert "the original of krediler:1 is gone" in finding["message"]


def test_what_is_found_is_a_warning_with_the_line_to_paste(loans: Home) -> None:
    loans.write("kervan.toml", SETTINGS.partition("person")[0])
    reply = loans.ask("data", "ingest")
    assert "seems to hold personal data" in reply.err
    assert "[data] protect = {" in reply.err
    found = loans.ask("data", "personal", "--json").json
    line = found["line"]
    loans.write("kervan.toml", SETTINGS.partition("person")[0] + line + "\n")
    loans.ask("data", "ingest", "--quiet")
    left = loans.ask("data", "personal", "--json").json
    assert left["found"] == []
    values = table_of_persons(400)
    for column in ("tckn", "ad", "eposta", "iban"):
        assert not any(value in json.dumps(found) for value in values[column])


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ('"yaş" = { generalise = "year" }', '"year" is for dates and times'),
        ("ad = { generalise = 10 }", "bands are for numbers"),
        ('ad = { generalise = { Ada = "A" } }', "values are not in the table"),
        ("ad = { noise = 1.0 }", "it is for numbers"),
        ('"yaş" = { generalise = 0 }', "no width of bands"),
        ('ad = { mask = "last 9" }', "is not known"),
        ("ad = { prefix = 0 }", "keeps nothing"),
        ("ad = { blur = 1 }", "a rule is one of"),
        ("ad = { noise = 1.0, prefix = 2 }", "not prefix and noise"),
        ('ad = { noise = 1.0, law = "cauchy" }', "is not known"),
        ('ad = "pseudonymise"', "whose pseudonym 'ad' gets is not said"),
        ('"ödedi" = "mask"', "is the target"),
    ],
)
def test_a_rule_that_does_not_suit_is_refused_by_name(loans: Home, rule: str, words: str) -> None:
    head = SETTINGS.partition("person")[0]
    loans.write("kervan.toml", f"{head}[data.protect]\n{rule}\n")
    problem = loans.ask("data", "ingest", "--quiet", "--json", code=2).problem
    assert words in problem["message"]
    assert problem["hint"]


def test_a_profile_names_persons_and_no_line_lets_a_model_learn_from_them() -> None:
    emails = [f"somebody.number{place}@example.com" for place in range(100)]
    found = profile_table(pl.DataFrame({"email": emails, "bought": ["yes", "no"] * 50}), "bought")
    (told,) = [each for each in found.findings if each.rule == "personal_data"]
    assert (told.subject, "`[data] protect = { email = " in told.hint) == ("email", True)
    assert "email" not in pasteable(found.profile.advice)


def test_no_advice_is_given_about_what_is_protected(loans: Home) -> None:
    loans.ask("data", "ingest")
    found = loans.ask("data", "show", "krediler", "--html", "page.html")
    assert "wrote page.html" in found.out
    assert not [line for line in found.out.splitlines() if line.startswith(("ignore", "texts"))]
