"""Pages about finding things by name or id."""

from __future__ import annotations

from kervan.ui.page import Route

ROUTES: tuple[Route, ...] = ()
