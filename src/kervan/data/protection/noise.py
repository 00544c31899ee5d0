"""Numbers with random ones added, drawn from the key and the row, so that a row keeps its noise."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig
from kervan.data.rows import row_hashes

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from kervan.core.protecting import Noise

_SHARE = 2.0**-53


def with_noise(table: pl.DataFrame, column: pl.Series, rule: Noise, key: bytes) -> pl.Series:
    """Return a column of numbers plus noise, as floats; equal rows of `table` have equal noise.

    Laplace's law by its inverse distribution, the normal one by Box and Muller (1958). It hides single
    values; it is no differential privacy, for which there is `kervan data release`.
    """
    import numpy as np
    import polars as pl

    if not column.dtype.is_numeric():
        raise InvalidConfig(
            f"[data] protect: noise for {column.name!r}: it is for numbers",
            hint="use another action, or read its texts as numbers first: [[data.steps]] parse",
        )
    seed = int.from_bytes(hmac.digest(key, f"noise|{column.name}".encode(), "sha256")[:8])
    hashes = row_hashes(table, seed)
    first = _uniform(hashes, key, column.name, 0)
    if rule.law == "laplace":
        centred = first - 0.5
        noise = -rule.noise * np.sign(centred) * np.log1p(-2 * np.abs(centred))
    else:
        second = _uniform(hashes, key, column.name, 1)
        noise = rule.noise * np.sqrt(-2 * np.log(first)) * np.cos(2 * np.pi * second)
    return (column.cast(pl.Float64) + pl.Series(noise)).alias(column.name)


def _uniform(hashes: np.ndarray, key: bytes, name: str, place: int) -> np.ndarray:
    """Return a number strictly between 0 and 1 for each hash, that nobody can tell without the key."""
    import numpy as np

    unique, places = np.unique(hashes, return_inverse=True)
    context = f"noise|{name}|{place}|".encode()
    drawn = (hmac.digest(key, context + each.tobytes(), "sha256")[:8] for each in unique)
    numbers = np.frombuffer(b"".join(drawn), dtype="<u8")
    shares = ((numbers >> np.uint64(11)).astype(np.float64) + 0.5) * _SHARE
    return shares[places]
