from __future__ import annotations

import re
from unicodedata import combining, is_normalized, normalize

from kervan.core.checking import Check
from kervan.core.config import DataSettings, ModelSettings
from kervan.core.identity import Bump
from kervan.core.reading import BLANKS, UNSETTLED, Reading
from kervan.core.schema import Column, Schema, Signature, Type, smallest_bump


def test_blanks_are_unicodes_white_space() -> None:
    every = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    assert set(BLANKS) == {sign for sign in every if sign.isspace() and sign not in "\x1c\x1d\x1e\x1f"}


def test_values_as_they_are_without_rules() -> None:
    assert [Reading().value(value) for value in (" x", "", "NA", -999)] == [" x", "", "NA", -999]


def test_what_means_missing_in_a_table_means_it_in_a_row() -> None:
    rules = Reading.of_table(["-999", "NA", " - "])
    missing = ["", "  ", "NA", " NA ", "-", "-999", -999, -999.0]
    assert [rules.value(value) for value in missing] == [None] * len(missing)
    kept = [0, True, [1], {"a": 1}, "na", -998, float("nan")]
    assert [str(rules.value(value)) for value in kept] == [str(value) for value in kept]


def test_names_in_the_settings_are_composed() -> None:
    apart = normalize("NFD", "ödedi mi")
    settings = DataSettings(target=apart, protect={apart: "drop"}, units={apart: "€"})
    whole = normalize("NFC", apart)
    assert settings.target == whole != apart
    assert list(settings.protect) == list(settings.units) == [whole]
    assert DataSettings(ignore=(apart,)).ignore == (whole,)
    assert Check(column=apart, allowed=(apart,)).allowed == (whole,)
    assert ModelSettings(texts=(apart,)).texts == (whole,)


def test_more_ways_to_write_extend_and_fewer_break() -> None:
    def signature(rules: Reading) -> Signature:
        number = Column(name="a", type=Type.NUMBER)
        return Signature(inputs=Schema((number,)), output=Column(name="y", type=Type.NUMBER), reading=rules)

    plain, few, more = (
        signature(each) for each in (Reading(), Reading.of_table([]), Reading.of_table(["NA"]))
    )
    assert smallest_bump(plain, few) is smallest_bump(few, more) is Bump.MINOR
    assert smallest_bump(more, few) is smallest_bump(few, plain) is Bump.MAJOR
    assert smallest_bump(more, more) is Bump.PATCH


def test_what_is_settled_is_composed_whatever_stands_beside_it() -> None:
    settled = [chr(each) for each in range(0x110000) if not re.match(UNSETTLED, chr(each))]
    assert len(settled) > 30_000
    assert {"a", "ş", "İ", "ç", "ğ", "é", "ж", "漢", "한", "€", "–", "🙂"} <= set(settled)
    joining = {mark for each in range(0x110000) for mark in normalize("NFD", chr(each))[1:]}
    assert not joining.intersection(settled)
    for each in settled:
        assert is_normalized("NFC", each)
        assert not combining(each)
