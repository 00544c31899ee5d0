"""What a single text may be that tells of a person: by its form, and by check digits where there are some."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from kervan.core.plugins import extras_named

if TYPE_CHECKING:
    from collections.abc import Callable


class Personal(StrEnum):
    """What kind of personal data a column holds."""

    NAME = "name"
    EMAIL = "e-mail address"
    PHONE = "phone number"
    NATIONAL_ID = "national id"
    IBAN = "IBAN"
    CARD = "card number"
    ADDRESS = "postal address"
    POSTCODE = "postcode"
    IP = "IP address"
    BIRTH = "date of birth"
    PLACE = "coordinates"
    NUMBER = "number of a person"
    TEXT = "free text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recogniser:
    """Tells whether a text is of a kind; `checked` where digits prove it, and not its form alone."""

    kind: Personal
    label: str
    form: re.Pattern[str]
    checked: bool
    proves: Callable[[str], bool]

    def fits(self, text: str) -> bool:
        """Say whether a text is such a value."""
        return self.form.fullmatch(text) is not None and self.proves(text)


# Module of python-stdnum, how it is called, its form as people write it, and whether digits prove it.
_NATIONAL = (
    ("tr.tckimlik", "T.C. kimlik no", r"[1-9]\d{10}", True),
    ("us.ssn", "US social security number", r"\d{3}-\d{2}-\d{4}", False),
    ("de.idnr", "German tax id", r"\d{2} ?\d{3} ?\d{3} ?\d{3}", True),
    ("fr.nir", "French NIR", r"[12] ?\d{2} ?\d{2} ?\d[\dAB] ?\d{3} ?\d{3} ?\d{2}", True),
    ("nl.bsn", "Dutch BSN", r"\d{9}|\d{4}\.\d{2}\.\d{3}", True),
    ("es.dni", "Spanish DNI", r"\d{8}-?[A-Z]", True),
    ("es.nie", "Spanish NIE", r"[XYZ]-?\d{7}-?[A-Z]", True),
    ("it.codicefiscale", "Italian codice fiscale", r"[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]", True),
    ("pl.pesel", "Polish PESEL", r"\d{11}", True),
    ("br.cpf", "Brazilian CPF", r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}", True),
    ("se.personnummer", "Swedish personnummer", r"\d{6}(?:\d{2})?[-+]\d{4}", True),
    ("fi.hetu", "Finnish HETU", r"\d{6}[-+A]\d{3}[0-9A-Z]", True),
    ("be.nn", "Belgian national number", r"\d{11}|\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}", True),
    ("ch.ssn", "Swiss AHV number", r"756\.?\d{4}\.?\d{4}\.?\d{2}", True),
    ("ro.cnp", "Romanian CNP", r"[1-9]\d{12}", True),
    ("in_.aadhaar", "Indian Aadhaar", r"[2-9]\d{3} ?\d{4} ?\d{4}", True),
    ("gb.nhs", "NHS number", r"\d{3} \d{3} \d{4}", True),
)
_EMAIL = r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*\.[A-Za-z]{2,24}"
_WRITTEN_PHONE = r"\+\d[\d ().\-/]{5,18}\d|\(?0?\(?\d{2,4}\)?[ .\-/]\(?\d{2,4}\)?[\d .\-/]{3,12}\d|0\d{9,10}"
INSIDE = rf"{_EMAIL}|\+\d{{1,3}}[ (]?\d[\d ().-]{{6,16}}\d"  # what is looked for within longer texts
_DATE = re.compile(r"\d{1,4}([-./ ])\d{1,2}\1\d{1,4}", re.ASCII)
_REGIONS = ("TR", "US", "GB", "DE", "FR", "ES", "IT", "NL")


@cache
def recognisers() -> tuple[Recogniser, ...]:
    """Return all recognisers, those first that prove more."""
    found = [
        Recogniser(
            kind=Personal.NATIONAL_ID,
            label=label,
            form=re.compile(form, re.ASCII),
            checked=checked,
            proves=_proof(name),
        )
        for name, label, form, checked in _NATIONAL
    ]
    iban = r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}"
    return (
        _recogniser(Personal.IBAN, iban, _proof("iban"), checked=True),
        *found,
        _recogniser(Personal.CARD, r"[3-6]\d{3}[ -]?(?:\d[ -]?){8,14}\d", _proof("luhn"), checked=True),
        _recogniser(Personal.EMAIL, _EMAIL, bool),
        _recogniser(Personal.IP, r"[0-9A-Fa-f.:]{3,39}", _is_address),
        _recogniser(Personal.PHONE, _WRITTEN_PHONE, is_phone),
    )


def is_phone(text: str) -> bool:
    """Say whether a text is a number that can be dialled, with its country or in one of a few regions.

    >>> is_phone("+90 532 123 45 67"), is_phone("0532 123 45 67"), is_phone("12345")
    (True, True, False)
    """
    with extras_named():
        import phonenumbers

    if _DATE.fullmatch(text):
        return False
    for region in (None,) if text.lstrip().startswith("+") else _REGIONS:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(text, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


def _recogniser(
    kind: Personal, form: str, proves: Callable[[str], bool], *, checked: bool = False
) -> Recogniser:
    return Recogniser(
        kind=kind, label=str(kind), form=re.compile(form, re.ASCII), checked=checked, proves=proves
    )


def _proof(name: str) -> Callable[[str], bool]:
    with extras_named():
        module: Any = import_module(f"stdnum.{name}")

    def proves(text: str) -> bool:
        return bool(module.is_valid(re.sub(r"[ -]", "", text) if name == "luhn" else text))

    return proves


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
