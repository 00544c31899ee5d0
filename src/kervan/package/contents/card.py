"""`MODEL_CARD.md` and `DATA_CARD.md`: what people should know before they use a model.

After Mitchell et al., Model Cards for Model Reporting (2019), and Gebru et al., Datasheets for Datasets
(2018), as far as the records tell. What nobody said is said to be unknown.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

from kervan.core.shaping import told
from kervan.package.contents.background import Background, Outline

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kervan.core.about import About
    from kervan.core.features import Feature
    from kervan.core.nouns import Dataset, SplitRule
    from kervan.core.reading import Reading
    from kervan.core.schema import Column
    from kervan.core.shaping import RowStep

MODEL_CARD = "MODEL_CARD.md"
DATA_CARD = "DATA_CARD.md"


def model_card(background: Outline) -> str:
    """Return the model card in Markdown."""
    manifest = background.manifest
    parts = [
        f"# {_text(manifest.ref)}",
        _in_short(background),
        "## Intended use",
        _prose(background.use) or _NO_USE,
        "## Inputs",
        columns_table(manifest.signature.inputs),
        *_written(manifest.signature.reading),
        *_steps(manifest.signature.steps),
        *_features(manifest.signature.features),
        *_named(background),
        "## How good it is",
        _quality(background),
        "## Formats",
        "Each file was written, loaded again, and compared with the trained model, also on hostile rows.",
        _formats(background),
        "## Limitations",
        _list(map(_text, background.limitations())),
        "## Where it came from",
        _origin(background),
        "## Licence",
        _text(manifest.licence) or _NO_LICENCE,
        "## Verify and use it",
        _instructions(background),
    ]
    return "\n\n".join(parts) + "\n"


def data_card(background: Background) -> str:
    """Return the data card in Markdown."""
    dataset, origin = background.dataset, background.dataset.origin
    read = f"Read on {_day(dataset.time)} by {_text(dataset.creator)}."
    protected = [f"{_code(name)}: {_text(how)}" for name, how in sorted(dataset.protection.items())]
    parts = [
        f"# The data of {_text(background.manifest.ref)}: {_text(dataset.ref)}",
        f"{dataset.rows:,} rows; {_code(dataset.target)} is to be predicted. {read}",
        "## Where it came from",
        _table(
            ("", ""),
            [
                ("source", _code(background.source)),
                ("size of the original", f"{origin.size:,} bytes"),
                ("SHA-256 of the original", _code(origin.sha256)),
                ("hash of the content as it is kept", _code(dataset.hash)),
                *(
                    (f"joined, SHA-256 of {_text(each.source)}", _code(each.sha256))
                    for each in dataset.joined
                ),
                *((name, _text(said)) for name, said in _said(dataset.about) if said),
            ],
        ),
        _prose(dataset.about.description),
        "How the rows were collected, and whether the persons in them agreed, is not on record.",
        *_shaped(dataset),
        "## Parts",
        _split(dataset.split),
        _table(
            ("part", "rows", "used for", "hash of the rows"),
            [
                (str(part.role), f"{part.rows:,}", _USES.get(str(part.role), ""), _code(part.content))
                for part in dataset.parts
            ],
        ),
        "## Columns",
        columns_table(dataset.schema),
        "## Protection",
        _list(protected) if protected else "No column was hashed, replaced or left out for protection.",
        f"{len(background.manifest.samples)} rows of the validation part are in `manifest.json`, as samples.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _said(about: About) -> list[tuple[str, str]]:
    return [("owner", about.owner), ("licence of the data", about.licence), ("tags", ", ".join(about.tags))]


def _shaped(dataset: Dataset) -> list[str]:
    """Say what steps made of the source; without steps nothing."""
    if not dataset.steps:
        return []
    rows = [(_code(each.step), f"{each.before:,}", f"{each.after:,}") for each in dataset.steps]
    return ["## What was done to it", _table(("step", "rows before", "rows after"), rows)]


def _split(rule: SplitRule) -> str:
    """Say how the parts came to be."""
    found = {
        "group": f"Rows of one {_code(rule.column)} are in one part.",
        "time": f"The newest rows by {_code(rule.column)} judge, the oldest are learned from.",
        "column": f"The column {_code(rule.column)} says which part a row is in.",
    }.get(rule.by, "Rows that are equal are in one part, so that no row was both learned and tested.")
    return found + (f" {rule.left_out:,} rows between the parts are in none." if rule.left_out else "")


_NO_USE = "Its maker did not say what it is for. Ask before you let it decide about persons."
_NO_LICENCE = "Its maker did not state one. Without a licence, ask before you use it."
_NO_QUALITY = "It was trained elsewhere, and nobody measured it here. Try it on rows whose answers you know."
_USES = {
    "train": "learning",
    "validation": "choosing, and the figures of the model card",
    "test": "acceptance, sealed until then",
}


def _written(reading: Reading) -> list[str]:
    """Say what may be written as people do; where nothing may, nothing."""
    if not reading.written:
        return []
    what = "A text may stand for these too, written as in the source of its training data:"
    return [
        what,
        _list(f"{_code(name)}: like {_code(each.example)}" for name, each in reading.written.items()),
    ]


def _steps(steps: tuple[RowStep, ...]) -> list[str]:
    """Say what the model does to a row before all else; without steps nothing."""
    if not steps:
        return []
    what = "What it does to a row before all else; every format does the same:"
    return [what, _list(_text(told(step)) for step in steps)]


def _features(features: tuple[Feature, ...]) -> list[str]:
    """Say what the model computes from its inputs; without features nothing."""
    if not features:
        return []
    what = "What it computes from them; every format does the same:"
    named = [
        f"{_code(each.name)}: {_code(each.told)}" if each.name else _code(each.told) for each in features
    ]
    return [what, _list(named)]


def _named(background: Outline) -> list[str]:
    """Say by which rule a class is named; where the most probable one is, nothing."""
    found = background.named_by
    if found is None:
        return []
    caution = f" {found.caution[:1].upper()}{found.caution[1:]}." if found.caution else ""
    return ["## Which class it names", _text(f"{found.told[:1].upper()}{found.told[1:]}.{caution}")]


def _in_short(background: Outline) -> str:
    manifest = background.manifest
    target = manifest.signature.output
    answers = f" ({', '.join(map(_code, target.allowed))})" if target.allowed else ""
    what = f"A model of the family {_code(manifest.family)} that predicts {_code(target.name)}{answers}"
    how = f"from {len(manifest.signature.inputs)} columns: {background.task}."
    made = "Made" if isinstance(background, Background) else "Trained elsewhere; imported"
    return f"{what} {how} {made} on {_day(manifest.created)} by {_text(manifest.creator)}."


def _quality(background: Outline) -> str:
    if not isinstance(background, Background):
        return _NO_QUALITY
    part = f"On the validation part of {_code(background.dataset.ref)}, which it did not learn from:"
    corrected = [_text(f"Its probabilities were {background.calibrated}.")] if background.calibrated else []
    return "\n\n".join([part, _metrics(background), *corrected, _acceptance(background)])


def _metrics(background: Background) -> str:
    manifest = background.manifest
    rows = []
    for name, value in manifest.metrics.items():
        low, high = manifest.intervals.get(name, (None, None))
        between = "not known" if low is None or high is None else f"{low:.4g} to {high:.4g}"
        rows.append((_code(name), f"{value:.4g}", between))
    return _table(("metric", "value", "95 % interval"), rows)


def _acceptance(background: Background) -> str:
    told = [_text(finding.message) for finding in background.acceptance.findings]
    verdict = f"At its acceptance on the sealed test part: {background.acceptance.verdict}."
    return "\n\n".join([verdict, _list(told)] if told else [verdict])


def _formats(background: Outline) -> str:
    manifest = background.manifest
    proofs = _table(
        ("file", "rows", "numbers held as", "largest difference", "allowed", "scored by"),
        [
            (
                _code(each.format),
                f"{each.rows:,}",
                str(each.precision),
                f"{each.largest:.2g}",
                f"{each.tolerance:g}",
                _text(each.scorer),
            )
            for each in manifest.parity
        ],
    )
    readers = [
        f"{_code(each.format)}: {_text(f'{each.title}, licence {each.licence}; read by {each.readers}')}"
        for each in manifest.facts
    ]
    return "\n\n".join([proofs, _list(readers)] if readers else [proofs])


def _origin(background: Outline) -> str:
    lineage = background.manifest.lineage
    if not isinstance(background, Background):
        known = {"file": lineage.source, "kind": lineage.source_kind, "SHA-256": lineage.source_hash}
        unknown = [("training data", "not known"), ("code", "not known")]
        return _table(("", ""), [*((name, _code(value)) for name, value in known.items()), *unknown])
    changed = ", with changes that were not committed" if lineage.difference else ""
    code = f"{_code(lineage.commit)}{changed}" if lineage.commit else "not in a Git repository"
    rows = [
        ("data", f"{_code(lineage.dataset)}, see `{DATA_CARD}`"),
        ("run", _code(lineage.run)),
        ("code", code),
        ("repository", _code(lineage.repository) if lineage.repository else "not on record"),
        ("acceptance", _code(lineage.acceptance)),
    ]
    return _table(("", ""), rows)


def _instructions(background: Outline) -> str:
    folder = f"{background.manifest.name}-{background.manifest.version}"
    lines = [
        f"kervan package check {folder} --key key.pem   # key.pem: from its maker, by another way",
        f"kervan serve {folder}",
    ]
    told = "Without it: `manifest.json` says which columns the files take. They were scored with:"
    return "\n".join(["With Kervan:", "", "```sh", *lines, "```", "", told, "", _needs(background)])


def _needs(background: Outline) -> str:
    """List what has to be installed from PyPI to score each format."""
    known = {each.format: each.requires for each in background.manifest.facts}
    needs = known or dict.fromkeys(background.manifest.formats, background.manifest.requirements)
    return _list(
        f"{_code(name)}: {', '.join(_code(f'{each}=={number}') for each, number in libraries.items())}"
        if libraries
        else f"{_code(name)}: no library of Python"
        for name, libraries in needs.items()
    )


def columns_table(columns: Iterable[Column]) -> str:
    """Return a table in Markdown of columns, with what they may hold."""
    rows = [
        (
            _code(column.name),
            str(column.type),
            "may be missing" if column.nullable else "",
            _values(column),
            _text(column.unit),
        )
        for column in columns
    ]
    return _table(("column", "type", "", "values", "unit"), rows)


def _values(column: Column) -> str:
    if column.allowed:
        more = len(column.allowed) - 8
        shown = ", ".join(map(_code, column.allowed[:8]))
        return f"{shown} and {more} more" if more > 0 else shown
    low = "" if column.minimum is None else f"from {column.minimum:g}"
    high = "" if column.maximum is None else f"to {column.maximum:g}"
    return f"{low} {high}".strip()


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _day(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d")


def _code(text: str) -> str:
    """Write a name so that nothing in it is markup, also inside a table."""
    plain = re.sub(r"\s+", " ", text).replace("|", "\\|")
    fence = "`" * (max(map(len, re.findall("`+", plain)), default=0) + 1)
    pad = " " if "`" in plain or not plain.strip() else ""
    return f"{fence}{pad}{plain}{pad}{fence}"


def _text(text: str) -> str:
    """Write words on one line so that nothing in them is markup."""
    return re.sub(r"([\\`*_\[\]|#])", r"\\\1", escape(re.sub(r"\s+", " ", text), quote=False))


def _prose(text: str) -> str:
    """Write the user's own paragraphs: their Markdown stays, their HTML does not."""
    return escape(text.strip(), quote=False)
