"""What of an open workspace is about persons: found, measured, forgotten, and released in figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.plugins import extras_named

with extras_named():
    from kervan.app import original, person, personal, released, tokens

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kervan.app.original import Forgotten
    from kervan.app.person import ForgottenPerson
    from kervan.app.personal import DatasetAnonymity, PersonalData
    from kervan.app.project import Project
    from kervan.app.released import Released
    from kervan.app.tokens import Detokenised


class Privacy:
    """Actions about persons in datasets, each by the dataset's reference, such as `loans:1`."""

    project: Project

    def personal_data(self, what: str | Path = "") -> PersonalData:
        """Look for personal data in a file, a dataset, or by default the source; `line` protects them."""
        with extras_named():
            return personal.personal_data(self.project, str(what))

    def anonymity(
        self, dataset: str, *, quasi: Sequence[str] = (), sensitive: Sequence[str] = ()
    ) -> DatasetAnonymity:
        """Return k-anonymity, l-diversity and t-closeness, as they were kept or by other columns."""
        return personal.dataset_anonymity(self.project, dataset, quasi=quasi, sensitive=sensitive)

    def forget_original(self, dataset: str, *, why: str) -> Forgotten:
        """Destroy the key of the kept original, on record; the dataset stays."""
        return original.forget_original(self.project, dataset, why=why)

    def forget_person(self, name: str, *, why: str) -> ForgottenPerson:
        """Destroy the key of a person's pseudonyms, on record; what is in clear stays."""
        return person.forget_person(self.project, name, why=why)

    def detokenise(self, dataset: str, *tokens_: str, why: str) -> Detokenised:
        """Return what tokens stand for, on record."""
        return tokens.detokenise(self.project, dataset, tokens_, why=why)

    def release_aggregate(
        self, dataset: str, question: str, *, epsilon: float, rows_per_person: int = 1, why: str = ""
    ) -> Released:
        """Answer a question such as `mean(age, 0, 120)` with differential privacy, from the budget."""
        with extras_named():
            return released.release_aggregate(
                self.project, dataset, question, epsilon=epsilon, rows_per_person=rows_per_person, why=why
            )
