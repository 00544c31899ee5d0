"""How six databases write SQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kervan.core.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one database writes what the others write otherwise.

    `double` and `single` are its types of float64 and float32 ("" for none: arithmetic rounds then).
    `quotes` and `escapes` say how letters are written within names and texts, `text` how a column of texts
    is compared letter by letter. `number` makes a missing one of what is no number, where a database keeps
    those apart; `divide` and `floor` are what raise no error there. A database that `guards_exp` raises one
    where exp leaves its range.

    Trees are choices in queries of up to `planned` characters, at most `deepest` within each other where that
    is not 0. Beyond, a database with `lambdas` walks through arrays within a row, one whose queries may name
    `joined` tables through a table by a join for each level, and others by recursion. There `letters` is the
    type of texts, and `key` makes a column the key.

    `once` is how a step of a query is written that is computed once, however many formulas use it. Names have
    no letter of `banned` and none beyond `highest`, and at most `longest` letters or bytes; `fold` makes one
    of those that are the same to the database.
    """

    name: str
    double: str
    single: str = ""
    whole: str = "INTEGER"
    greatest: str = "GREATEST"
    least: str = "LEAST"
    quote: str = '"'
    quotes: Mapping[str, str] = field(default_factory=lambda: {'"': '""'})
    escapes: Mapping[str, str] = field(default_factory=lambda: {"'": "''"})
    text: str = "{name}"
    number: str = "{value}"
    divide: str = "({left} / {right})"
    floor: str = "FLOOR({value})"
    guards_exp: bool = False
    planned: int = 120_000
    deepest: int = 0
    joined: int = 0
    lambdas: bool = False
    letters: str = "TEXT"
    key: str = "PRIMARY KEY"
    banned: str = ""
    longest: int = 0
    counts_bytes: bool = False
    once: str = "({step})"
    fold: Callable[[str], str] = str.lower
    highest: str = "\U0010ffff"

    def identifier(self, name: str) -> str:
        """Quote a name, or raise `Refused` for one that the database takes for no column's, or cuts off."""
        length = len(name.encode() if self.counts_bytes else name)
        if any(letter > self.highest for letter in name):
            raise Refused(
                f"{self.name} takes no column that is called {name!r}: it has no names with {max(name)!r}",
                hint="rename the column or class, or write the model as onnx",
            )
        if set(name) & set(self.banned) or (self.longest and length > self.longest):
            raise Refused(
                f"{self.name} takes no column that is called {name!r}",
                hint="rename the column, or write the model as onnx",
            )
        return self.quote + "".join(self.quotes.get(letter, letter) for letter in name) + self.quote

    def check_names(self, names: Iterable[str]) -> None:
        """Raise `Refused` for two names that are one to the database, which forgets the case of letters."""
        seen: dict[str, str] = {}
        for name in names:
            other = seen.setdefault(self.fold(name), name)
            if other != name:
                raise Refused(
                    f"{other!r} and {name!r} are the same column to {self.name}", hint="rename one of them"
                )

    def literal(self, value: str) -> str:
        """Quote a text."""
        return "'" + "".join(self.escapes.get(letter, letter) for letter in value) + "'"


def _ascii_lower(name: str) -> str:
    return name.encode().lower().decode()  # of bytes, only the letters a to z have a case


_BACKSLASHED = {"'": "\\'", "\\": "\\\\", "\n": "\\n", "\r": "\\r"}
_MATERIALIZED = "MATERIALIZED ({step})"
DIALECTS = {
    dialect.name: dialect
    for dialect in (
        Dialect(
            name="sqlite",
            double="REAL",
            greatest="MAX",
            least="MIN",
            fold=_ascii_lower,
            deepest=12,  # its parser keeps a hundred symbols, which fifteen choices fill
            once=_MATERIALIZED,
        ),
        Dialect(
            name="postgresql",
            double="DOUBLE PRECISION",
            single="REAL",
            divide="({left} / NULLIF({right}, 0))",
            guards_exp=True,
            longest=63,
            fold=str,  # names in quotes keep their case
            counts_bytes=True,
            once="({step}\nOFFSET 0)",  # keeps it from being put into the next, and passes rows on
        ),
        Dialect(name="duckdb", double="DOUBLE", single="FLOAT", once=_MATERIALIZED, fold=_ascii_lower),
        Dialect(
            name="mysql",
            double="DOUBLE",
            single="FLOAT",
            whole="SIGNED",
            quote="`",
            quotes={"`": "``"},
            escapes={"'": "''", "\\": "\\\\"},
            text="CAST(CONVERT({name} USING utf8mb4) AS BINARY)",
            guards_exp=True,
            longest=64,
            highest="\uffff",
            joined=61,  # MariaDB loses rows of a recursive query when it moves them from memory to a disk
            once=f"({{step}}\nLIMIT {2**64 - 1})",  # all of them, and a step with a limit is not merged
        ),
        Dialect(
            name="bigquery",
            double="FLOAT64",
            whole="INT64",
            quote="`",
            quotes={"`": "\\`", "\\": "\\\\"},
            escapes=_BACKSLASHED,
            letters="STRING",
            key="NOT NULL",
            banned='!"$()*,./;?@[\\]^`{}~',
            longest=300,
        ),
        Dialect(
            name="spark",
            double="DOUBLE",
            single="FLOAT",
            whole="INT",
            quote="`",
            quotes={"`": "``"},
            escapes=_BACKSLASHED,
            number="NANVL({value}, NULL)",
            divide="TRY_DIVIDE({left}, {right})",
            floor="CASE WHEN ABS({value}) < 9e15 THEN FLOOR({value}) ELSE {value} END",  # its type is BIGINT
            planned=5_000,  # the arrays are planned sooner, and no slower
            lambdas=True,
        ),
    )
}
