"""Tokens of a dataset turned back into values, on record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kervan.app.protecting import TOKENS, tokens_sealed_as
from kervan.core.errors import InvalidInput, NotFound
from kervan.core.identity import Ref
from kervan.core.nouns import Dataset
from kervan.flow.table import from_parquet
from kervan.store.events import Entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kervan.app.project import Project

DETOKENISED = "detokenised"


@dataclass(frozen=True, slots=True, kw_only=True)
class Detokenised:
    """The values of some tokens of a dataset, by token, as texts."""

    dataset: str
    values: dict[str, str]


def detokenise(project: Project, ref: str, tokens: Sequence[str], *, why: str) -> Detokenised:
    """Return what tokens of a dataset stand for; that it was asked, and why, is on record first.

    The values themselves are not on record. Raises `NotFound` for a token that the dataset does not know, and
    then tells none.
    """
    if not why.strip():
        raise InvalidInput("nothing is said why tokens are turned back", hint='give a reason: --why "…"')
    dataset = project.store.catalog.find(Dataset, Ref.parse(ref))
    blob = next((link.parent for link in dataset.parents if link.role == TOKENS), None)
    if blob is None:
        raise NotFound(f"{dataset.ref} has no tokens", hint='they come from `[data] protect` with "tokenise"')
    with project.store.catalog.transaction() as transaction:
        body = {"dataset": dataset.ref, "tokens": list(tokens)}
        transaction.event(Entry(action=DETOKENISED, subject=dataset.id, why=why, body=body))
    sealed = project.store.blobs.read_bytes(blob.removeprefix("sha256:"))
    table = from_parquet(project.store.keys.open(sealed, tokens_sealed_as(dataset.name)))
    known = dict(zip(table["token"].to_list(), table["value"].to_list(), strict=True))
    for token in tokens:
        if token not in known:
            raise NotFound(
                f"{dataset.ref} does not know the token {token!r}", hint="is it of another dataset?"
            )
    return Detokenised(dataset=dataset.ref, values={token: known[token] for token in tokens})
