"""A first reading in a process of its own: libraries in C can die of a broken file.

`python -m kervan.package.foreign.trial LIBRARY FILE` reads the file and scores two rows.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kervan.core.errors import Corrupted, KervanError
from kervan.package.foreign.catboost import open_catboost
from kervan.package.foreign.elsewhere import Elsewhere
from kervan.package.foreign.keras import open_keras
from kervan.package.foreign.lightgbm import open_lightgbm
from kervan.package.foreign.xgboost import open_xgboost
from kervan.package.writing.child import limit_memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from kervan.package.foreign.foreign import Foreign

OPENERS: dict[str, Callable[[Path], Foreign]] = {
    "LightGBM": open_lightgbm,
    "XGBoost": open_xgboost,
    "CatBoost": lambda path: open_catboost(path, "cbm"),
    "CatBoost's JSON": lambda path: open_catboost(path, "json"),
    "Keras": open_keras,
}
_BROKEN = 3
_SECONDS = 300
_BYTES = 16 << 30  # of addresses: what a library maps, not what it uses
_MOST_COLUMNS = 1 << 20


def open_tried(path: Path, library: str) -> Foreign:
    """Read a file that another process has read before, or raise `Corrupted` if that did not survive."""
    asked = [sys.executable, "-P", "-W", "ignore", "-m", __name__, library, str(path.resolve())]
    try:
        done = subprocess.run(asked, capture_output=True, check=False, timeout=_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise _broken(path, library, f"it was still read after {_SECONDS} seconds") from error
    if done.returncode == _BROKEN:
        said = done.stdout.decode(errors="replace").strip()
        raise _broken(path, library, said.partition("\n")[0])  # XGBoost goes on with its own addresses
    if done.returncode:
        raise _broken(path, library, "the library does not survive reading it")
    return OPENERS[library](path)


def _broken(path: Path, library: str, why: str) -> Corrupted:
    return Corrupted(f"{path} is no model of {library}: {why}", hint="fetch or save it again")


def _try(path: Path, library: str) -> int:
    try:
        foreign = OPENERS[library](path)
    except Corrupted as error:
        print(error.__cause__ or error)  # noqa: T201  this is what the other process reads
        return _BROKEN
    except KervanError:
        return 0  # the other process says so itself
    if foreign.inputs > _MOST_COLUMNS or foreign.scores is None:
        return 1
    if isinstance(foreign.scores, Elsewhere):
        return 0  # it is never scored in the process that asked
    with suppress(Exception):  # what it says of two rows is no matter, as long as it lives
        foreign.scores(np.array([[0.0], [np.nan]]) + np.zeros(foreign.inputs))
    return 0


if __name__ == "__main__":
    limit_memory(_BYTES)
    sys.exit(_try(Path(sys.argv[2]), sys.argv[1]))
