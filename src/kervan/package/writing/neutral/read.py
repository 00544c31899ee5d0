"""From a fitted model to its neutral form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.core.errors import Refused
from kervan.core.ports import Precision
from kervan.package.writing.neutral.build import Builder
from kervan.package.writing.neutral.fold import fold
from kervan.package.writing.neutral.form import Form, Unary
from kervan.package.writing.neutral.readers.registry import read_answer

if TYPE_CHECKING:
    from kervan.core.schema import Signature


def read_form(model: Any, signature: Signature, precision: Precision = Precision.DOUBLE) -> Form:
    """Read a fitted model over the encoded matrix, of which it sees the numbers with so many digits.

    Raises `Refused` for a model, or a part of one, that the form cannot express.
    """
    if signature.is_classification and list(model.classes_) != list(range(len(signature.output.allowed))):
        raise Refused(
            f"the model knows the classes {list(model.classes_)}, not the places in the signature",
            hint="train on labels from `encode_labels`, with rows of every class",
        )
    builder = Builder(signature)
    seen = builder.map(0, Unary.ROUND32) if precision is Precision.SINGLE else 0
    answer = read_answer(builder, model, seen, signature.is_classification)
    wanted = len(signature.output.allowed) if signature.is_classification else 1
    if builder.widths[answer] != wanted:
        raise Refused(
            f"the model gives {builder.widths[answer]} numbers for a row, the signature says {wanted}",
            hint="train it to predict one column",
        )
    form = Form(
        signature=signature, layers=tuple(builder.layers), slack=builder.slack, is_single=builder.is_single
    )
    return fold(form, answer)
