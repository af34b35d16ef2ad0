"""How far a run has come, when its script said how many steps there will be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..models import Run
from ..store import Summary


@dataclass(frozen=True)
class Progress:
    """Steps that are done and to be done, and about how long the rest takes; None while that cannot be said."""

    done: int
    total: int
    left: timedelta | None

    @property
    def percent(self) -> int:
        """Never 100 before the last step."""
        return 100 * self.done // self.total


def of(run: Run, summary: Sequence[Summary], heard_at: datetime | None) -> Progress | None:
    """None for a run that did not say how many steps there will be, or has not logged one.

    The rate is that of the whole run by the server's clock, from its start to its last point at `heard_at`.
    """
    last_step = max((metric.last_step for metric in summary), default=-1)
    if run.total_steps is None or heard_at is None or last_step < 0:
        return None
    done = min(last_step + 1, run.total_steps)  # Steps begin at 0.
    before = 0 if run.fork_step is None else min(run.fork_step + 1, done)  # Steps of its parent took none of its time.
    elapsed = heard_at - run.started_at
    is_known = run.status == "running" and elapsed > timedelta() and done > before
    left = elapsed * ((run.total_steps - done) / (done - before)) if is_known else None
    return Progress(done, run.total_steps, left)
