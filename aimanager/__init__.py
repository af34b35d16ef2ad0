"""AI Manager: a self-hosted tracker for machine-learning experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .config import ConfigurationError, Settings

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["ConfigurationError", "Settings", "create_app"]


def create_app(settings: Settings | None = None, *, background: bool = True) -> Flask:
    """The application. Raises ConfigurationError with one sentence when it cannot start.

    Without `background` it is for a command: it starts no threads and, instead of migrating, refuses an old schema.
    """
    # Loaded only where it runs: gunicorn's master process reads the settings and nothing else, and stays small.
    from .factory import create_app

    return create_app(settings, background=background)
