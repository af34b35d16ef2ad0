"""What is captured around a run goes into its log, like everything that is logged."""

from __future__ import annotations

import time
import weakref
from typing import TYPE_CHECKING, Any

from ai_manager._spool.writer import Spool

if TYPE_CHECKING:
    from ai_manager._run import Run


class RunSink:
    """A `Sink` of the capture. It does not keep a run alive that the script has forgotten."""

    def __init__(self, run: Run, rank: int | None = None) -> None:
        self._run = weakref.ref(run)
        self._rank = {} if rank is None else {"rank": rank}
        self._is_leaving_out = False

    def metrics(self, values: dict[str, float]) -> None:
        """At the last step that was logged, which stays the last one."""
        run = self._run()
        spool = run._spool if run else None
        if run and isinstance(spool, Spool) and not spool.is_over:
            with spool.lock:
                spool.points(max(0, run._last_step), time.time(), tuple(values), tuple(values.values()))

    def environment(self, facts: dict[str, Any]) -> None:
        run = self._run()
        if run:
            run.say("environment", facts)

    def lines(self, lines: list[dict[str, Any]]) -> None:
        """Half of the spool's room is for metrics alone: output may be without measure, and is worth less."""
        run = self._run()
        spool = run._spool if run else None
        if run is None or not isinstance(spool, Spool):
            return
        if spool.is_half_full:
            if not self._is_leaving_out:
                self._is_leaving_out = True
                run.say("lines", [_said("output is left out here: the server is away, and the spool is half full")])
            return
        self._is_leaving_out = False
        run.say("lines", [{**line, **self._rank} for line in lines])


def _said(text: str) -> dict[str, Any]:
    return {"stream": "stderr", "time": time.time(), "text": f"[AI Manager: {text}]"}
