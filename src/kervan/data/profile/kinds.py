"""What a column is to somebody who learns from it: judged by its figures, and a little by its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kervan.core.schema import Type
from kervan.data.profile.nouns import Kind

if TYPE_CHECKING:
    from kervan.data.profile.nouns import ColumnProfile, NumberProfile

FEWEST_ROWS = 20  # so many values may well rise, or differ, by chance
_COUNTS = {"Poisson", "geometric", "negative binomial", "zero-inflated", "binomial"}
_NAMED_WEIGHT = re.compile(
    r"(^|[_\W])(fnlwgt|p?wgt|(sample|sampling|survey|case|row|person)_?weights?|ağırlık|agirlik)($|[_\W\d])"
)
_NAMED_COUNT = re.compile(
    r"(^|[_\W])(count|counts|cnt|adet|adedi|sayı|sayısı|sayi)($|[_\W])|^(n|num|number)(_of)?[_\W]"
)
_NAMED_KEY = re.compile(r"(^|[_\W])([a-z]?id|uuid|guid|key|ssn|tckn|iban)($|[_\W])")
_NAMED_CODE = re.compile(
    r"(^|[_\W])(code|kod|kodu|zip|zipcode|postcode|postal|plz|class|type|level|grade)($|[_\W])"
)
_CAMEL = re.compile(r"(?<=[a-zçğıöşü])(?=[A-ZÇĞİÖŞÜ])")
_KEY_SHARE = 0.02  # of the values: a named key with fewer different values is a category
_FEW = 50
_NEARLY_ALL = 0.98
_CODE_SHAPE = "9"


def kind_of(column: ColumnProfile, *, is_rising: bool) -> Kind:
    """Return the kind of a column; `is_rising` says that each value is larger than the one before."""
    match column.type:
        case Type.DATE | Type.DATETIME:
            return Kind.DATE
        case Type.BOOLEAN:
            return Kind.BOOLEAN
        case Type.INTEGER | Type.NUMBER:
            return _numeric(column, column.numbers, is_rising=is_rising) if column.numbers else Kind.NUMBER
        case Type.CATEGORY | Type.TEXT:
            return _textual(column)


def _numeric(column: ColumnProfile, numbers: NumberProfile, *, is_rising: bool) -> Kind:
    name = _plain(column.name)
    is_whole = column.type is Type.INTEGER
    if column.distinct == 2:
        return Kind.BOOLEAN if (numbers.minimum, numbers.maximum) == (0.0, 1.0) else Kind.CATEGORY
    if is_whole and column.count >= FEWEST_ROWS and _numbers_rows(column, numbers, is_rising=is_rising):
        return Kind.IDENTIFIER
    if _NAMED_WEIGHT.search(name) and numbers.minimum >= 0:
        return Kind.WEIGHT
    if not is_whole:
        return Kind.NUMBER
    return _whole(column, numbers, name)


def _whole(column: ColumnProfile, numbers: NumberProfile, name: str) -> Kind:
    if _NAMED_KEY.search(name) and column.distinct > max(_FEW, _KEY_SHARE * column.count):
        return Kind.IDENTIFIER
    if _NAMED_CODE.search(name) and column.distinct <= 1000:
        return Kind.CATEGORY
    if numbers.minimum >= 0 and (_NAMED_COUNT.search(name) or _counts(numbers)):
        return Kind.COUNT
    return Kind.NUMBER


def _numbers_rows(column: ColumnProfile, numbers: NumberProfile, *, is_rising: bool) -> bool:
    if column.missing:
        return False
    is_unique = not column.distinct_error and column.distinct == column.count
    return is_rising or (is_unique and numbers.maximum - numbers.minimum == column.count - 1)


def _counts(numbers: NumberProfile) -> bool:
    family = numbers.family
    if family is None or family.name not in _COUNTS:
        return False
    return family.name != "zero-inflated" or "rate" in dict(family.parameters)


def _textual(column: ColumnProfile) -> Kind:
    texts = column.texts
    share = column.distinct / max(1, column.count)
    is_unique = share >= (_NEARLY_ALL if column.distinct_error else 1.0)
    if column.count >= FEWEST_ROWS and texts and column.type is Type.TEXT:
        has_digits = bool(texts.patterns) and all(_CODE_SHAPE in each.shape for each in texts.patterns)
        is_one_word = has_digits and all(" " not in each.shape for each in texts.patterns)
        is_hash = texts.shortest == texts.longest and texts.longest in {32, 36, 40, 64, 128}
        if (is_unique and (is_one_word or is_hash)) or _NAMED_KEY.search(_plain(column.name)):
            return Kind.IDENTIFIER
    return Kind.CATEGORY if column.type is Type.CATEGORY else Kind.TEXT


def _plain(name: str) -> str:
    """Write `customerID` as `customer_id`."""
    return _CAMEL.sub("_", name).casefold()
