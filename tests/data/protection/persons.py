"""Made-up persons, the same ones every time."""

from __future__ import annotations

import random

import polars as pl
from faker import Faker


def turkish_number(dice: random.Random) -> str:
    """Return a T.C. kimlik number whose check digits hold."""
    digits = [dice.randint(1, 9), *(dice.randint(0, 9) for _ in range(8))]
    digits.append((7 * sum(digits[0::2]) - sum(digits[1::2])) % 10)
    digits.append(sum(digits) % 10)
    return "".join(map(str, digits))


def table_of_persons(count: int, locale: str = "tr_TR") -> pl.DataFrame:
    """Return persons of a country with what tells of them, and what a model would learn of them."""
    made, dice = Faker(locale), random.Random(11)
    made.seed_instance(11)
    rows = []
    for _ in range(count):
        age, income = dice.randint(18, 79), dice.randint(15, 90)
        rows.append(
            {
                "tckn": turkish_number(dice),
                "ad": made.name(),
                "eposta": made.email(),
                "telefon": made.phone_number(),
                "iban": made.iban(),
                "adres": made.address().replace("\n", " "),
                "doğum": made.date_of_birth(minimum_age=18, maximum_age=79).isoformat(),
                "yaş": age,
                "gelir": income,
                "tutar": dice.randint(1, 900),
                "ödedi": "evet" if age + income + dice.gauss(0, 20) > 90 else "hayır",
            }
        )
    return pl.DataFrame(rows)
