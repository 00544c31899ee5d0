"""Rows to learn from, to choose by, and to be judged by: the side of a row depends on its content alone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig, InvalidData
from kervan.core.nouns import Finding, Role, SplitRule, Verdict
from kervan.data.pieces import Chosen, Pieces, chosen, column_of
from kervan.data.seen import different
from kervan.data.sides import NONE, embargo_of, sides
from kervan.data.target import CLASSIFICATION
from kervan.flow.table import as_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import polars as pl

    from kervan.core.config import DataSettings, SplitSettings
    from kervan.data.pieces import Table
    from kervan.data.sides import Sides

_TIMES = 20  # fewer different ones say little about an order


def assign(
    table: Table, shares: SplitSettings, telling: Sequence[str] | None = None, target: str = ""
) -> Sides:
    """Return on which side each row is: train, validation and test are 0, 1 and 2, and -1 is none.

    By default at random: rows that are equal in the columns `telling` (by default all) are on one side, and
    a row keeps its side when rows are added or reordered. The shares are therefore kept on average, not
    exactly. See `kervan.data.sides` for the other rules. Raises `InvalidConfig` if the shares are not
    positive or do not add up to 1, and `InvalidData` if a part gets no row.
    """
    _check_shares(shares)
    found = sides(table, shares, table.columns if telling is None else telling, target)
    for side, role in enumerate(Role):
        if not (found == side).any():
            rows, more = _pieces(table, shares, telling)
            raise InvalidData(
                f"the table is too small to split: of {rows} none falls to the {role} part",
                hint=f"{more}, or raise its share in `[data] split`",
            )
    return found


def _pieces(table: Table, shares: SplitSettings, telling: Sequence[str] | None) -> tuple[str, str]:
    """Say of how many rows, and pieces that stay together, a split is made, and which more are needed."""
    rows = f"{table.height:,} rows"
    if shares.by == "group":
        count = len({each for piece in column_of(table, shares.column) for each in piece.unique().to_list()})
        return f"{rows} in {count:,} groups of {shares.column!r}", "add rows of other groups"
    if shares.by != "random" or isinstance(table, Pieces | Chosen):
        return rows, "add rows"
    count = different(table, table.columns if telling is None else telling)
    told = f"{rows}, of which {count:,} differ in what a model may learn from,"
    return told, "add rows that differ, or columns by which they do (free texts: `[model] texts`)"


def split(table: Table, assigned: Sides) -> dict[Role, Table]:
    """Return the rows of each side, in the table's order."""
    return {role: chosen(table, assigned == side) for side, role in enumerate(Role)}


def rule_of(settings: DataSettings, assigned: Sides) -> SplitRule:
    """Return the rule by which a table was split so, for folds to follow.

    Raises `InvalidConfig` if protection takes away what they need.
    """
    shares = settings.split
    action = settings.protect.get(shares.column)
    if shares.by in {"group", "time"} and (action == "drop" or (action and shares.by == "time")):
        raise InvalidConfig(
            f"[data] split: {shares.column!r} is needed to cross-validate, and protect = {action!r} takes it",
            hint="hash a column of groups instead of dropping it; keep a column of times",
        )
    left_out = int((assigned == NONE).sum())
    return SplitRule(by=shares.by, column=shares.column, embargo=embargo_of(shares), left_out=left_out)


def told(rule: SplitRule, duplicates: int) -> str:
    """Say what is worth knowing about a split, behind its figures."""
    if rule.by == "random":
        return f"; {duplicates:,} kept beside equal ones" if duplicates else ""
    way = "class" if rule.by == "stratified" else rule.by
    by = f"; by {way}" + (f" of {rule.column!r}" if rule.by in {"group", "time"} else "")
    return by + (f"; {rule.left_out:,} rows left out between them" if rule.left_out else "")


def propose(table: pl.DataFrame, settings: DataSettings) -> str:
    """Say which other way to split the table asks for, with the line to write; "" if none.

    An entity with several rows asks for groups; rows in the order of a column of times ask for time.
    """
    if settings.split.by != "random":
        return ""
    entity = settings.entity
    if entity in table.columns and table[entity].drop_nulls().is_duplicated().any():
        return (
            f"several rows are about one {entity!r}, and may be on both sides of the split: "
            f'`[data] split = {{ by = "group", column = "{entity}" }}` keeps them together'
        )
    for column in table.get_columns():
        is_time = column.dtype.is_temporal() and column.name != settings.target
        if is_time and not column.null_count() and column.n_unique() > _TIMES and column.is_sorted():
            return (
                f"the rows are in the order of {column.name!r}; if predictions are about later times, "
                f'`[data] split = {{ by = "time", column = "{column.name}" }}` judges the model by the newest'
            )
    return ""


def check_split(parts: Mapping[Role, Table], target: str, task: str, folds: int) -> tuple[Finding, ...]:
    """Raise `InvalidData` unless training can see every class, in each of `folds` folds.

    Another part that has rows of one class alone is warned of (see `one_class`): nothing tells there how well
    classes are told apart, which not every goal asks. So is a class of which a part has no row.
    """
    if folds < 2:
        raise InvalidConfig(f"[model] folds: {folds} is too few", hint="give at least 2")
    train = parts[Role.TRAIN]
    if train.height < folds:
        raise InvalidData(
            f"the train part has {train.height} rows for {folds} folds",
            hint="add rows, or lower `[model] folds`",
        )
    if task != CLASSIFICATION:
        return ()
    counts = _class_counts(train, target)
    if len(counts) < 2:
        raise InvalidData(
            f"the train part has one class of {target!r} only", hint="add rows of other classes"
        )
    others = {role: _class_counts(part, target) for role, part in parts.items() if role is not Role.TRAIN}
    for role, found in others.items():
        unknown = sorted(found.keys() - counts.keys())
        if unknown:
            raise InvalidData(
                f"class {unknown[0]!r} of {target!r} is in the {role} part but not in train",
                hint="join it with another class, leave its rows out, or collect more of them",
            )
    rare = {label: rows for label, rows in counts.items() if rows < folds}
    if rare:
        label, rows = min(rare.items(), key=lambda each: (each[1], each[0]))
        more = f", and {len(rare) - 1:,} more classes have too few" if len(rare) > 1 else ""
        raise InvalidData(
            f"class {label!r} of {target!r} has {rows} rows in train, fewer than the {folds} folds{more}",
            hint="join it with another class, collect more of its rows, split by class "
            '(`[data] split = { by = "stratified" }`), or lower `[model] folds`',
        )
    return tuple(each for role, found in others.items() for each in _lacking(counts, found, role, target))


def one_class(role: Role) -> str:
    """Return the rule of a finding that a part has rows of one class alone."""
    return f"one class in {role}"


def _lacking(
    counts: Mapping[str, int], found: Mapping[str, int], role: Role, target: str
) -> Iterator[Finding]:
    """Yield what is to be said of classes that training sees, and that another part has no row of."""
    if len(found) == 1:
        yield Finding(
            rule=one_class(role),
            subject=target,
            verdict=Verdict.WARNED,
            message=f"the {role} part has one class of {target!r} only, {next(iter(found))!r}: "
            "nothing tells there how well classes are told apart",
            hint='split by class, `[data] split = { by = "stratified" }`, or give that part a larger share',
        )
        return
    for label in sorted(counts.keys() - found.keys()):
        yield Finding(
            rule="classes",
            subject=target,
            verdict=Verdict.WARNED,
            message=f"the {role} part has no row of class {label!r} of {target!r}: how well it is recognised "
            "cannot be told there",
            hint="split by class, or join it with another class",
        )


def _check_shares(shares: SplitSettings) -> None:
    values = (shares.train, shares.validation, shares.test)
    if not all(value > 0 for value in values):
        raise InvalidConfig(
            f"[data] split: the shares {values} must all be above 0",
            hint="for example split = { train = 0.8, validation = 0.1, test = 0.1 }",
        )
    if not abs(sum(values) - 1) <= 1e-9:
        raise InvalidConfig(
            f"[data] split: the shares add up to {sum(values):g}, not to 1",
            hint="for example split = { train = 0.8, validation = 0.1, test = 0.1 }",
        )


def _class_counts(table: Table, target: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for column in column_of(table, target):
        found = as_texts(column.drop_nulls()).alias("label").value_counts(name="rows")
        counts.update(dict(found.iter_rows()))
    return counts
