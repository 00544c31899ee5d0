"""Tests of a written model's behaviour, run on rows: which of them fail, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kervan.core.errors import InvalidConfig, did_you_mean
from kervan.core.schema import Column, Signature, Type
from kervan.model.metrics import METRICS, Yardstick, metric, scores, task_of
from kervan.package.answers import chosen
from kervan.package.encoding import encode_table, encode_truth

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from kervan.core.behaving import BehaviourTest
    from kervan.core.ports import Predictor

    Floats = NDArray[np.float64]

_SHOWN = 5  # failing rows
_SLACK = 1e-6  # of an answer that may not go one way; formats round
_MAY_MOVE = 0.05  # of a probability


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """What came of one test: of `rows` how many failed, and some of these as they were asked and answered.

    `value` is the share that holds, or the metric of a slice; with `less_is_better` that may be `at_least` at
    most.
    """

    name: str
    kind: str
    rows: int
    failed: int
    value: float
    at_least: float
    less_is_better: bool = False
    examples: tuple[Mapping[str, Any], ...] = ()
    why: str = ""

    @property
    def holds(self) -> bool:
        """Whether the model passes."""
        return self.value <= self.at_least if self.less_is_better else self.value >= self.at_least

    @property
    def told(self) -> str:
        """The result in one line."""
        end = f": {self.why}" if self.why else ""
        if self.kind == "where":
            return f"{self.name}: {self.value:.4g} on {self.rows} rows, wanted is {self.at_least:g}{end}"
        return f"{self.name}: {self.failed} of {self.rows} rows fail{end}"


@dataclass(frozen=True, slots=True)
class Asking:
    """A written model that answers tables."""

    predictor: Predictor
    signature: Signature

    def __call__(self, table: pl.DataFrame) -> Floats:
        """Answer the rows of a table, shape (rows, classes) or (rows, 1)."""
        return self.predictor.predict(encode_table(table, self.signature))

    def named(self, values: Floats) -> list[Any]:
        """Return what each row's answer is called: a class, or a number."""
        if not self.signature.is_classification:
            return list(values[:, 0].tolist())
        classes = self.signature.output.allowed
        return [classes[place] for place in chosen(values, self.signature.naming).tolist()]


def check_test(test: BehaviourTest, signature: Signature) -> None:
    """Raise `InvalidConfig` that names the test for a column, value or class that the model does not know."""
    for name, values in test.change.items():
        column = _column(test, signature, name)
        for value in values:
            _check_value(test, column, value)
    for name in filter(None, (test.increase, test.decrease)):
        column = _column(test, signature, name)
        if column.type not in {Type.NUMBER, Type.INTEGER}:
            raise InvalidConfig(
                f"{test.place}: column {name!r} is {column.type}, and only a number can be moved",
                hint="use change = { … }",
            )
    if test.of:
        classes = signature.output.allowed if signature.is_classification else ()
        if test.of not in classes:
            hint = did_you_mean(test.of, classes) if classes else "leave it out: the target is a number"
            raise InvalidConfig(f"{test.place}: the target has no class {test.of!r}", hint=hint)
    if test.kind == "where":
        _check_slice(test, signature)
    check_answers(test, test.rows, signature)
    if test.kind == "change" and test.may_move is None and not signature.is_classification:
        raise InvalidConfig(
            f"{test.place}: nothing says how far the answer may move", hint="write may_move, in its unit"
        )


def _check_slice(test: BehaviourTest, signature: Signature) -> None:
    """Raise `InvalidConfig` for a bound that the metric never has, or a category that there is not."""
    asked = metric(test.metric, task_of(signature))
    if not asked.lowest <= test.at_least <= asked.highest:
        raise InvalidConfig(
            f"{test.place}: {test.metric} never is {test.at_least:g}",
            hint=f"it lies between {asked.lowest:g} and {asked.highest:g}",
        )
    for name, given in test.where.items():
        if name in signature.inputs and signature.inputs[name].type is Type.CATEGORY:
            for value in given if isinstance(given, list | tuple) else [given]:
                _check_value(test, signature.inputs[name], value)


def check_answers(test: BehaviourTest, rows: Iterable[Mapping[str, Any]], signature: Signature) -> None:
    """Raise `InvalidConfig` for the first of a test's rows whose expected answer is missing, or is none."""
    output = signature.output
    for number, row in enumerate(rows, 1):
        wanted = row.get(output.name)
        if wanted is None:
            raise InvalidConfig(
                f"{test.place}: row {number} does not say what is expected",
                hint=f"give it a value of {output.name!r}",
            )
        if signature.is_classification and _as_text(wanted) not in output.allowed:
            raise InvalidConfig(
                f"{test.place}: row {number} expects {wanted!r}, and {output.name!r} has no such class",
                hint=did_you_mean(_as_text(wanted), output.allowed),
            )
        if not signature.is_classification and not isinstance(wanted, int | float):
            raise InvalidConfig(
                f"{test.place}: row {number} expects {wanted!r}, and {output.name!r} is a number",
                hint="write it without quotes",
            )


def run_test(test: BehaviourTest, asking: Asking, table: pl.DataFrame) -> Tested:
    """Run one test on the rows of a table, which has the columns that the model takes.

    That of rows with their answers takes these from the predicted column.
    """
    return _RUNS[test.kind](test, asking, table)


def _column(test: BehaviourTest, signature: Signature, name: str) -> Column:
    if name not in signature.inputs:
        raise InvalidConfig(
            f"{test.place}: the model takes no column {name!r}",
            hint=did_you_mean(name, signature.inputs.names),
        )
    return signature.inputs[name]


def _check_value(test: BehaviourTest, column: Column, value: Any) -> None:
    if column.type is Type.CATEGORY and _as_text(value) not in column.allowed:
        raise InvalidConfig(
            f"{test.place}: column {column.name!r} has no category {value!r}",
            hint=did_you_mean(str(value), column.allowed),
        )
    if column.type in {Type.NUMBER, Type.INTEGER} and not isinstance(value, int | float | None):
        raise InvalidConfig(
            f"{test.place}: column {column.name!r} holds numbers, not {value!r}",
            hint="write it without quotes",
        )


def _invariance(test: BehaviourTest, asking: Asking, table: pl.DataFrame) -> Tested:
    before = asking(table)
    moved = np.zeros(table.height)
    worst: list[dict[str, Any]] = [{} for _ in range(table.height)]
    for name, values in test.change.items():
        for value in values:
            after = asking(_with(table, name, value))
            apart = np.abs(after - before).max(axis=1)
            for place in np.flatnonzero(apart > moved):
                worst[place] = _change_shown(asking, table, int(place), (name, value), before, after)
            moved = np.maximum(moved, apart)
    bound = _MAY_MOVE if test.may_move is None else test.may_move
    return _tested(test, moved > bound + _SLACK, worst, np.argsort(-moved, kind="stable"))


def _direction(test: BehaviourTest, asking: Asking, table: pl.DataFrame) -> Tested:
    import polars as pl

    name = test.increase or test.decrease
    step = test.by if test.increase else -test.by
    table = table.filter(table[name].is_not_null())
    kind = table[name].dtype
    later = table.with_columns((pl.col(name) + step).cast(kind if float(step).is_integer() else pl.Float64))
    before, after = asking(table), asking(later)
    place = _place(test, asking.signature)
    went = (after - before)[:, place] * (1 if test.expect == "up" else -1)
    slack = _SLACK * np.maximum(1.0, np.abs(before[:, place]))
    shown = [
        {
            "row": row,
            name: table[name][row],
            "becomes": later[name][row],
            "answer": float(before[row, place]),
            "then": float(after[row, place]),
        }
        for row in range(table.height)
    ]
    return _tested(test, went < -slack, shown, np.argsort(went, kind="stable"))


def _place(test: BehaviourTest, signature: Signature) -> int:
    if not signature.is_classification:
        return 0
    classes = signature.output.allowed
    return classes.index(test.of) if test.of else len(classes) - 1


def _minimum(test: BehaviourTest, asking: Asking, table: pl.DataFrame) -> Tested:
    output = asking.signature.output
    values = asking(table)
    names = asking.named(values)
    truth = table[output.name].to_list()
    if asking.signature.is_classification:
        failing = np.array([_as_text(wanted) != name for wanted, name in zip(truth, names, strict=True)])
    else:
        bound = test.may_move or 0.0
        apart = np.abs(np.array(names) - np.array(truth, dtype=np.float64))
        failing = apart > bound + _SLACK * np.maximum(1.0, np.abs(np.array(names)))
    shown = [
        {**{key: row[key] for key in row if key != output.name}, "expected": wanted, "answer": name}
        for row, wanted, name in zip(table.to_dicts(), truth, names, strict=True)
    ]
    return _tested(test, failing, shown, np.arange(len(failing)))


def _slice(test: BehaviourTest, asking: Asking, table: pl.DataFrame) -> Tested:
    for name, value in test.where.items():
        if name not in table.columns:
            raise InvalidConfig(
                f"{test.place}: there is no column {name!r}", hint=did_you_mean(name, table.columns)
            )
        wanted = [str(each) for each in value] if isinstance(value, list | tuple) else [str(value)]
        table = table.filter([_as_text(each) in wanted for each in table[name].to_list()])
    if not table.height:
        raise InvalidConfig(f"{test.place}: there is no such row", hint="look at the values in the data")
    signature = asking.signature
    values = asking(table)
    truth = encode_truth(table[signature.output.name], signature.output)
    by = Yardstick(metrics=(METRICS[test.metric],), naming=signature.naming)
    figure = scores(task_of(signature), truth, values, by).get(test.metric, float("nan"))
    failed = 0
    if signature.is_classification:
        failed = int((chosen(values, signature.naming) != truth).sum())
    return Tested(
        name=test.title,
        kind="where",
        rows=table.height,
        failed=failed,
        value=figure,
        at_least=test.at_least,
        less_is_better=not METRICS[test.metric].higher_is_better,
    )


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _with(table: pl.DataFrame, name: str, value: Any) -> pl.DataFrame:
    import polars as pl

    kind = table[name].dtype
    same = pl.Series(name, [value], strict=False).cast(kind, strict=False).new_from_index(0, table.height)
    return table.with_columns(same)


def _change_shown(
    asking: Asking, table: pl.DataFrame, place: int, change: tuple[str, Any], before: Floats, after: Floats
) -> dict[str, Any]:
    name, value = change
    widest = int(np.abs(after[place] - before[place]).argmax())
    return {
        "row": place,
        name: table[name][place],
        "becomes": value,
        "answer": float(before[place, widest]),
        "then": float(after[place, widest]),
    }


def _tested(
    test: BehaviourTest,
    failing: NDArray[np.bool_],
    shown: list[dict[str, Any]],
    order: NDArray[np.int64],
) -> Tested:
    rows = len(failing)
    worst = [shown[place] for place in order.tolist() if failing[place]][:_SHOWN]
    return Tested(
        name=test.title,
        kind=test.kind,
        rows=rows,
        failed=int(failing.sum()),
        value=float(1 - failing.mean()) if rows else 1.0,
        at_least=test.at_least,
        examples=tuple(worst),
        why=_told(worst[0]) if worst else "",
    )


def _told(example: Mapping[str, Any]) -> str:
    """Say in one line what was asked and answered about a failing row."""
    parts = [f"{name} {_short(value)}" for name, value in example.items() if value is not None]
    return ", ".join(parts)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


_RUNS: dict[str, Callable[[Any, Asking, Any], Tested]] = {
    "change": _invariance,
    "increase": _direction,
    "decrease": _direction,
    "rows": _minimum,
    "file": _minimum,
    "where": _slice,
}
