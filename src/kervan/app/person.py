"""A person forgotten: the key of their pseudonyms is destroyed, on record, while the rows stay."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.app.protecting import PERSON
from kervan.core.errors import InvalidInput, NotFound
from kervan.core.nouns import Dataset
from kervan.store.events import Entry

if TYPE_CHECKING:
    from kervan.app.project import Project

FORGOT = "forgot person"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgottenPerson:
    """What is left of somebody whose key was destroyed.

    `datasets` hold pseudonyms under keys of persons, theirs among them where they had rows; `originals` are
    datasets whose bytes, as they were read, can still be read.
    """

    datasets: tuple[str, ...]
    originals: tuple[str, ...]


def forget_person(project: Project, person: str, *, why: str) -> ForgottenPerson:
    """Destroy the key of a person, as `[data] person` names them: nobody can make their pseudonyms again.

    Who it was is not on record. What is in clear stays: columns that are not protected, kept originals,
    predictions. Raises `NotFound` for somebody who has no key, such as one who is forgotten already.
    """
    _check_reason(person, why)
    catalog, ring = project.store.catalog, project.store.ring
    name = f"{PERSON}{person}"
    known = [each for each in catalog.all(Dataset) if each.person]
    if not ring.holds(name):
        columns = ", ".join(sorted({repr(each.person) for each in known})) or "none so far"
        raise NotFound(
            "nobody of that name has a key here",
            hint=f"write the value as it stands in the column of the person ({columns}); who was "
            "forgotten before has no key any more",
        )
    found = ForgottenPerson(
        datasets=tuple(each.ref for each in known if "pseudonymise" in each.protection.values()),
        originals=tuple(
            each.ref
            for each in known
            if any(not one.key or ring.holds(one.key) for one in (each.origin, *each.joined))
        ),
    )
    with catalog.transaction() as transaction:
        body = {"datasets": list(found.datasets), "originals": list(found.originals)}
        transaction.event(Entry(action=FORGOT, subject="person", why=why, body=body))
        ring.destroy([name])
    return found


def _check_reason(person: str, why: str) -> None:
    if not why.strip():
        raise InvalidInput("nothing is said why the person is to go", hint='give a reason: --why "…"')
    if person and re.search(rf"(?<!\w){re.escape(person)}(?!\w)", why):
        raise InvalidInput(
            "the reason names the person, and would stay on record", hint="say why without naming them"
        )
