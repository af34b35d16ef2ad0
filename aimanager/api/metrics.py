"""Points in; how they come out is in reads.py."""

from __future__ import annotations

import time
from typing import Any

from flask import Blueprint, g

from ..errors import Conflict, Invalid
from ..extensions import hub, parts
from ..http.auth import requires
from ..http.fast_path import fast
from ..http.rate_limits import Window, budget
from ..http.route_docs import idempotent, refuses
from ..services import metrics as service
from ..store import Batch, Column
from ..wire import numbers, times
from . import columns
from .batches import BatchIn, BulkFrame, BulkIn, MetricIn
from .decorators import body, returns
from .idempotency import body_fingerprint, idempotency_key
from .responses import Logged, Message, MetricOut

metrics = Blueprint("metrics", __name__, url_prefix="/metrics")


@metrics.post("/<id:run_id>")
@fast
@requires("write")
@idempotent
@body(MetricIn)
@returns(MetricOut, 201)
def log(metric: MetricIn, run_id: int) -> Any:
    """Log a single metric.

    Without a step it is the metric's greatest one plus one. An `Idempotency-Key` header makes a retry harmless.
    """
    receipt, _ = service.record(g.principal, run_id, _batch_once(columns.single(metric)))
    if receipt.steps is None or receipt.times is None:
        raise Conflict(
            "This Idempotency-Key logged a point that a rewind has taken away; use a new key to log it again"
        )
    return {
        "id": receipt.first_id,
        "run_id": run_id,
        "name": metric.name,
        "value": numbers.to_json(metric.value),
        "step": int(receipt.steps[0]),
        "timestamp": times.to_datetime(int(receipt.times[0])),
    }


@metrics.post("/<id:run_id>/batch")
@fast
@requires("write")
@idempotent
@body(BatchIn)
@returns(Message)
def log_batch(row: BatchIn, run_id: int) -> Any:
    """Log multiple metrics at once, all at the same step.

    An `Idempotency-Key` header makes a retry harmless.
    """
    service.record(g.principal, run_id, _batch_once(columns.batch(row)))
    return {"message": f"Logged {len(row.metrics)} metrics successfully"}


@metrics.post("/<id:run_id>/bulk")
@fast
@requires("write")
@refuses(409)
@budget("ingest")
@body(BulkIn, frame=BulkFrame)
@returns(Logged)
def log_bulk(posted: BulkIn | BulkFrame, run_id: int) -> Any:
    """Log many points of many metrics, as columns.

    The columns are lists in JSON, or bytes in a frame (`application/vnd.ai-manager.points`, see docs/api.md).
    `client` and `seq` make a retry harmless: a client numbers its batches from 1, one after the other; a number that
    was stored before is answered and not stored again, one out of turn is a 409 that names the number expected.
    """
    if (posted.client is None) != (posted.seq is None):
        raise Invalid.field("seq", "client and seq must be sent together")
    batch = Batch(columns.bulk(posted), posted.client, posted.seq, body_fingerprint() if posted.client else None)
    parts().rate_limits.spend_points(batch.count)
    receipt, stop_requested = service.record(g.principal, run_id, batch)
    return {
        "message": f"Logged {batch.count} metrics successfully",
        "last_id": receipt.last_id,
        "flush_after_ms": _flush_after_ms(run_id),
        "stop_requested": stop_requested,
    }


def _flush_after_ms(run_id: int) -> int:
    window: Window | None = g.get("window")
    left = (window.remaining, max(0.0, window.until - time.time())) if window else ()
    return parts().flush_pacing.after_request(run_id, g.principal.user_id, hub.watched(run_id), *left)


def _batch_once(sent: tuple[Column, ...]) -> Batch:
    """A request with an `Idempotency-Key` is the one batch of a writer of that name."""
    key = idempotency_key()
    return Batch(sent) if key is None else Batch(sent, f"key:{key}", 1, body_fingerprint())
