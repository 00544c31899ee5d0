"""All pages and actions of the site, group by group."""

from __future__ import annotations

from kervan.ui import (
    audit,
    data,
    find,
    home,
    models,
    predictions,
    releases,
    runs,
    settings,
    settings_file,
    start,
    watch,
)

_GROUPS = (
    home,
    start,
    find,
    data,
    runs,
    models,
    releases,
    predictions,
    watch,
    audit,
    settings,
    settings_file,
)
ROUTES = tuple(route for group in _GROUPS for route in group.ROUTES)
