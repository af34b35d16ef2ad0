"""The end of the process, as the process meets it: runs that are open get their true end, and what can be sent is sent."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from ai_manager._exit_code import exits
from ai_manager._sending.sender import PATIENCE, senders

LONGEST_TRACE = 60_000  # Characters of a traceback that are kept; its end says most.

Exit = dict[str, Any]


def exit_of(error: BaseException | None, code: int | None = None, signal_name: str | None = None) -> Exit:
    """How a process or block ended, as the API has it."""
    trace = None
    if error is not None and not isinstance(error, SystemExit):
        trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))[-LONGEST_TRACE:]
        trace = trace.replace("\0", "").encode("utf-8", "replace").decode()
    return {"code": code, "signal": signal_name, "error": trace}


def end_of(error: BaseException | None) -> tuple[str, Exit]:
    """The status and the exit that an exception means, None for no exception."""
    if error is None:
        return "completed", exit_of(None, 0)
    if isinstance(error, SystemExit):
        code = int(error.code) if isinstance(error.code, int) else int(error.code is not None)
        return ("failed" if code else "completed"), exit_of(None, code)
    if isinstance(error, KeyboardInterrupt):
        return "killed", exit_of(error, None, "SIGINT")
    return "failed", exit_of(error, 1)


def _at_exit() -> None:
    """Finish what the script left open: as failed or killed when an exception or a code ended it, else as completed."""
    deadline = time.monotonic() + PATIENCE
    error = None if hasattr(sys, "ps1") else getattr(sys, "last_value", None)
    if error is None and exits.code not in (None, 0):
        error = SystemExit(exits.code)
    with contextlib.suppress(Exception):  # An exit hook that raises would hide the script's own error.
        end_all(*end_of(error), deadline=deadline)


def end_all(status: str, exit_: Exit, deadline: float) -> None:
    """End every open run of this process, send what can be sent until then, and say what could not."""
    for sender in list(senders):
        deliveries = sender.open_deliveries
        for delivery in deliveries:
            delivery.close(status, exit_)
        for delivery in deliveries:
            sender.wait_for(delivery, max(0.0, deadline - time.monotonic()))
        for delivery in deliveries:
            delivery.leave()


_handled: dict[int, Any] = {}


def finish_on_signal(number: int = signal.SIGTERM) -> None:
    """When this signal comes, end all runs as killed by it and send what can be sent; then do what it did before.

    For machines that take back their nodes with a signal, as Slurm does. To be called in the main thread. A handler
    that the script sets later replaces this one.
    """
    if number not in _handled:
        _handled[number] = signal.signal(number, _on_signal)


def _on_signal(number: int, frame: Any | None) -> None:
    name = signal.Signals(number).name
    with contextlib.suppress(Exception):
        end_all("killed", exit_of(None, None, name), deadline=time.monotonic() + PATIENCE)
    before = _handled.pop(number, signal.SIG_DFL)
    if callable(before):
        signal.signal(number, before)
        before(number, frame)
    elif before != signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


forked: list[Callable[[], None]] = []  # What is to be done in a child: the runs' part of it.


def _after_fork() -> None:
    _finalizing.clear()
    for sender in list(senders):
        sender.after_fork()
    for action in list(forked):
        action()


def _before_fork() -> None:
    for sender in list(senders):
        sender.has_children = True


_finalizing: set[int] = set()


def flush_at_end_of_forked_process() -> None:
    """Children of `multiprocessing` end without exit hooks, but run the finalisers of its own kind."""
    util = sys.modules.get("multiprocessing.util")
    process = sys.modules.get("multiprocessing.process")
    if util is None or process is None or process.parent_process() is None or os.getpid() in _finalizing:
        return
    _finalizing.add(os.getpid())
    util.Finalize(None, _at_exit, exitpriority=0)


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
