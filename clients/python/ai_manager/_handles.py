"""A run in other processes: what is pickled of it, and what becomes of that there."""

from __future__ import annotations

import copyreg
from typing import Any

from ai_manager import _settings
from ai_manager._notices import Notices
from ai_manager._run import Run, runs
from ai_manager._sending.sender import Sender
from ai_manager._transport import Transport

_senders: dict[tuple[str, str], Sender] = {}  # Of runs that came from other processes, by server and project.


def attach(facts: dict[str, Any], server: str, is_disabled: bool, last_step: int) -> Run:
    """What a pickled run becomes: the run itself where it began, a handle to it elsewhere."""
    known = runs.get(facts["key"])
    if known is not None:
        return known
    if is_disabled:
        return Run(facts, None, server)
    place = server, facts["project"]
    if place not in _senders:
        settings = _settings.resolve(server)
        # Without credentials it only writes: whoever began the run sends what is written.
        is_online = settings.has_credentials and facts["mode"] == "online"
        _senders[place] = Sender(Transport(settings) if is_online else None, facts["project"], Notices())
    run = Run({**facts, "inherited": True}, _senders[place], server)
    run._last_step = last_step
    return run


def _pickled(run: Run) -> tuple[Any, ...]:
    if run._sender:
        run._sender.has_children = True
    run_id = run._delivery.run_id if run._delivery else run._facts.get("run_id")
    return attach, ({**run._facts, "run_id": run_id}, run._server, run._sender is None, run._last_step)


copyreg.pickle(Run, _pickled)
