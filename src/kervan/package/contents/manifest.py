"""`manifest.json`: what a package holds, with the hash of every file.

The manifest carries a format number, and `kervan.package.contents.readers` bring older forms into the present
one, so that packages stay readable when the form changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from kervan.core.identity import sha256
from kervan.core.nouns import PackageFile
from kervan.core.ports import Precision
from kervan.core.schema import Signature

FILE_NAME = "manifest.json"
FORMAT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How the answers of one written format compare with the original's over `rows` rows.

    `largest` is the largest difference: of probabilities as they are; of values relative to the answer,
    or to the distance of the answers' quartiles where that is larger. `over` counts rows beyond
    `tolerance`, `label_changes` rows whose most probable class differs by more than a tie. `precision` is how
    the format holds the numbers of a row: it and the original were asked about rows that were rounded so.
    """

    format: str
    rows: int
    tolerance: float
    largest: float
    over: int
    label_changes: int
    scorer: str
    precision: Precision = Precision.DOUBLE

    @property
    def holds(self) -> bool:
        """Whether the format may be used."""
        return self.over == 0 and self.label_changes == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatFacts:
    """What is true of one written format: what it is, who can read it, what scores it here.

    `licence` is that of the format or its usual reader, `requires` the exact versions of the
    distributions that scored it when it was proved.
    """

    format: str
    title: str = ""
    extension: str = ""
    vendor: str = ""
    licence: str = ""
    readers: str = ""
    requires: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Where a model came from: data, run, code, and by which report it was accepted.

    `dataset` is a reference such as `adult:3` and `dataset_hash` what that version holds; `difference`
    is the SHA-256 of the patch of what was not committed, or "" if everything was. Of a model that was
    trained elsewhere only `source` is known, the name of its file or folder, with its kind and SHA-256.
    """

    dataset: str = ""
    dataset_hash: str = ""
    run: str = ""
    repository: str = ""
    branch: str = ""
    commit: str = ""
    difference: str = ""
    acceptance: str = ""
    source: str = ""
    source_kind: str = ""
    source_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What is in the package and where it came from.

    `precision` is how the encoded matrix holds its numbers: packages of the first two forms round what they
    are asked to float32. `answers` are what the first format gave for the `samples` where the package was
    made. `intervals` are the 95 % intervals of metrics, low and high; `doubts` is what acceptance warned of.
    `model_card`, `data_card` and `materials` name files of the package, or are "" where there is none.
    `entity` names the column that says whom a row is about, "" where none does; it may be no input.
    `digest` is not written: it is the SHA-256 of the bytes that a manifest was read from, whatever their
    form, and "" for one that was made here.
    """

    name: str
    version: str
    created: float
    creator: str
    signature: Signature
    precision: Precision = Precision.DOUBLE
    formats: tuple[str, ...]
    parity: tuple[Parity, ...]
    files: tuple[PackageFile, ...]
    samples: tuple[Mapping[str, Any], ...] = ()
    answers: tuple[tuple[float, ...], ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()
    family: str = ""
    licence: str = ""
    requirements: Mapping[str, str] = field(default_factory=dict)
    facts: tuple[FormatFacts, ...] = ()
    lineage: Lineage = Lineage()
    model_card: str = ""
    data_card: str = ""
    materials: str = ""
    entity: str = ""
    format: int = FORMAT
    digest: str = field(default="", compare=False, repr=False)

    @property
    def ref(self) -> str:
        """`name@version`."""
        return f"{self.name}@{self.version}"

    def to_json(self) -> bytes:
        """Write the manifest: the same content always gives the same bytes."""
        written = msgspec.to_builtins(self, order="deterministic")
        del written["digest"]
        return msgspec.json.format(msgspec.json.encode(written)) + b"\n"

    @property
    def hash(self) -> str:
        """The SHA-256 of the manifest as written; it covers every file of the package."""
        return self.digest or sha256(self.to_json())
