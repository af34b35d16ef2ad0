"""The pages: HTML first, htmx for what changes, scripts only where drawing needs them."""

# Each of these modules adds its routes to the blueprint.
from . import (
    bulk,
    charts,
    client,
    column_search,
    docs,
    home,
    projects,
    runs,
    search,
    session,
    settings,
    table_csv,
    views,
)
from .blueprint import web

__all__ = [
    "bulk",
    "charts",
    "client",
    "column_search",
    "docs",
    "home",
    "projects",
    "runs",
    "search",
    "session",
    "settings",
    "table_csv",
    "views",
    "web",
]
