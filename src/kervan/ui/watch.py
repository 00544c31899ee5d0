"""Pages about what production asks and brings."""

from __future__ import annotations

from kervan.ui.page import Route

ROUTES: tuple[Route, ...] = ()
