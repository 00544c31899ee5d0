"""Columns with personal data: pseudonymised by a keyed hash, or dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, InvalidInput, did_you_mean
from kervan.core.keeping import pseudonym
from kervan.flow.table import as_texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

ACTIONS = ("hash", "drop")

_MINIMUM_KEY = 16


def protect(table: pl.DataFrame, rules: Mapping[str, str], key: bytes, target: str = "") -> pl.DataFrame:
    """Return the table with its rules (column → action) applied.

    "hash" replaces values by the first 32 hexadecimal digits of their HMAC-SHA256 under `key` (at least
    16 bytes), the same for equal values, and leaves missing ones missing; "drop" removes the column.
    Raises `InvalidConfig` for an unknown column or action, or a rule for the target.
    """
    import polars as pl

    for name, action in rules.items():
        _check_rule(table, name, action, target)
    hashed = [name for name, action in rules.items() if action == "hash"]
    if hashed and len(key) < _MINIMUM_KEY:
        raise InvalidInput(f"a key of {len(key)} bytes protects nothing", hint="use at least 16 random bytes")
    dropped = [name for name, action in rules.items() if action == "drop"]
    columns = (_pseudonyms(each, key) if each.name in hashed else each for each in table.get_columns())
    return pl.DataFrame([column for column in columns if column.name not in dropped])


def _pseudonyms(column: pl.Series, key: bytes) -> pl.Series:
    import polars as pl

    texts = as_texts(column)
    unique = texts.drop_nulls().unique().to_list()
    hashes = {text: pseudonym(text, key) for text in unique}
    return texts.replace_strict(hashes, default=None, return_dtype=pl.String)


def _check_rule(table: pl.DataFrame, name: str, action: str, target: str) -> None:
    if name not in table.columns:
        hint = did_you_mean(name, table.columns)
        raise InvalidConfig(f"[data] protect: the table has no column {name!r}", hint=hint)
    if action not in ACTIONS:
        hint = did_you_mean(action, ACTIONS)
        raise InvalidConfig(f"[data] protect: {action!r} for {name!r} is no action", hint=hint)
    if name == target:
        raise InvalidConfig(
            f"[data] protect: {name!r} is the target, a model cannot learn it when it is protected",
            hint="remove the rule, or choose another target",
        )
