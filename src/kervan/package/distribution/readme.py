"""What a distribution tells whoever installs it: how it is asked, what it takes, and how it was proved."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kervan.core.schema import Type
from kervan.package.contents.card import columns_table

if TYPE_CHECKING:
    from kervan.core.schema import Column, Schema, Signature
    from kervan.package.distribution.product import Product

_EXAMPLES: dict[Type, Any] = {
    Type.BOOLEAN: True,
    Type.DATE: "2026-01-31",
    Type.DATETIME: "2026-01-31T12:00",
    Type.TEXT: "some words",
}


def write_readme(product: Product, inputs: Schema, *, needs: str, language: str, code: str) -> str:
    """Return a page in Markdown around lines of code that ask for the model's answer to these inputs."""
    output, gives = product.signature.output, _gives(product.signature)
    rows = max((proof.rows for proof in product.parity), default=0)
    largest = max((proof.largest for proof in product.parity), default=0.0)
    proof = f"Its code was compared with the trained model over {rows:,} rows: it differs by {largest:.2g}."
    parts = [
        f"# {product.title}",
        f"{product.summary}. It needs nothing but {needs}.",
        f"```{language}\n{code}\n```",
        f"It predicts `{_line(output.name)}`: {gives}. A column that may be missing can be left out.",
        columns_table(inputs),
        f"{proof} `model.json` says more.",
        f"Licence: {_line(product.licence) or 'not stated; ask before you use it'}.",
    ]
    return "\n\n".join(parts) + "\n"


def _gives(signature: Signature) -> str:
    labels = signature.output.allowed
    if signature.threshold is not None:
        one, other = map(_line, labels)
        return f"`{other}` from a probability of {signature.threshold:.4g} on, else `{one}`"
    if signature.costs:
        return f"the one of {len(labels)} labels that is expected to cost least"
    return f"the likeliest of {len(labels)} labels" if labels else "a value"


def example_row(inputs: Schema) -> dict[str, Any]:
    """Return a row that the model takes. It is made up: real ones may be nobody's to give away."""
    return {column.name: _example(column) for column in inputs}


def as_json(row: dict[str, Any]) -> str:
    """Write a row as JSON and JavaScript have it."""
    return json.dumps(row, ensure_ascii=False)


def _example(column: Column) -> Any:
    if column.type is Type.CATEGORY:
        return next(iter(column.allowed), None)
    if column.type in _EXAMPLES:
        return _EXAMPLES[column.type]
    value = max(0.0, -float("inf") if column.minimum is None else column.minimum)
    value = min(value, float("inf") if column.maximum is None else column.maximum)
    return int(value) if value == int(value) else value


def _line(text: str) -> str:
    return " ".join(text.split())
