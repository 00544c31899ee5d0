"""Aggregates that leave the house: with differential privacy, from a budget, each on record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.app.personal import open_rows
from kervan.core.errors import InvalidConfig, InvalidInput, Refused
from kervan.core.identity import Ref
from kervan.core.nouns import Dataset
from kervan.data.protection.aggregate import answer, read_question
from kervan.store.events import Entry

if TYPE_CHECKING:
    import polars as pl

    from kervan.app.project import Project

RELEASED = "released aggregate"
_EPSILON = 1e-9  # what sums of rounded numbers may be off


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A noisy answer about a dataset; `protects` says whom, `spent` of `budget` is gone now.

    Each of `values` is at most `within` off in 95 of 100 cases. `known` says that it was released before, and
    cost nothing this time.
    """

    dataset: str
    question: str
    values: dict[str, float]
    within: dict[str, float]
    epsilon: float
    spent: float
    budget: float
    protects: str
    known: bool = False


def release_aggregate(
    project: Project, ref: str, question: str, *, epsilon: float, rows_per_person: int = 1, why: str = ""
) -> Released:
    """Answer a question about a dataset with differential privacy, and put it on record.

    Training and validation part are asked, the test part stays sealed. All versions of a dataset have one
    budget, `[data] privacy_budget`: persons are in several of them. Of a person at most `rows_per_person`
    rows count. The same question once more gives the same answer and costs nothing. Raises `Refused` once
    the budget is spent.
    """
    if not 0 < epsilon < float("inf"):
        raise InvalidInput(
            f"an epsilon of {epsilon:g} protects nothing", hint="1 is usual, less protects more"
        )
    if rows_per_person < 1:
        raise InvalidInput("no row of a person would count", hint="give 1 or more")
    dataset = project.store.catalog.find(Dataset, Ref.parse(ref))
    budget = project.config.data.privacy_budget
    asked = read_question(question, dataset.schema.names, project.config.data.checks)
    table, protects = _limited(open_rows(project, dataset), dataset, rows_per_person)
    with project.store.catalog.transaction() as transaction:
        spent = spent_on(project, dataset.name)
        body = {"dataset": dataset.ref, "question": str(asked), "epsilon": epsilon, "protects": protects}
        if known := _known(project, dataset, body):
            values, within = known["values"], known["within"]
        else:
            _check_budget(dataset.name, epsilon, spent, budget)
            found = answer(table, asked, epsilon=epsilon, rows=rows_per_person)
            values, within = found.values, found.within
            spent += epsilon
            kept = {**body, "values": values, "within": within, "budget": budget}
            transaction.event(Entry(action=RELEASED, subject=dataset.name, why=why, body=kept))
    return Released(
        dataset=dataset.ref,
        question=str(asked),
        values=values,
        within=within,
        epsilon=epsilon,
        spent=spent,
        budget=budget,
        protects=protects,
        known=known is not None,
    )


def spent_on(project: Project, name: str) -> float:
    """Return the epsilon that released aggregates of a dataset have spent, over all its versions."""
    events = project.store.catalog.events(subject=name, action=RELEASED)
    return round(sum(float(event.body["epsilon"]) for event in events), 9)


def _known(project: Project, dataset: Dataset, body: dict[str, object]) -> dict[str, dict[str, float]] | None:
    for event in project.store.catalog.events(subject=dataset.name, action=RELEASED):
        if all(event.body.get(key) == value for key, value in body.items()):
            return dict(event.body)
    return None


def _check_budget(name: str, epsilon: float, spent: float, budget: float) -> None:
    if budget <= 0:
        raise InvalidConfig(
            f"{name} has no budget for aggregates that are released",
            hint="say how much all of them may tell together: [data] privacy_budget = 1.0",
        )
    if spent + epsilon > budget + _EPSILON:
        raise Refused(
            f"{name} has {max(0.0, budget - spent):g} of its privacy budget of {budget:g} left, "
            f"and this answer costs {epsilon:g}",
            hint="ask with a smaller --epsilon, or use what was released: `kervan audit` shows it",
        )


def _limited(table: pl.DataFrame, dataset: Dataset, rows: int) -> tuple[pl.DataFrame, str]:
    """Keep at most so many rows of each person, if the dataset says who that is."""
    if dataset.person in table.columns:
        limited = table.group_by(dataset.person, maintain_order=True).head(rows)
        return limited, f"persons ({dataset.person}), by at most {rows} rows of each"
    return table, f"{rows} rows" if rows > 1 else "single rows"
