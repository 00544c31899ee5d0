"""What the user's own code raises, told with the file and line where it fails."""

from __future__ import annotations

import sys
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING

from kervan.core.errors import InvalidConfig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def telling(path: Path, what: str) -> Iterator[None]:
    """Turn whatever the user's code raises into `InvalidConfig` that names file, line and error.

    What it prints goes to the standard error: what a command answers stays readable to programs.
    """
    try:
        with redirect_stdout(sys.stderr):
            yield
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # `exit()` would end Kervan as if all were well
        line = line_of(error, path)
        raise InvalidConfig(
            f"{path.name}{f':{line}' if line else ''}: {what}: {type(error).__name__}: {error}",
            hint="mend it there; the line is the last of that file on the way to the error",
        ) from error


def line_of(error: BaseException, path: Path) -> int:
    """Return the last line of a file on the way to an error, 0 if it was never there."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno or 0
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 0 for frame in reversed(frames) if frame.filename == str(path)), 0)
