"""Importing Keras with a backend that is there, and without leaving anything in the user's home."""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kervan.core.errors import InvalidConfig, MissingExtra
from kervan.core.plugins import extras_named
from kervan.package.writing.tensor.tensorflow import KERAS_HOME, first_import, no_trace_at_home, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

_BACKEND = "KERAS_BACKEND"
_BACKENDS = ("tensorflow", "torch", "jax")  # the first that is there, where nobody chose


def imported() -> Any:
    """Import Keras.

    Its backend is what `KERAS_BACKEND` or the user's `keras.json` says, else one that is installed. Raises
    `MissingExtra` if there is none, `InvalidConfig` if the one that was chosen is not there.
    """
    if "keras" not in sys.modules:
        with extras_named():
            _import()
    import keras

    return keras


def _import() -> None:
    backend = os.environ.get(_BACKEND) or _configured() or _installed()
    with settings({_BACKEND: backend}), no_trace_at_home(), quiet():
        try:
            import keras  # noqa: F401 - its first import decides for the process
        except (ModuleNotFoundError, ValueError) as error:  # what it needs, or a name that it does not know
            if isinstance(error, ModuleNotFoundError) and error.name == "keras":
                raise
            raise InvalidConfig(
                f"Keras does not run on {backend!r}: {error}",
                hint=f"install it, or set {_BACKEND} to one of {', '.join(_BACKENDS)}",
            ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep back what other libraries say of Keras's use of them, and Keras of a format that was asked for.

    Keras may import TensorFlow late, whatever its backend is.
    """
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with first_import(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        logger.setLevel(level)


def _configured() -> str:
    """Return the backend that the user's file names, "" if it is not there: Keras writes the file itself."""
    folder = Path(os.environ.get(KERAS_HOME, Path.home() / ".keras"))
    try:
        named = json.loads((folder / "keras.json").read_text(encoding="utf-8"))["backend"]
    except (OSError, ValueError, LookupError, TypeError):
        return ""
    return named if isinstance(named, str) and find_spec(named) else ""


def _installed() -> str:
    for backend in _BACKENDS:
        if find_spec(backend):
            return backend
    raise MissingExtra("tensorflow", "tensorflow")
