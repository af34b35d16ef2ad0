"""Points: record, list, summarise, draw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import Conflict, NotFound, Unavailable
from ..extensions import live_bus, metric_store
from ..principal import Principal
from ..store import (
    Batch,
    Chart,
    Head,
    History,
    MetricStore,
    OutOfTurn,
    Points,
    Receipt,
    RunDeleted,
    StoreUnavailable,
    Summary,
)
from . import runs


def record(principal: Principal, run_id: int, batch: Batch) -> tuple[Receipt, bool]:
    """Store a batch once, however often it arrives, and wake its viewers; says too whether the run is asked to stop."""
    project_id, stop_requested = runs.place_of(run_id, principal, "write")
    try:
        receipt = metric_store.append(run_id, project_id, batch)
    except RunDeleted:
        raise NotFound() from None
    except OutOfTurn as error:
        raise Conflict(_out_of_turn(error, batch)) from None
    except StoreUnavailable:
        raise Unavailable("The points could not be stored just now, please send them again") from None
    if not receipt.repeated:
        # After the commit: nobody sees what might be rolled back.
        live_bus.publish(f"run:{run_id}")
        live_bus.publish(f"project:{project_id}")
    return receipt, stop_requested


def _out_of_turn(error: OutOfTurn, batch: Batch) -> str:
    if error.reason == "changed" and (batch.writer or "").startswith("key:"):
        return "This Idempotency-Key was used with another body; use a new key for other points"
    if error.reason == "changed":
        return f"Batch {batch.seq} of this client was stored with other points; the number expected is {error.expected}"
    return f"Batch {batch.seq} of this client is out of turn; the number expected is {error.expected}"


def points(principal: Principal, run_id: int, name: str | None = None, skip: int = 0, limit: int = 1000) -> Points:
    """Points by (time, id), with how many there are in all."""
    runs.project_of(run_id, principal)
    return metric_store.points(run_id, name, skip, limit)


def history(principal: Principal, run_id: int, name: str) -> History:
    """All points of one metric; raises NotFound for one that the run never logged."""
    runs.project_of(run_id, principal)
    history = metric_store.history(run_id, name)
    if history is None:
        raise NotFound()
    return history


def histories(principal: Principal, run_id: int) -> Iterator[History]:
    """All points of all metrics, metric by metric, each read when its turn comes."""
    runs.project_of(run_id, principal)
    # They may be read after the request's context, which the proxy needs, has ended.
    store: MetricStore = metric_store._get_current_object()  # type: ignore[attr-defined]
    names = store.names([run_id])
    return (history for name in names if (history := store.history(run_id, name)))


def summary(principal: Principal, run_id: int) -> list[Summary]:
    """One row a metric, by name."""
    runs.project_of(run_id, principal)
    return metric_store.summaries([run_id]).get(run_id, [])


RUNS_AT_ONCE = 250  # Whose summaries are in memory.


def summaries(run_ids: Sequence[int]) -> Iterator[dict[int, list[Summary]]]:
    """The summaries of all metrics of many runs, some runs at a time in their order. The right to read was checked with the list."""
    store: MetricStore = metric_store._get_current_object()  # type: ignore[attr-defined]
    starts = range(0, len(run_ids), RUNS_AT_ONCE)
    return (store.summaries(run_ids[start : start + RUNS_AT_ONCE]) for start in starts)


def chart(principal: Principal, run_id: int, names: Sequence[str], **window: Any) -> list[Chart]:
    """Downsampled series, one for each name that the run logged."""
    runs.project_of(run_id, principal)
    return metric_store.chart(run_id, names, **window)


def head(run_id: int) -> Head | None:
    """How far a run is; None before its first point. The right to read was checked with the run."""
    return metric_store.heads([run_id]).get(run_id)
