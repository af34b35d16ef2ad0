from __future__ import annotations

from typing import Any

from flask import Blueprint, g

from ..http.auth import requires
from ..http.route_docs import idempotent
from ..services import alerts as service
from .decorators import body, returns
from .idempotency import body_fingerprint, idempotency_key
from .requests import AlertIn
from .responses import AlertOut, alert_out

alerts = Blueprint("alerts", __name__, url_prefix="/runs")


@alerts.get("/<id:run_id>/alerts")
@requires("public_or_read")
@returns(AlertOut, many=True)
def index(run_id: int) -> Any:
    """List the alerts of a run, oldest first."""
    return [alert_out(alert) for alert in service.of_run(g.principal, run_id)]


@alerts.post("/<id:run_id>/alerts")
@requires("write")
@idempotent
@body(AlertIn)
@returns(AlertOut, 201)
def create(new: AlertIn, run_id: int) -> Any:
    """Raise an alert: it is shown on the page of the run and of its project, at once where they are open.

    A run may raise 30 a minute and 1,000 in all. An `Idempotency-Key` header makes a retry harmless: it is answered with the
    alert that the first one made.
    """
    key = idempotency_key()
    once = None if key is None else (key, body_fingerprint().hex())
    return alert_out(service.raise_alert(g.principal, run_id, **new.model_dump(), once=once))
