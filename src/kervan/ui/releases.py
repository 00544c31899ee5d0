"""Pages about releases."""

from __future__ import annotations

from kervan.ui.page import Route

ROUTES: tuple[Route, ...] = ()
