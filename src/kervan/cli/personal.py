"""Commands about persons in tables: `kervan data personal`, `anonymity`, `release`, and what undoes that."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kervan.cli.edge import Shown, shows, table, with_project

if TYPE_CHECKING:
    from kervan.app.personal import DatasetAnonymity, PersonalData
    from kervan.app.project import Project
    from kervan.data.protection.anonymity import Diversity


@click.command()
@click.argument("what", required=False, default="", metavar="[FILE|DATASET]")
@shows(
    example="kervan data personal\nkervan data personal customers.csv\nkervan data personal adult:1 --json"
)
@with_project
def personal(project: Project, what: str) -> Shown:
    """Look for personal data, and say how sure that is and which line protects it; nothing is kept.

    By default the table is the project's source. Values are shown by their form only.
    """
    from kervan.app.personal import personal_data

    is_file = bool(what) and Path(what).exists()
    found = personal_data(project, what, folder=Path() if is_file else None)
    return Shown(found, personal_text(found))


@click.command()
@click.argument("ref")
@click.option("--quasi", multiple=True, metavar="COLUMN", help="By which somebody could be found.")
@click.option("--sensitive", multiple=True, metavar="COLUMN", help="What must not be learned of them.")
@shows(
    example="kervan data anonymity adult:1\n"
    "kervan data anonymity adult:1 --quasi age --quasi sex --sensitive income"
)
@with_project
def anonymity(project: Project, ref: str, quasi: tuple[str, ...], sensitive: tuple[str, ...]) -> Shown:
    """Show how well rows hide among each other: k-anonymity, l-diversity, t-closeness.

    As `[data] quasi` and `sensitive` said when the dataset was made, or by the columns that are named here.
    """
    from kervan.app.personal import dataset_anonymity

    found = dataset_anonymity(project, ref, quasi=quasi, sensitive=sensitive)
    return Shown(found, anonymity_text(found))


@click.command("forget-original")
@click.argument("ref")
@click.option("--why", required=True, help="Goes on record.")
@shows(example='kervan data forget-original adult:1 --why "kept as long as the contract ran"')
@with_project
def forget_original(project: Project, ref: str, why: str) -> Shown:
    """Destroy the key of a dataset's kept original, so that nobody can read it again; the dataset stays.

    Backups of the workspace still hold the key: they have to go as well.
    """
    from kervan.app.original import forget_original as forget

    found = forget(project, ref, why=why)
    keys = _counted(found.keys, "key was", "keys were")
    text = f"the original of {found.dataset} is forgotten: {keys} destroyed"
    if found.others:
        text += f"; the same bytes are also kept by {', '.join(found.others)}"
    return Shown(found, text)


@click.command("forget-person")
@click.argument("person")
@click.option("--why", required=True, help="Goes on record, so it may not name them.")
@shows(example='kervan data forget-person 10000000146 --why "asked by letter"')
@with_project
def forget_person(project: Project, person: str, why: str) -> Shown:
    """Destroy the key of a person, so that nobody can make or recognise their pseudonyms again; rows stay.

    PERSON is the value in the column that [data] person names. What is in clear stays: columns that are not
    protected, kept originals, predictions. Backups of the workspace still hold the key: they have to go too.
    """
    from kervan.app.person import forget_person as forget

    found = forget(project, person, why=why)
    lines = ["the key of the person is destroyed: nobody can make or recognise their pseudonyms any more"]
    if found.originals:
        several = ", ".join(found.originals)
        lines.append(f"their originals can still be read (kervan data forget-original): {several}")
    lines.append("columns in clear, columns that are hashed or tokenised, and predictions are not reached")
    return Shown(found, "\n".join(lines))


def personal_text(found: PersonalData) -> str:
    """Show what tells of persons, surest first, and the line to paste."""
    headers = ("column", "kind", "rows", "sure", "why", "form")
    rows = [
        (each.column, each.label, f"{each.rows:,}", f"{each.sure:.0%}", each.why, ", ".join(each.examples))
        for each in found.found
    ]
    if not rows:
        return f"no personal data was found in {found.source}, which is no proof that there is none"
    return "\n".join([table(headers, rows), "", "# for kervan.toml", "[data]", found.line])


def anonymity_text(found: DatasetAnonymity) -> str:
    """Show the measures of a dataset in words."""
    what = found.anonymity
    head = f"{found.dataset}, {what.rows:,} rows ({found.scope}), by {', '.join(what.quasi)}"
    rows = _counted(what.unique, "row is", "rows are")
    alone = f"{rows} alone in theirs, {what.small:,} in groups of fewer than 5"
    hidden = f"k-anonymity: k = {what.k:,}; {what.groups:,} groups, {alone}"
    return "\n".join([head, hidden, *map(_diversity_text, what.sensitive)])


def _counted(count: int, one: str, several: str) -> str:
    return f"{count:,} {one if count == 1 else several}"


def _diversity_text(found: Diversity) -> str:
    homogeneous = f"{found.homogeneous:,} rows in groups of one value"
    return f"{found.column}: l-diversity l = {found.l:,} ({homogeneous}), t-closeness t = {found.t:.3f}"


@click.command("release")
@click.argument("ref")
@click.argument("question")
@click.option("--epsilon", type=float, required=True, help="What it costs: 1 is usual, less protects more.")
@click.option(
    "--rows-per-person", type=click.IntRange(1), default=1, show_default=True, help="So many count."
)
@click.option("--why", default="", help="Goes on record.")
@shows(
    example='kervan data release adult:1 "mean(age, 0, 120)" --epsilon 0.5\n'
    'kervan data release adult:1 "counts(sex, Male, Female)" --epsilon 0.2 --why "yearly report"'
)
@with_project
def release_aggregate(
    project: Project, ref: str, question: str, epsilon: float, rows_per_person: int, why: str
) -> Shown:
    """Answer a question about a dataset with differential privacy, on record and from its budget.

    Questions are count(), sum(COLUMN, LOW, HIGH), mean(COLUMN, LOW, HIGH) and counts(COLUMN, CATEGORY, …).
    Bounds and categories may also come from the checks in kervan.toml; they are never read from the rows.
    """
    from kervan.app.released import release_aggregate as release

    found = release(project, ref, question, epsilon=epsilon, rows_per_person=rows_per_person, why=why)
    lines = [f"{name}: {value:,.6g} ± {found.within[name]:,.3g}" for name, value in found.values.items()]
    cost = "released before, it cost nothing" if found.known else f"it cost {found.epsilon:g}"
    lines.append(
        f"{found.dataset}: {cost}; {found.spent:g} of {found.budget:g} are spent; protects {found.protects}"
    )
    return Shown(found, "\n".join(lines))


@click.command()
@click.argument("ref")
@click.argument("tokens", nargs=-1, required=True)
@click.option("--why", required=True, help="Goes on record.")
@shows(example='kervan data detokenise adult:1 tok_764f2a601fc738b2d87ee69b --why "the customer asked"')
@with_project
def detokenise(project: Project, ref: str, tokens: tuple[str, ...], why: str) -> Shown:
    """Turn tokens of a dataset back into values; that it was done, and why, is on record."""
    from kervan.app.tokens import detokenise as turn_back

    found = turn_back(project, ref, tokens, why=why)
    return Shown(found, table(("token", "value"), list(found.values.items())))
