"""What the name of a column says of it, in English and in Turkish."""

from __future__ import annotations

import re
from itertools import pairwise
from unicodedata import combining, normalize

from kervan.data.protection.recognise import Personal

_PARTS = re.compile(r"[A-ZÇĞİÖŞÜ]?[a-zçğıöşü]+|[A-ZÇĞİÖŞÜ]+(?![a-zçğıöşü])|\d+")
_OF_NAMES = {"full", "first", "last", "middle", "given", "family", "maiden", "contact", "customer", "patient"}
_OF_PERSONS = {
    "customer",
    "client",
    "patient",
    "user",
    "member",
    "employee",
    "person",
    "student",
    "passenger",
}
_OF_PERSONS |= {"musteri", "hasta", "kullanici", "uye", "personel", "calisan", "ogrenci", "kisi", "yolcu"}
_NUMBERS = {"id", "no", "nr", "number", "num", "code", "kod", "kodu", "numara", "numarasi"}
# Words of which one is enough.
_WORDS: dict[str, Personal] = {
    **dict.fromkeys(("surname", "lastname", "firstname", "fullname", "forename"), Personal.NAME),
    **dict.fromkeys(("ad", "adi", "soyad", "soyadi", "adsoyad", "isim", "ismi"), Personal.NAME),
    **dict.fromkeys(("email", "mail", "eposta", "epostasi"), Personal.EMAIL),
    **dict.fromkeys(("phone", "mobile", "telephone", "tel", "gsm", "fax", "telefon", "cep"), Personal.PHONE),
    **dict.fromkeys(
        ("ssn", "tckn", "tcno", "tckimlik", "tc", "kimlik", "passport", "bsn"), Personal.NATIONAL_ID
    ),
    **dict.fromkeys(
        ("nationalid", "pesel", "nir", "dni", "cpf", "aadhaar", "pasaport"), Personal.NATIONAL_ID
    ),
    "iban": Personal.IBAN,
    **dict.fromkeys(("creditcard", "cardnumber", "kartno", "pan"), Personal.CARD),
    **dict.fromkeys(("address", "street", "adres", "adresi", "sokak", "cadde", "mahalle"), Personal.ADDRESS),
    **dict.fromkeys(("zip", "zipcode", "postcode", "postal", "posta", "postakodu"), Personal.POSTCODE),
    **dict.fromkeys(("ip", "ipaddress"), Personal.IP),
    **dict.fromkeys(("birthdate", "birthday", "birth", "dob", "dogum"), Personal.BIRTH),
    **dict.fromkeys(
        ("latitude", "longitude", "lat", "lon", "long", "lng", "enlem", "boylam"), Personal.PLACE
    ),
}


def words_of(name: str) -> list[str]:
    """Return the words of a column's name, in small ASCII letters.

    >>> words_of("MüşteriAdı"), words_of("birth_date"), words_of("customerID")
    (['musteri', 'adi'], ['birth', 'date'], ['customer', 'id'])
    """
    return [_plain(word) for word in _PARTS.findall(name)]


def said_by(name: str) -> Personal | None:
    """Return what kind of personal data a column's name speaks of.

    >>> said_by("Doğum Tarihi"), said_by("e-posta"), said_by("first_name"), said_by("income")
    (<Personal.BIRTH: 'date of birth'>, <Personal.EMAIL: 'e-mail address'>, <Personal.NAME: 'name'>, None)
    """
    words = words_of(name)
    pairs = ["".join(pair) for pair in pairwise(words)]
    for word in (*pairs, *words):
        if word in _WORDS:
            return _WORDS[word]
    if "name" in words and (len(words) == 1 or _OF_NAMES & set(words)):
        return Personal.NAME
    is_person = bool(_OF_PERSONS & set(words))
    return Personal.NUMBER if is_person and (_NUMBERS & set(words)) else None


def _plain(word: str) -> str:
    folded = normalize("NFD", word.replace("I", "ı") if "ı" in word else word).casefold().replace("ı", "i")
    return "".join(letter for letter in folded if not combining(letter))
