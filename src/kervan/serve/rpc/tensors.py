"""Tensors that come in messages, as the Open Inference Protocol knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kervan.core.errors import InvalidInput, RefusedRow, did_you_mean
from kervan.core.ports import Request
from kervan.serve.protocols.inference_v2 import output_tensors
from kervan.serve.protocols.rows import from_columns, own_id
from kervan.serve.protocols.tensors import Tensor, columns_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kervan.core.schema import Signature


def request_of(
    tensors: Sequence[Tensor], signature: Signature, *, ident: str = "", outputs: tuple[str, ...] = ()
) -> Request:
    """Turn tensors into rows, and check which `outputs` are wanted.

    Raises `InvalidInput`, or `RefusedRow` that names row and field.
    """
    known = tuple(tensor["name"] for tensor in output_tensors(signature))
    for wanted in outputs:
        if wanted not in known:
            raise InvalidInput(f"the model has no output {wanted!r}", hint=did_you_mean(wanted, known))
    rows = from_columns(columns_of(tensors, signature))
    return Request(rows=rows, id=own_id(ident, "id"), outputs=outputs)


def texts(pieces: Iterable[bytes], name: str) -> list[str]:
    """Read the texts of a column, or raise `RefusedRow` that names the first which is not in UTF-8."""
    found = []
    for row, piece in enumerate(pieces):
        try:
            found.append(piece.decode())
        except UnicodeDecodeError as error:
            raise RefusedRow(
                f"row {row}, {name!r}: the text is not in UTF-8", row=row, field=name, hint="send UTF-8"
            ) from error
    return found
