"""What is made one call after the other is taken back where a later call fails."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kervan.core.errors import ServerFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Undo:
    """Remembers how each thing that was made is taken away again."""

    def __init__(self) -> None:
        self._steps: list[tuple[str, Callable[..., Any], dict[str, Any]]] = []

    def add(self, what: str, call: Callable[..., Any], **body: Any) -> None:
        """Remember a call that takes something away."""
        self._steps.append((what, call, body))

    def run(self) -> list[str]:
        """Take everything away, the newest first, and return what stays."""
        left = []
        for what, call, body in reversed(self._steps):
            try:
                call(**body)
            except Exception as error:  # noqa: BLE001 - the others have to go all the same
                left.append(f"{what} ({error})")
        return left


@contextmanager
def taken_back_on_failure() -> Iterator[Undo]:
    """Give an `Undo` that is run if what follows fails; then the error says what stays."""
    undo = Undo()
    try:
        yield undo
    except BaseException as error:
        left = undo.run()
        if left:
            raise ServerFailed(f"{error}; these stay and have to be removed: {', '.join(left)}") from error
        raise
