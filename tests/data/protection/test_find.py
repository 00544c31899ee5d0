from __future__ import annotations

import random
from typing import TYPE_CHECKING

import polars as pl
import pytest
from faker import Faker

from data.protection.persons import table_of_persons
from kervan.core.config import DataSettings
from kervan.core.loading import load_config
from kervan.data import ingest
from kervan.data.protection.called import said_by
from kervan.data.protection.find import SURE, find_personal, findings, proposed_line
from kervan.data.protection.recognise import Personal

if TYPE_CHECKING:
    from pathlib import Path

# Everything that is found in the public data sets, and why that is right: names of passengers; numbers of
# customers and passengers; where a house stands, or a block of them.
PUBLIC = {
    "titanic/titanic.csv": {"Name": Personal.NAME, "PassengerId": Personal.NUMBER},
    "telco-churn/Telco-Customer-Churn.csv.gz": {"customerID": Personal.NUMBER},
    "king-county-housing/kc_house_data.csv.gz": {
        "lat": Personal.PLACE,
        "long": Personal.PLACE,
        "zipcode": Personal.POSTCODE,
    },
    "california-housing/housing.csv.gz": {"longitude": Personal.PLACE, "latitude": Personal.PLACE},
}
SURELY = {("titanic/titanic.csv", "Name")}
OTHERS = (
    "adult/adult.csv.gz",
    "ai4i-2020/ai4i2020.csv.gz",
    "air-passengers/airline-passengers.csv",
    "ames-housing/ames.csv.gz",
    "bank-marketing/bank-full.csv.gz",
    "bike-sharing/hour.csv.gz",
    "covertype-sample/covtype_10k.csv.gz",
    "credit-default-taiwan/UCI_Credit_Card.csv.gz",
    "elec2/elec2.csv.gz",
    "german-credit/german.csv",
    "har-wisdm/wisdm_transformed.csv.gz",
    "m4-sample/Hourly-train.csv.gz",
    "nyc-flights-2013/nyc_weather_2013.csv.gz",
    "nyc-flights-2013/nycflights_sample.csv.gz",
    "nyc-taxi/taxis_2019_03.csv.gz",
    "nyc-taxi/yellow_tripdata_2025_sample.parquet",
    "wine-quality/winequality-red.csv",
)


@pytest.mark.data
@pytest.mark.parametrize("name", [*PUBLIC, *OTHERS])
def test_of_public_data_those_columns_are_found_that_tell_of_persons(data_dir: Path, name: str) -> None:
    found = find_personal(ingest.load(name, data_dir, DataSettings()).table)
    assert {each.column: each.kind for each in found} == PUBLIC.get(name, {})
    surely = {(name, each.column) for each in found if each.sure >= SURE}
    assert surely == {each for each in SURELY if each[0] == name}


@pytest.mark.parametrize("locale", ["tr_TR", "en_US", "de_DE", "fr_FR"])
def test_made_up_persons_are_found_column_by_column(locale: str) -> None:
    table = table_of_persons(300, locale).drop("yaş", "gelir", "tutar", "ödedi")
    found = {each.column: each.kind for each in find_personal(table)}
    assert found == {
        "tckn": Personal.NATIONAL_ID,
        "ad": Personal.NAME,
        "eposta": Personal.EMAIL,
        "telefon": Personal.PHONE,
        "iban": Personal.IBAN,
        "adres": Personal.ADDRESS,
        "doğum": Personal.BIRTH,
    }


def test_values_alone_prove_what_has_check_digits_or_a_form() -> None:
    made = Faker("en_US")
    made.seed_instance(3)
    persons = table_of_persons(200)
    table = pl.DataFrame(
        {
            "a": persons["tckn"].cast(pl.Int64),
            "b": persons["iban"],
            "c": persons["eposta"],
            "d": [made.credit_card_number("visa") for _ in range(200)],
            "e": [made.ipv4() for _ in range(200)],
            "f": [made.ssn() for _ in range(200)],
            "g": [f"+90 532 {number:03d} 45 {number % 90 + 10}" for number in range(100, 300)],
        }
    )
    found = {each.column: (each.kind, each.sure >= SURE) for each in find_personal(table)}
    kinds = (Personal.NATIONAL_ID, Personal.IBAN, Personal.EMAIL, Personal.CARD, Personal.IP)
    expected = dict(zip("abcde", kinds, strict=True)) | {"f": Personal.NATIONAL_ID, "g": Personal.PHONE}
    assert found == {name: (kind, True) for name, kind in expected.items()}


def test_numbers_without_check_digits_are_no_ids() -> None:
    dice = random.Random(1)
    table = pl.DataFrame(
        {
            "order": [dice.randint(10**10, 10**11 - 1) for _ in range(500)],
            "amount": [dice.randint(10**8, 10**9 - 1) for _ in range(500)],
            "card": [dice.randint(4 * 10**15, 5 * 10**15) for _ in range(500)],
            "day": [f"{1 + n % 28:02d}-{1 + n % 12:02d}-2024" for n in range(500)],
            "version": [f"{n % 9}.{n % 5}" for n in range(500)],
        }
    )
    assert find_personal(table) == ()


def test_what_is_inside_texts_is_counted_in_every_row() -> None:
    texts = ["all is well"] * 9_990 + ["write to ada@example.org or call +90 532 123 45 67"] * 10
    (found,) = find_personal(pl.DataFrame({"note": texts}))
    assert (found.kind, found.rows) == (Personal.TEXT, 10)


def test_no_value_is_shown_in_full_and_the_line_can_be_pasted(tmp_path: Path) -> None:
    table = table_of_persons(300).rename({"eposta": "e posta"})
    found = find_personal(table)
    shown = repr(found) + repr(list(findings(found)))
    for column in ("tckn", "ad", "e posta", "telefon", "iban", "adres"):
        assert not any(value in shown for value in table[column])
    (tmp_path / "kervan.toml").write_text(f"[data]\n{proposed_line(found)}\n", encoding="utf-8")
    assert load_config(tmp_path, environ={}).data.protect.keys() == {each.column for each in found}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("TC Kimlik No", Personal.NATIONAL_ID),
        ("MÜŞTERİ_NO", Personal.NUMBER),
        ("Soyadı", Personal.NAME),
        ("cep telefonu", Personal.PHONE),
        ("DoğumTarihi", Personal.BIRTH),
        ("posta kodu", Personal.POSTCODE),
        ("email_address", Personal.EMAIL),
        ("lastName", Personal.NAME),
        ("product_name", None),
        ("CompanyName", None),
        ("address_count", Personal.ADDRESS),
        ("age", None),
    ],
)
def test_names_of_columns_are_read_in_both_languages(name: str, kind: Personal | None) -> None:
    assert said_by(name) == kind
