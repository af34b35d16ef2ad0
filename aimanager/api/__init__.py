"""The JSON face: the contract, one blueprint a resource."""

from __future__ import annotations

from flask import Flask

from .accounts import auth
from .alerts import alerts
from .health import health
from .logs import logs
from .metrics import metrics
from .notes import notes
from .openapi import document
from .projects import projects
from .runs import runs

from . import reads  # noqa: F401  isort: skip - more routes of metrics


def init_api(app: Flask) -> None:
    for blueprint in (auth, projects, runs, notes, metrics, logs, alerts, health, document):
        app.register_blueprint(blueprint)
