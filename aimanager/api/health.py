"""Probes, and what a browser has to say about our pages."""

from __future__ import annotations

import logging
from typing import Any

from flask import Blueprint, request

from ..extensions import parts
from ..http.auth import requires
from ..http.rate_limits import budget
from ..http.route_docs import undocumented
from .decorators import answer, returns
from .responses import Health

health = Blueprint("health", __name__)
log = logging.getLogger(__name__)


@health.get("/healthz")
@requires("anyone")
@budget("none")
@returns(Health)
def alive() -> Any:
    """Whether the process lives; asks nothing else."""
    return {"status": "ok"}


@health.get("/readyz")
@requires("anyone")
@budget("none")
@returns(Health, also={503: "One part cannot serve"})
def ready() -> Any:
    """Whether requests can be served: database, schema, disk, bus and limits, one word each; 503 if not.

    `degraded` says that they are, though viewers hear of changes later or each process counts limits by itself.
    """
    readiness = parts().readiness
    checks = readiness.checks()
    verdict = readiness.verdict(checks)
    response = answer({"status": verdict, **checks}, 503 if verdict == "unavailable" else 200)
    if verdict == "unavailable":
        response.headers["Retry-After"] = "1"
    return response


@health.post("/csp-report")
@undocumented
@requires("anyone")
@returns(None, 204)
def csp_report() -> None:
    """Take a browser's report that a page broke its own policy; one cut line in the log."""
    log.warning("policy violation reported: %r", request.get_data()[:1000])
