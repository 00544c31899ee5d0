"""An aggregate over a star schema, such as OLAP cubes give, as one query."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from kervan.core.config import CubeSettings

_MEASURE = re.compile(r"\s*(sum|avg|min|max|count)\s*\(\s*(\*|[^()*]+?)\s*\)\s*", re.IGNORECASE)


def cube_query(cube: CubeSettings, dialect: str) -> str:
    """Return the query of a cube; its columns are the dimensions, then the measures, as `sum_amount`.

    Raises `InvalidConfig` for a measure that is none, or a dimension's table without a join.

    >>> from kervan.core.config import CubeSettings
    >>> cube = CubeSettings(fact="f", dimensions=("s.city",), measures=("sum(x)",), joins={"s": "s_id"})
    >>> print(cube_query(cube, "mysql").replace("GROUP BY `s`.`city` ORDER BY `s`.`city`", "…"))
    SELECT `s`.`city` AS `city`, sum(`f`.`x`) AS `sum_x` FROM `f` LEFT JOIN `s` ON `f`.`s_id` = `s`.`s_id` …
    """
    mark = "`" if dialect == "mysql" else '"'
    if not cube.measures:
        raise InvalidConfig("[data.cube] has no measures", hint='add a line: measures = ["sum(amount)"]')

    def name(text: str) -> str:
        return f"{mark}{text.strip().replace(mark, mark * 2)}{mark}"

    fact = name(cube.fact)
    tables = dict.fromkeys(each.rpartition(".")[0] for each in cube.dimensions if "." in each)
    joins = [_join(cube, table, name) for table in tables if table != cube.fact]
    columns = [
        f"{name(table)}.{name(column)}" if table else f"{fact}.{name(column)}"
        for table, _, column in (each.rpartition(".") for each in cube.dimensions)
    ]
    called = [each.rpartition(".")[2] for each in cube.dimensions]
    twice = next((each for each in called if called.count(each) > 1), "")
    if twice:
        raise InvalidConfig(f"[data.cube] has two dimensions {twice!r}", hint="take one, or write a query")
    selected = [f"{column} AS {name(each)}" for column, each in zip(columns, called, strict=True)]
    selected += [_measure(each, fact, name) for each in cube.measures]
    by = ", ".join(columns)
    end = f" GROUP BY {by} ORDER BY {by}" if columns else ""
    return f"SELECT {', '.join(selected)} FROM {fact}{''.join(joins)}{end}"  # noqa: S608 - names are quoted


def _join(cube: CubeSettings, table: str, name: Callable[[str], str]) -> str:
    if table not in cube.joins:
        raise InvalidConfig(
            f"[data.cube] joins says nothing of {table!r}",
            hint=f'say by which column it hangs on {cube.fact}: joins = {{ {table} = "{table}_id" }}',
        )
    ours, _, theirs = cube.joins[table].partition("=")
    on = f"{name(cube.fact)}.{name(ours)} = {name(table)}.{name(theirs or ours)}"
    return f" LEFT JOIN {name(table)} ON {on}"


def _measure(measure: str, fact: str, name: Callable[[str], str]) -> str:
    found = _MEASURE.fullmatch(measure)
    if found is None:
        raise InvalidConfig(
            f"[data.cube] {measure!r} is no measure",
            hint='write sum, avg, min, max or count of a column: "sum(amount)", "count(*)"; or write a query',
        )
    kind, column = found[1].lower(), found[2]
    if column == "*":
        return f"count(*) AS {name('rows')}" if kind == "count" else _measure(f"{kind} *", fact, name)
    return f"{kind}({fact}.{name(column)}) AS {name(f'{kind}_{column}')}"
