"""Columns with personal data: dropped, pseudonymised, or written so that they tell less."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, InvalidInput, did_you_mean
from kervan.core.keeping import pseudonym
from kervan.core.protecting import ACTIONS, Generalise, Mask, Noise, Prefix
from kervan.data.pieces import column_of
from kervan.data.protection.coarsen import generalise, mask, prefix
from kervan.data.protection.noise import with_noise
from kervan.flow.table import as_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import polars as pl

    from kervan.core.protecting import Rule
    from kervan.data.pieces import Table

_MINIMUM_KEY = 16
_KEYED = ("hash", "tokenise")
_MARK = "tok_"  # so that a token is seen to be one


def _no_person(names: Sequence[str]) -> Mapping[str, bytes]:
    raise InvalidConfig(
        "[data] person: no keys of persons are at hand", hint="ingest the table in a workspace"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """What protects a table: rules (column → action), keys, and the column of the person.

    `key` has at least 16 bytes; `keys_of` gives each person a key, which may be destroyed one day.
    """

    rules: Mapping[str, Rule]
    key: bytes = field(repr=False)
    target: str = ""
    person: str = ""
    keys_of: Callable[[Sequence[str]], Mapping[str, bytes]] = _no_person


def protect(table: pl.DataFrame, protection: Protection) -> pl.DataFrame:
    """Return the table with its rules applied; missing values stay missing, and the order of the rows stays.

    "hash" replaces values by the first 32 hexadecimal digits of their HMAC-SHA256 under the key, the same for
    equal values, "pseudonymise" by that under the key of the row's person, and "tokenise" like "hash" by a
    token. Raises `InvalidConfig` for an unknown column or action, a rule for the target, or one that does not
    suit the column's values.
    """
    import polars as pl

    rules = protection.rules
    check_rules(table, protection)
    hashed = [name for name, rule in rules.items() if isinstance(rule, str) and rule in _KEYED]
    noisy = [name for name, rule in rules.items() if isinstance(rule, Noise)]
    if (hashed or noisy) and len(protection.key) < _MINIMUM_KEY:
        found = len(protection.key)
        raise InvalidInput(f"a key of {found} bytes protects nothing", hint="use at least 16 random bytes")
    columns = [
        _protected(table, column, rules[column.name], protection) if column.name in rules else column
        for column in table.get_columns()
        if rules.get(column.name) != "drop"
    ]
    return pl.DataFrame(columns)


def tokens(table: Table, protection: Protection) -> pl.DataFrame:
    """Return the table that turns tokens back into values: `column`, `token` and `value`, as texts."""
    import polars as pl

    found = [pl.DataFrame(schema={"column": pl.String, "token": pl.String, "value": pl.String})]
    for name, rule in protection.rules.items():
        if rule == "tokenise":
            seen = (as_texts(column).drop_nulls().unique() for column in column_of(table, name))
            values = pl.concat(seen).unique().sort().alias("value")
            made = _tokens(values.alias(name), protection.key).alias("token")
            found.append(pl.DataFrame([made, values]).select(pl.lit(name).alias("column"), "token", "value"))
    return pl.concat(found)


def check_rules(table: Table, protection: Protection) -> None:
    """Raise `InvalidConfig` for a rule that names no column, no action, or the target."""
    for name, rule in protection.rules.items():
        _check_rule(table, name, rule, protection.target)
    needing = [name for name, rule in protection.rules.items() if rule == "pseudonymise"]
    if needing and not protection.person:
        raise InvalidConfig(
            f"[data] protect: whose pseudonym {needing[0]!r} gets is not said",
            hint='name the column of the person: [data] person = "…"; or use "hash"',
        )
    if protection.person and protection.person not in table.columns:
        hint = did_you_mean(protection.person, table.columns)
        raise InvalidConfig(f"[data] person: the table has no column {protection.person!r}", hint=hint)


def _protected(table: pl.DataFrame, column: pl.Series, rule: Rule, protection: Protection) -> pl.Series:
    if isinstance(rule, Mask):
        return mask(column, rule.mask)
    if isinstance(rule, Generalise):
        return generalise(column, rule.generalise)
    if isinstance(rule, Prefix):
        return prefix(column, rule.prefix)
    if isinstance(rule, Noise):
        return with_noise(table, column, rule, protection.key)
    if rule == "pseudonymise":
        return _of_persons(table, column, protection)
    return _PLAIN[rule](column, protection.key)


def _pseudonyms(column: pl.Series, key: bytes) -> pl.Series:
    import polars as pl

    texts = as_texts(column)
    unique = texts.drop_nulls().unique().to_list()
    hashes = {text: pseudonym(text, key) for text in unique}
    return texts.replace_strict(hashes, default=None, return_dtype=pl.String)


def _tokens(column: pl.Series, key: bytes) -> pl.Series:
    """Replace values by tokens; another column of the same values has other ones."""
    import polars as pl

    texts = as_texts(column)
    unique = texts.drop_nulls().unique().to_list()
    made = {text: f"{_MARK}{pseudonym(f'token|{column.name}|{text}', key)[:24]}" for text in unique}
    return texts.replace_strict(made, default=None, return_dtype=pl.String)


def _masked(column: pl.Series, _: bytes) -> pl.Series:
    return mask(column, "last 4")


_PLAIN = {"hash": _pseudonyms, "tokenise": _tokens, "mask": _masked}


def _of_persons(table: pl.DataFrame, column: pl.Series, protection: Protection) -> pl.Series:
    """Replace values under the key of each row's person; a value without a person has no key and goes."""
    import polars as pl

    persons = as_texts(table[protection.person]).alias("person")
    pairs = pl.DataFrame([persons, as_texts(column).alias("value")])
    unique = pairs.drop_nulls().unique()
    keys = protection.keys_of(unique["person"].unique().to_list())
    made = [pseudonym(value, keys[person]) for person, value in unique.iter_rows()]
    known = unique.with_columns(pl.Series("pseudonym", made, dtype=pl.String))
    return pairs.join(known, on=["person", "value"], how="left", maintain_order="left")["pseudonym"].alias(
        column.name
    )


def _check_rule(table: Table, name: str, rule: Rule, target: str) -> None:
    if name not in table.columns:
        hint = did_you_mean(name, table.columns)
        raise InvalidConfig(f"[data] protect: the table has no column {name!r}", hint=hint)
    if isinstance(rule, str) and rule not in ACTIONS:
        hint = did_you_mean(rule, ACTIONS)
        raise InvalidConfig(f"[data] protect: {rule!r} for {name!r} is no action", hint=hint)
    if name == target:
        raise InvalidConfig(
            f"[data] protect: {name!r} is the target, a model cannot learn it when it is protected",
            hint="remove the rule, or choose another target",
        )
