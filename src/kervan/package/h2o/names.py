"""What H2O calls a model."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kervan.core.schema import Signature


def category_of(signature: Signature) -> str:
    """Return the name of H2O's enumeration `ModelCategory`."""
    if not signature.is_classification:
        return "Regression"
    return "Binomial" if len(signature.output.allowed) == 2 else "Multinomial"


def uuid_of(content: bytes) -> str:
    """Return a whole number as H2O names models: the same content always gives the same one."""
    return str(int.from_bytes(hashlib.sha256(content).digest()[:8], "big") >> 1)
