"""All pages and actions of the site, group by group."""

from __future__ import annotations

from kervan.ui import audit, data, find, home, models, predictions, releases, runs, settings, start, watch

ROUTES = tuple(
    route
    for group in (home, start, find, data, runs, models, releases, predictions, watch, audit, settings)
    for route in group.ROUTES
)
