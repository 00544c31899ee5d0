"""A release that comes as a whole: where it fails, what was applied last is applied again."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from kervan.core.errors import KervanError, ServerFailed
from kervan.deploy.targets.written import bring_back, keep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextmanager
def applying(folder: Path, again: Callable[[Path | None], None]) -> Iterator[None]:
    """Keep what was rendered once it is applied; where that fails, call `again` with what was kept before.

    There is None where nothing was applied before: then `again` takes away what came. Raises `ServerFailed`
    with both reasons where the way back fails too.
    """
    try:
        yield
    except (KervanError, KeyboardInterrupt) as error:
        try:
            again(bring_back(folder))
        except KervanError as other:
            raise ServerFailed(
                f"{error}; what ran before could not be applied again either: {other}", hint=other.hint
            ) from error
        raise
    keep(folder)
