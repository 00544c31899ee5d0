"""What a workspace knows about a package beyond its manifest: what cards and bills of materials tell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kervan.core.naming import LeastCost, Threshold
from kervan.core.nouns import Verdict
from kervan.core.ports import Precision
from kervan.core.schema import Type, Unseen
from kervan.package.encoding import EXACT_UP_TO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kervan.core.nouns import Dataset, Report
    from kervan.package.contents.manifest import Manifest

# Families whose library rounds to float32, and ensembles, which may have such members.
_ROUNDING = {
    "tree",
    "forest",
    "extra_trees",
    "xgboost",
    "catboost",
    "vote",
    "majority",
    "stack",
    "bag",
    "XGBoost",
    "CatBoost",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A manifest without any records: nobody here knows what its model learned from, or how good it is.

    `use` is what its maker says that the model is for.
    """

    manifest: Manifest
    use: str = ""

    @property
    def task(self) -> str:
        """What kind of answer the model gives."""
        if not self.manifest.signature.is_classification:
            return "regression"
        classes = len(self.manifest.signature.output.allowed)
        return "binary classification" if classes == 2 else "classification"

    @property
    def named_by(self) -> Threshold | LeastCost | None:
        """By which rule a class is named; None for the most probable one."""
        signature = self.manifest.signature
        if signature.threshold is None:
            return LeastCost() if signature.costs else None
        return Threshold(value=signature.threshold, label=signature.output.allowed[-1])

    def limitations(self) -> tuple[str, ...]:
        """Return what the model cannot do, as far as the records tell."""
        return (*self._of_training(), *self._of_columns())

    def _of_training(self) -> Iterator[str]:
        yield "It was trained elsewhere: what it learned from, and how good it is, is not known here."
        yield "It was compared with the file that it came from, which may be wrong in the same way."

    @property
    def _rounds(self) -> bool:
        """Whether rows are rounded, by the package or by the library that its trees are from."""
        return self.manifest.precision is Precision.SINGLE or self.manifest.family in _ROUNDING

    def _of_columns(self) -> Iterator[str]:
        columns = tuple(self.manifest.signature.inputs)
        if self._rounds and any(column.type in {Type.INTEGER, Type.NUMBER} for column in columns):
            yield f"Numbers are read as 32-bit floats: whole numbers beyond {EXACT_UP_TO:,} are rounded."
        unseen = [column for column in columns if column.type is Type.CATEGORY]
        if any(column.unseen is Unseen.AS_MISSING for column in unseen):
            yield "A category that training did not see counts as a missing value."
        if any(column.unseen is Unseen.REFUSE for column in unseen):
            yield "Some columns take only the categories of training; Kervan's server refuses others."
        if any(column.minimum is not None or column.maximum is not None for column in columns):
            yield "Limits of columns are checked by Kervan's server; the files of the model do not know them."


@dataclass(frozen=True, slots=True, kw_only=True)
class Background(Outline):
    """A manifest with the records that it came from.

    `chosen` is the rule by which it names a class with the reason for it, `calibrated` says how its
    probabilities were corrected.
    """

    dataset: Dataset
    acceptance: Report
    chosen: Threshold | LeastCost | None = None
    calibrated: str = ""

    @property
    def named_by(self) -> Threshold | LeastCost | None:
        """By which rule a class is named, and why."""
        return self.chosen

    @property
    def source(self) -> str:
        """Where the table came from, without folders, logins and tokens: they are nobody's business."""
        told = self.dataset.origin.source
        if "://" not in told:
            return PurePath(told).name
        address = urlsplit(told)
        return f"{address.scheme}://{address.hostname or ''}{address.path}"

    def _of_training(self) -> Iterator[str]:
        yield (
            f"It learned from {self.dataset.ref} alone. For rows unlike those it gives an answer all the "
            "same, and nothing here says how good that is."
        )
        yield "Its figures are over all rows: no group of rows, or of persons, was judged on its own."
        for finding in self.acceptance.findings:
            if finding.verdict is not Verdict.PASSED:
                yield f"At its acceptance: {finding.message}."
