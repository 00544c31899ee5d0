"""Pages about beginning a project and living its whole way."""

from __future__ import annotations

from kervan.ui.page import Route

ROUTES: tuple[Route, ...] = ()
