"""A package tried before anybody asks it: it has to answer its sample rows, and as where it was made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kervan.core.errors import Corrupted, ParityFailed, RefusedRow
from kervan.serve.answer import check_values
from kervan.serve.decode import RowDecoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kervan.core.ports import Predictor
    from kervan.package.contents.manifest import Manifest


def try_samples(manifest: Manifest, predictor: Predictor) -> None:
    """Score the samples, and compare with what was answered where the package was made, if that is known.

    Raises `ServerFailed` if the figures are no answer, `ParityFailed` if they are others, `Corrupted` for
    samples that the model does not take.
    """
    if not manifest.samples:
        return
    try:
        matrix = RowDecoder(manifest.signature).decode([dict(sample) for sample in manifest.samples])
    except RefusedRow as error:
        raise Corrupted(
            f"a sample of {manifest.ref} is none: {error}", hint="fetch the package again"
        ) from error
    values = predictor.predict(matrix)
    check_values(values, len(matrix), manifest.signature)
    if manifest.answers and not _are_alike(manifest, values):
        raise ParityFailed(
            f"{manifest.ref} answers differently here for its sample rows than where it was made",
            hint="install exactly what `requirements` in its manifest names, or use another machine",
        )


def _are_alike(manifest: Manifest, values: NDArray[np.float64]) -> bool:
    tolerance = max((proof.tolerance for proof in manifest.parity), default=0.0)
    if {len(row) for row in manifest.answers} != {values.shape[1]} or len(manifest.answers) != len(values):
        return False
    return np.allclose(values, np.array(manifest.answers), rtol=tolerance, atol=tolerance)
