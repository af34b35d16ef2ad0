"""What is said for a process that died without a word, from what it left on disk."""

from __future__ import annotations

import contextlib

from ai_manager._sending.facts import Facts
from ai_manager._sending.requests import MOST_LINES, Request
from ai_manager._spool.folder import LAST_LINES, Folder
from ai_manager._transport import Transport

UNKNOWN_END = "the process ended without saying how: it was killed, or the machine stopped"


def say_unknown(said: Facts, transport: Transport, run_id: int) -> None:
    """End the run as killed, unless somebody has said how it ended. Raises what the transport raises."""
    run = transport.call("GET", f"/runs/{run_id}")
    if run.get("status") == "running":
        words = {"status": "killed", "exit": {"code": None, "signal": None, "error": UNKNOWN_END}}
        said.say(transport, run_id, Request("PUT", "", words))


def send_last_lines(said: Facts, folder: Folder, transport: Transport, run_id: int) -> None:
    """What it printed at the end, which often says why. Raises what the transport raises."""
    path = folder.path / LAST_LINES
    if not path.exists():
        return
    from ai_manager._capture.console import left_lines

    lines = left_lines(path)[-MOST_LINES:]
    if lines:
        said.say_lines(transport, run_id, lines)
    with contextlib.suppress(OSError):
        path.unlink()
